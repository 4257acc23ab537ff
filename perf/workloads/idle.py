# SPDX-License-Identifier: GPL-3.0-or-later
"""What a connection costs in memory that has asked once and now waits."""

import json
import subprocess

from common import clients, negotiated, processes, servers
from common.workload import HTTP_PEERS, verdict

COUNT, COUNT_SHORT = 10000, 1000
WARM = 64
LIMIT_KB = 8


def _hold(bench, server, count):
    """(KB for each connection, what the client saw). Every connection is asked again at the end."""
    before = server.memory_kb("VmRSS")
    command = clients.own_command(bench, "idle", server.port, len(servers.SMALL), count=count)
    client = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                              preexec_fn=processes.settle(bench.client_cpus))
    try:
        if client.stdout.readline() != "ready\n":
            raise clients.LoadFailed(f"{server.peer}: the client could not connect")
        each = (server.memory_kb("VmRSS") - before) / count
        result = json.loads(client.communicate(timeout=120)[0])
    finally:
        client.kill()
        client.wait()
    if result["errors"] or result["operations"] != count:
        raise clients.LoadFailed(f"{server.peer}: not all of {count} connections answered, and "
                                 f"again later: {json.dumps(result)}")
    return each, result


class Idle:
    name = "idle"
    title = "idle connections after one request each (10,000 in a full run)"

    def run(self, bench):
        rows, count = {}, COUNT_SHORT if bench.short else COUNT
        for peer in ("weir", *HTTP_PEERS):
            if peer not in bench.peers:
                continue
            server = servers.Peer(bench, peer, "http")
            try:
                facts = negotiated.check(server, "/", bench.backend.content("/"), "ecdsa")
                clients.own(bench, "handshakes", server.port, len(servers.SMALL), count=WARM)
                server.forget_peak()
                each, result = _hold(bench, server, count)
                rows[peer] = {"kb_each": each, "peak_kb": server.memory_kb("VmHWM"),
                              "p50_us": result["p50_us"], "p99_us": result["p99_us"],
                              "negotiated": facts}
            finally:
                server.stop()
        verdicts = [verdict("memory of each", rows["weir"]["kb_each"], LIMIT_KB, "KB")]
        others = [row["kb_each"] for peer, row in rows.items() if peer != "weir"]
        if others:
            verdicts.append(verdict("memory of the lowest other", rows["weir"]["kb_each"],
                                    round(min(others), 2), "KB"))
        return {"rows": rows, "verdicts": verdicts,
                "notes": [f"{count:,} connections; user space only, the kernel's socket is extra"]}


WORKLOADS = (Idle(),)
