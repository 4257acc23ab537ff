# SPDX-License-Identifier: GPL-3.0-or-later
"""Handshakes that ask for names nobody has: they must grow nothing."""

from common import clients, rounds, servers
from common.workload import verdict

COUNT, COUNT_SHORT = 1000000, 5000
WARM = 5000
THREADS = 16
GROWTH_KB = 1024


class UnknownNames:
    name = "unknown-names"
    title = "handshakes with names that nobody has (a million in a full run)"

    def run(self, bench):
        count = COUNT_SHORT if bench.short else COUNT
        server = servers.Peer(bench, "weir", "http")

        def ask(number, unknown):
            return rounds.sample(server, lambda: clients.own(
                bench, "handshakes", server.port, len(servers.SMALL), threads=THREADS,
                count=number, random_names=unknown))
        try:
            ask(WARM, True)
            known = ask(WARM, False)
            before = server.memory_kb("VmRSS")
            unknown = ask(count, True)
            growth = server.memory_kb("VmRSS") - before
        finally:
            server.stop()
        rows = {"weir, one name": known, f"weir, {count:,} names": {**unknown, "growth_kb": growth}}
        return {"rows": rows, "verdicts": [verdict("growth of memory", growth, GROWTH_KB, "KB")]}


WORKLOADS = (UnknownNames(),)
