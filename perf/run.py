# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs workloads one after the other and keeps what came out; perf/run.sh calls it."""

import argparse
import sys
import tempfile

from common import report, servers
from common.bench import Bench
from common.workload import Skipped
import workloads

PEERS = [peer for peer in servers.COMMANDS if peer != "weir"]


def parse():
    parser = argparse.ArgumentParser(
        prog="perf/run.sh", description="Weir and its peers under the same load.")
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD",
                        help="all unless some are named")
    parser.add_argument("--peer", action="append", nargs="+", choices=PEERS, metavar="NAME",
                        help=f"only these peers; of {', '.join(PEERS)}")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5, help="of one measurement")
    parser.add_argument("--name", default="run", help="how the result is called")
    parser.add_argument("--list", action="store_true", help="name the workloads and end")
    parser.add_argument("--build", required=True, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    unknown = set(arguments.workloads) - set(workloads.ALL)
    if unknown:
        parser.error(f"no such workload: {', '.join(sorted(unknown))}; there are "
                     f"{', '.join(workloads.ALL)}")
    return arguments


def choose_peers(named):
    peers = sum(named, []) if named else PEERS
    missing = [peer for peer in peers if not servers.available(peer)]
    if missing:
        print(f"not installed, left out: {', '.join(missing)}")
    return ["weir", *(peer for peer in peers if peer not in missing)]


def run_one(workload, bench):
    print(f"\n== {workload.name}: {workload.title}", flush=True)
    try:
        outcome = workload.run(bench)
    except Skipped as reason:
        print(f"skipped: {reason}", flush=True)
        return {"title": workload.title, "skipped": str(reason)}
    except SystemExit as failure:
        print(f"FAILED: {failure}", flush=True)
        return {"title": workload.title, "failed": str(failure)}
    outcome = {"title": workload.title, **outcome}
    print(report.table(outcome), flush=True)
    return outcome


def main():
    arguments = parse()
    if arguments.list:
        for one in workloads.ALL.values():
            print(f"{one.name:20} {one.title}")
        return 0
    names = arguments.workloads or list(workloads.ALL)
    peers = choose_peers(arguments.peer)
    outcomes = {}
    with tempfile.TemporaryDirectory(prefix="weir-perf-") as folder:
        bench = Bench(arguments.build, folder, peers, arguments.rounds, arguments.seconds)
        try:
            for name in names:
                outcomes[name] = run_one(workloads.ALL[name], bench)
        finally:
            bench.close()
    report.keep(arguments.name, bench, sys.argv[1:], outcomes)
    return 1 if any("failed" in one for one in outcomes.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
