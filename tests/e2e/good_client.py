# SPDX-License-Identifier: GPL-3.0-or-later
"""The client beside an attack: asks now and then, by a kept connection and by new ones, and
from an address that is not the attacker's."""

import time

import wire

SOURCE = "127.0.0.2"
NEW_EVERY = 25  # requests for one of which a connection is made


class GoodClient:
    def __init__(self, port, context, name, path="/small", interval=0.002):
        self.port, self.context, self.name = port, context, name
        self.path, self.interval = path, interval
        self.times, self.new_times, self.errors = [], [], []
        self.kept = None

    def _connect(self):
        return wire.Connection(self.port, self.context, self.name, timeout=10, source=SOURCE)

    def _ask(self, connection):
        status = connection.request(self.path).status
        if status != 200:
            self.errors.append(f"status {status}")

    def _kept(self):
        if self.kept is None:
            self.kept = self._connect()
        begin = time.perf_counter()
        self._ask(self.kept)
        self.times.append(time.perf_counter() - begin)

    def _new(self):
        begin = time.perf_counter()
        with self._connect() as connection:
            self._ask(connection)
        self.new_times.append(time.perf_counter() - begin)

    def ask_once(self, new):
        try:
            if new:
                self._new()
            else:
                self._kept()
        except (OSError, wire.Closed) as error:  # ssl.SSLError is an OSError
            self.errors.append(repr(error))
            self.kept = None

    def run(self, until):
        count = 0
        while time.monotonic() < until:
            self.ask_once(count % NEW_EVERY == NEW_EVERY - 1)
            count += 1
            time.sleep(self.interval)
        if self.kept is not None:
            self.kept.close()
            self.kept = None
        return self


def percentile(times, percent):
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] if ordered else 0.0
