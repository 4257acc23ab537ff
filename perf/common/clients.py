# SPDX-License-Identifier: GPL-3.0-or-later
"""The loads: wrk, h2load, and perf/client. Each gives operations and latencies, or ends the run:
an error answer or a broken connection is never averaged away."""

import json
import os
import re
import subprocess

from common import certificates, processes

HERE = os.path.dirname(os.path.abspath(__file__))
WRK_SCRIPT = os.path.join(HERE, "wrk.lua")


class LoadFailed(SystemExit):
    """Not every operation was answered as it should be."""


def _run(bench, command):
    done = subprocess.run(command, capture_output=True, text=True, check=False,
                          preexec_fn=processes.settle(bench.client_cpus))
    if done.returncode != 0:
        raise LoadFailed(f"{' '.join(command)}:\n{done.stdout}{done.stderr}")
    return done.stdout


def wrk_command(port, seconds, connections, *options, path="/", script=WRK_SCRIPT):
    return ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "20s", "-s", script,
            "-H", f"Host: {certificates.NAME}", *options,
            f"https://{certificates.NAME}:{port}{path}"]


def wrk_result(text):
    """What wrk.lua said, as the other clients say it."""
    return json.loads(re.search(r"^result (\{.*\})$", text, re.M)[1])


def _checked(result, command):
    if result["errors"] or not result["operations"]:
        raise LoadFailed(f"{' '.join(map(str, command))}: not every operation was answered as it "
                         f"should be:\n{json.dumps(result, indent=1)}")
    return result


def wrk(bench, port, seconds, connections, *options, path="/", script=WRK_SCRIPT, arguments=()):
    command = wrk_command(port, seconds, connections, *options, path=path, script=script)
    command += ["--", *arguments] if arguments else []
    return _checked(wrk_result(_run(bench, command)), command)


def own_command(bench, load, port, body, **options):
    command = [os.path.join(bench.build, "perf", "weir-perf-client"), load,
               "--port", str(port), "--bytes", str(body)]
    for name, value in options.items():
        name = "--" + name.replace("_", "-")
        command += [name] if value is True else [] if value is False else [name, str(value)]
    return command


def own(bench, load, port, body, **options):
    """perf/client; options as weir-perf-client has them."""
    command = own_command(bench, load, port, body, **options)
    result = _checked(json.loads(_run(bench, command)), command)
    if options.get("resume") and result["resumed"] < 0.98 * result["operations"] - 64:
        raise LoadFailed(f"{' '.join(command)}: only {result['resumed']} of "
                         f"{result['operations']} handshakes resumed")
    return result


def h2load(bench, port, seconds, clients, streams, path="/"):
    """h2load -D counts what began after its warm-up."""
    command = ["h2load", f"-D{seconds}", f"-c{clients}", f"-m{streams}", "-t1",
               "--warm-up-time=0", f"--header=:authority: {certificates.NAME}",
               f"https://127.0.0.1:{port}{path}"]
    text = _run(bench, command)
    done = re.search(r"requests: (\d+) total, \d+ started, (\d+) done, (\d+) succeeded, "
                     r"(\d+) failed, (\d+) errored, (\d+) timeout", text)
    times = re.search(r"time for request:\s+(\S+)\s+(\S+)\s+(\S+)", text)
    if done is None or "protocol: h2" not in text.replace("Application ", ""):
        raise LoadFailed(f"{' '.join(command)}: no HTTP/2:\n{text}")
    return _checked({"operations": int(done[3]), "errors": sum(map(int, done.group(4, 5, 6))),
                     "seconds": seconds, "p50_us": None, "p99_us": None,
                     "max_us": _micro(times[2])}, command)


def _micro(text):
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()
    return float(number) * {"us": 1, "ms": 1000, "s": 1000000}[unit]
