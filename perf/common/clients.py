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


def h2load(bench, server, seconds, clients, streams, path="/"):
    log = os.path.join(bench.make_folder("h2load"), "log")
    command = ["h2load", f"--duration={seconds}", f"--clients={clients}",
               f"--max-concurrent-streams={streams}", "--threads=1", f"--log-file={log}",
               f"https://{certificates.NAME}:{server.port}{path}"]
    text = _run(bench, command)
    done = re.search(r"requests: .* (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout",
                     text)
    if done is None or "Application protocol: h2\n" not in text:
        raise LoadFailed(f"{' '.join(command)}: no HTTP/2:\n{text}")
    succeeded, *wrong = map(int, done.groups())
    with open(log, encoding="ascii") as file:  # a line for each: when, status, microseconds
        times = sorted(int(line.split()[2]) for line in file)
    return _checked({"operations": succeeded, "errors": sum(wrong), "seconds": seconds,
                     "p50_us": _quantile(times, 0.5), "p99_us": _quantile(times, 0.99),
                     "max_us": _quantile(times, 1)}, command)


def _quantile(times, share):
    return times[min(int(share * len(times)), len(times) - 1)] if times else None
