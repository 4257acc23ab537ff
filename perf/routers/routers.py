# SPDX-License-Identifier: GPL-3.0-or-later
"""CPU time per request against the number of Host routers.

One Weir per count, all alive at once on the first core, are asked in turn by the same wrk over
kept TLS connections; wrk and nginx have the other cores. A round asks each once, in an order that
changes; a count is compared with the first of the same round, so that what else runs on the
machine weighs on both.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from common import report, servers  # pylint: disable=wrong-import-position

CONNECTIONS = 32
TARGET = 1.1


def write_dynamic(path, count, backend):
    with open(path, "w", encoding="ascii") as file:
        file.write("http:\n  routers:\n")
        file.writelines(f"    shop{i}: {{ rule: 'Host(`shop{i}.customers.example`)', "
                        f"service: app, tls: {{}} }}\n" for i in range(count))
        file.write("  services:\n    app: { loadBalancer: { servers: "
                   f"[{{ url: 'http://127.0.0.1:{backend}' }}] }} }}\n")


def measure(weir, count, seconds, cpus):
    command = servers.wrk_command(weir.port, seconds, CONNECTIONS, "-s",
                                  os.path.join(HERE, "hosts.lua"))
    before = weir.cpu_ns()
    text = subprocess.run([*command, "--", str(count)], capture_output=True, text=True, check=True,
                          preexec_fn=lambda: os.sched_setaffinity(0, cpus)).stdout
    spent = weir.cpu_ns() - before
    requests, errors = servers.wrk_result(text)
    if errors or not requests:
        raise SystemExit(f"{count} routers: not every request was answered:\n{text}")
    return spent / requests / 1000


def run(arguments, folder):
    cores = sorted(os.sched_getaffinity(0))
    mine, others = {cores[0]}, set(cores[1:]) or {cores[0]}
    backend, weirs = servers.Nginx(os.path.join(folder, "nginx"), others), {}
    try:
        for count in arguments.counts:
            dynamic = os.path.join(folder, f"{count}.yml")
            write_dynamic(dynamic, count, backend.port)
            weirs[count] = servers.Weir(os.path.join(arguments.build, "weir"),
                                        os.path.join(folder, str(count)), dynamic, cpus=mine)
            measure(weirs[count], count, 1, others)  # connections to the backend, caches
        rounds = []
        for number in range(arguments.rounds):
            turn = number % len(weirs)
            order = arguments.counts[turn:] + arguments.counts[:turn]
            rounds.append({count: measure(weirs[count], count, arguments.seconds, others)
                           for count in order})
        return rounds
    finally:
        for server in [*weirs.values(), backend]:
            server.stop()


def summarise(counts, rounds):
    rows = []
    for count in counts:
        ratios = sorted(one[count] / one[counts[0]] for one in rounds)
        rows.append({"routers": count, "ratio": statistics.median(ratios), "ratio_low": ratios[0],
                     "cpu_us": statistics.median(one[count] for one in rounds),
                     "ratio_high": ratios[-1]})
    return rows


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("counts", type=int, nargs="*", default=[1, 100, 1000, 10000])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="weir-routers-") as folder:
        rounds = run(arguments, folder)
    rows = summarise(arguments.counts, rounds)
    table = "\n".join(
        ["   routers   CPU us/request   of the first (lowest to highest of the rounds)"] +
        [f"{row['routers']:10} {row['cpu_us']:16.2f}   {row['ratio']:.3f} "
         f"({row['ratio_low']:.3f} to {row['ratio_high']:.3f})" for row in rows] +
        [f"medians of {len(rounds)} rounds of {arguments.seconds} s; GET over {CONNECTIONS} kept "
         f"TLS connections, one worker;", f"target: 1,000 routers <= {TARGET} of one"])
    report.keep("routers", f"perf/routers.sh --rounds {arguments.rounds}",
                os.path.join(arguments.build, "weir"), table,
                {"target": TARGET, "results": rows, "rounds_cpu_us": rounds})


if __name__ == "__main__":
    main()
