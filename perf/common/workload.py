# SPDX-License-Identifier: GPL-3.0-or-later
"""What a workload is: a name, a title, and run(bench), which gives rows and verdicts."""

import time

from common import negotiated, rounds, servers

HTTP_PEERS = ("nginx", "haproxy", "caddy", "traefik")


class Skipped(Exception):
    """The workload cannot run here; the text says why."""


def verdict(text, value, limit, unit="", noise=None):
    """One target: met when value <= limit; value None means that it could not be measured."""
    return {"target": text, "value": value, "limit": limit, "unit": unit,
            "holds": None if value is None else bool(value <= limit), "noise": noise}


class Contestant:
    """label; start() gives the running server; load(server, seconds) one measurement's result."""

    def __init__(self, label, start, load):
        self.label, self.start, self.load, self.server = label, start, load, None


class SideBySide:
    """Contestants in interleaved rounds; the first one is what the others are compared with.

    Subclasses give contestants(bench) and verdicts(rows, rounds).
    """

    name = title = ""
    path, cert, group = "/", "ecdsa", "X25519"

    def contestants(self, bench):
        raise NotImplementedError

    def verdicts(self, rows, taken):
        raise NotImplementedError

    def run(self, bench):
        chosen, facts = self.contestants(bench), {}

        def load(one, seconds):
            try:
                return one.load(one.server, seconds)
            except SystemExit as failure:
                raise SystemExit(f"{one.label}: {failure}") from failure
        try:
            for one in chosen:
                one.server = one.start()
                facts[one.label] = negotiated.check(
                    one.server, self.path, bench.backend.content(self.path), self.cert, self.group)
                load(one, 1)  # connections to the backend, caches
            taken = rounds.interleave(
                chosen, bench.rounds,
                lambda one: rounds.sample(one.server, lambda: load(one, bench.seconds)))
        finally:
            for one in chosen:
                if one.server is not None:
                    one.server.stop()
        labels = [one.label for one in chosen]
        rows = rounds.summarise(taken, labels, labels[0])
        for label in labels:
            rows[label]["negotiated"] = facts[label]
        return {"rows": rows, "rounds": taken, "verdicts": self.verdicts(rows, taken)}


class AgainstPeers(SideBySide):
    """Weir and peers under one load; the target is Weir's CPU time over that of the best rival."""

    def __init__(self, name, title, load, limit, mode="http", peers=HTTP_PEERS, rivals=None,
                 path="/", cert="ecdsa", tail_limit=None):
        self.name, self.title, self._load, self.limit = name, title, load, limit
        self.mode, self.peers, self.path, self.cert = mode, peers, path, cert
        self.rivals, self.tail_limit = rivals or peers, tail_limit

    def contestants(self, bench):
        def entry(peer):
            return Contestant(
                peer, lambda: servers.Peer(bench, peer, self.mode, self.cert),
                lambda server, seconds: self._load(bench, server, seconds))
        return [entry(peer) for peer in ("weir", *self.peers) if peer in bench.peers]

    def verdicts(self, rows, taken):
        rivals = [peer for peer in self.rivals if peer in rows]
        if not rivals:
            return [verdict(f"CPU of {' or '.join(self.rivals)}", None, self.limit)]
        best = min(rivals, key=lambda peer: rows[peer]["cpu_us"])
        of_best = rounds.ratio(taken, "weir", best)
        found = [verdict(f"CPU of {best}", of_best["median"], self.limit, noise=of_best["noise"])]
        if self.tail_limit is not None:
            best = min(rivals, key=lambda peer: rows[peer]["p99_us"])
            tail = rounds.ratio(taken, "weir", best, "p99_us")
            found.append(verdict(f"p99 of {best}", tail["median"], self.tail_limit,
                                 noise=tail["noise"]))
        return found


def wait_until(condition, seconds, what):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"{what}: not within {seconds} s")
        time.sleep(0.01)
