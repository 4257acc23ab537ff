# SPDX-License-Identifier: GPL-3.0-or-later
"""CPU time per request against the number of Host routers: one Weir for each number."""

import os

from common import clients, rounds, servers
from common.workload import Contestant, SideBySide, verdict

COUNTS, COUNTS_SHORT = (1, 100, 1000, 10000), (1, 10000)
CONNECTIONS = 32
LIMIT = 1.1
SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "hosts.lua")


def _label(count):
    return f"weir, {count:,} router" + ("s" if count > 1 else "")


def _start(bench, count):
    """The usual router for what is checked first, and one for each host."""
    folder = bench.make_folder(f"routers-{count}")
    dynamic = servers.fill("weir.http.in", servers.values_of(bench, folder, "ecdsa"),
                           f"{folder}/dynamic.yml")
    with open(dynamic, encoding="ascii") as file:
        head, mark, rest = file.read().partition("  routers:\n")
    with open(dynamic, "w", encoding="ascii") as file:
        file.write(head + mark)
        file.writelines(f"    shop{i}: {{ rule: 'Host(`shop{i}.customers.example`)', "
                        f"service: app, tls: {{}} }}\n" for i in range(count))
        file.write(rest)
    return servers.Peer(bench, "weir", "http", DYNAMIC=dynamic)


class Routers(SideBySide):
    name = "routers"
    title = f"small answers with 1 to 10,000 Host routers, {CONNECTIONS} kept connections"

    def contestants(self, bench):
        def entry(count):
            return Contestant(
                _label(count), lambda: _start(bench, count),
                lambda server, seconds: clients.wrk(
                    bench, server.port, seconds, CONNECTIONS, script=SCRIPT,
                    arguments=(str(count),)))
        return [entry(count) for count in (COUNTS_SHORT if bench.short else COUNTS)]

    def verdicts(self, rows, taken):
        of_one = rounds.ratio(taken, _label(COUNTS[-1]), _label(1))
        return [verdict("CPU at 10,000 of that at 1", of_one["median"], LIMIT,
                        noise=of_one["noise"])]


WORKLOADS = (Routers(),)
