# SPDX-License-Identifier: GPL-3.0-or-later
"""One worker and two. On a machine of two cores the clients share the second worker's, so only CPU
time can be compared, not the answers per second."""

import os

from common import clients, rounds, servers
from common.workload import Contestant, SideBySide, Skipped, verdict

CONNECTIONS = 64
LIMIT = 1.1


class Cores(SideBySide):
    name = "cores"
    title = f"small answers with one worker and two, {CONNECTIONS} kept connections"

    def contestants(self, bench):
        both = set(sorted(os.sched_getaffinity(0))[:2])
        if len(both) < 2:
            raise Skipped("there is only one core")

        def entry(label, workers, cpus):
            return Contestant(
                label, lambda: servers.Peer(bench, "weir", "http", cpus=cpus, WORKERS=workers),
                lambda server, seconds: clients.wrk(bench, server.port, seconds, CONNECTIONS))
        return [entry("weir, 1 worker", 1, bench.server_cpus),
                entry("weir, 2 workers", 2, both)]

    def verdicts(self, rows, taken):
        of_one = rounds.ratio(taken, "weir, 2 workers", "weir, 1 worker")
        return [verdict("CPU with 2 workers of that with 1", of_one["median"], LIMIT,
                        noise=of_one["noise"])]


WORKLOADS = (Cores(),)
