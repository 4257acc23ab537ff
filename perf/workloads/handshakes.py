# SPDX-License-Identifier: GPL-3.0-or-later
"""New connections: TCP, TLS 1.3 and one small request each."""

from common import clients, rounds, servers
from common.workload import AgainstPeers, Contestant, SideBySide, verdict

HYBRID_EXTRA_US = 60
THREADS = 16


def _load(**options):
    def load(bench, server, seconds):
        return clients.own(bench, "handshakes", server.port, len(servers.SMALL), threads=THREADS,
                           seconds=seconds, **options)
    return load


def _wrk(bench, server, seconds):
    return clients.wrk(bench, server.port, seconds, THREADS, "-H", "Connection: close")


class Hybrid(SideBySide):
    """Weir twice; the peers' OpenSSL 3.0 does not know the group."""

    name = "handshake-hybrid"
    title = "full handshake, X25519MLKEM768"
    group = None  # openssl s_client takes what it knows; our client says what was agreed

    def contestants(self, bench):
        def entry(group):
            return Contestant(
                f"weir {group}",
                lambda: servers.Peer(bench, "weir", "http",
                                     GROUPS="X25519MLKEM768, X25519, CurveP256"),
                lambda server, seconds: self._ask(bench, server, seconds, group))
        return [entry("X25519"), entry("X25519MLKEM768")]

    @staticmethod
    def _ask(bench, server, seconds, group):
        result = _load(group=group.lower())(bench, server, seconds)
        if result["group"].upper() != group.upper():
            raise clients.LoadFailed(f"{group} was asked for, {result['group']} was agreed")
        return result

    def verdicts(self, rows, taken):
        extra = sorted(one["weir X25519MLKEM768"]["cpu_us"] - one["weir X25519"]["cpu_us"]
                       for one in taken)
        return [verdict("CPU more than with X25519", extra[len(extra) // 2], HYBRID_EXTRA_US, "us"),
                verdict("failures", 0, 0)]  # the load ends the run at the first


WORKLOADS = (
    AgainstPeers("handshake-ecdsa", "full handshake, ECDSA P-256", _load(), 0.45),
    AgainstPeers("handshake-rsa", "full handshake, RSA-2048", _load(), 0.75, cert="rsa"),
    AgainstPeers("handshake-resumed", "resumed handshake, TLS 1.3 tickets", _load(resume=True),
                 0.50),
    Hybrid(),
    AgainstPeers("handshake-wrk", "full handshake, ECDSA P-256, by wrk to check our client", _wrk,
                 0.45),
)
