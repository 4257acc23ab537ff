# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests over kept connections: small answers, large ones, and the same through TCP routers."""

from common import clients, negotiated, servers
from common.workload import AgainstPeers, Skipped


def _wrk(connections, path="/"):
    def load(bench, server, seconds):
        return clients.wrk(bench, server.port, seconds, connections, path=path)
    return load


def _h2load(connections, streams, path="/"):
    def load(bench, server, seconds):
        return clients.h2load(bench, server, seconds, connections, streams, path=path)
    return load


class Http2(AgainstPeers):
    """Runs as soon as Weir agrees on h2."""

    def run(self, bench):
        server = servers.Peer(bench, "weir", "http")
        try:
            agreed = negotiated.protocol(server, ["h2", "http/1.1"])
        finally:
            server.stop()
        if agreed != "h2":
            raise Skipped(f"Weir has no HTTP/2 yet: of h2 and http/1.1 it chose {agreed}")
        return super().run(bench)


WORKLOADS = (
    AgainstPeers("keepalive", "small answers, 64 kept connections", _wrk(64), 0.65),
    AgainstPeers("one-connection", "small answers, one connection", _wrk(1), 1.00,
                 tail_limit=1.00),
    AgainstPeers("answers-64k", "answers of 64 KB, 32 connections", _wrk(32, "/64k"), 0.80,
                 path="/64k"),
    AgainstPeers("answers-1m", "answers of 1 MB, 16 connections", _wrk(16, "/1m"), 0.80,
                 path="/1m"),
    Http2("http2", "HTTP/2, small answers, 32 connections of 16 streams",
          _h2load(32, 16), 0.70),
    Http2("http2-64k", "HTTP/2, answers of 64 KB, 32 connections of 16 streams",
          _h2load(32, 16, "/64k"), 0.85, path="/64k"),
    AgainstPeers("tcp-small", "terminated TCP, small answers, 64 connections", _wrk(64), 0.80,
                 mode="tcp", peers=("hitch", "haproxy"), rivals=("hitch",)),
    AgainstPeers("tcp-1m", "terminated TCP, answers of 1 MB, 16 connections", _wrk(16, "/1m"),
                 0.80, mode="tcp", peers=("hitch", "haproxy"), rivals=("hitch",), path="/1m"),
    AgainstPeers("passthrough-1m", "passthrough of 1 MB bodies, 16 connections", _wrk(16, "/1m"),
                 0.90, mode="passthrough", peers=("haproxy",), path="/1m"),
)
