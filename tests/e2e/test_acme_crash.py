# SPDX-License-Identifier: GPL-3.0-or-later
# TIMEOUT: 240
# BUILDS: release
"""Certificates by ACME: the server is killed at each of the calls by which it keeps its storage."""

import json
import os

from acme import SLOW, wait_served
from server import WAIT, eventually

CALLS = ("fsync", "rename", "unlink")


def read(path):
    """What is stored; every file that is there must be whole."""
    for name in (path, path + ".orders"):
        if os.path.exists(name):
            with open(name, encoding="ascii") as file:
                assert isinstance(json.load(file), dict)
    if not os.path.exists(path):
        return None
    with open(path, encoding="ascii") as file:
        return json.load(file)["le"]


def test_nothing_is_lost_wherever_the_server_dies(scene):
    ca, kills, key, certificates = scene.ca(), 0, None, 0
    path = os.path.join(scene.folder, "acme.json")
    names = ["a.example.test"]
    for call in CALLS:
        for when in range(1, 30):
            prefix = ["strace", "-D", "-f", "-qq", "-o", "/dev/null"]
            for suffix in ("", ".new", ".orders", ".orders.new"):
                prefix += ["-P", path + suffix]
            prefix += ["-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={when}"]
            # Each round wants one name more, so that there is something to write.
            names.append(f"{call}{when}.example.test")
            one = scene.start({"le": scene.resolver(ca, storage=path)},
                              scene.routers(*(f"Host(`{name}`)" for name in names)),
                              prefix=prefix)
            ended = eventually(
                lambda: one.process.poll() is not None or
                len((read(path) or {}).get("Certificates") or []) == len(names) and
                not os.path.exists(path + ".orders"), "an end", SLOW)
            now = read(path)
            assert ended
            # An account that was there is there, and so is every certificate.
            if now is not None:
                assert key in (None, now["Account"]["PrivateKey"])
                key = now["Account"]["PrivateKey"]
                assert len(now["Certificates"] or []) >= certificates
                certificates = len(now["Certificates"] or [])
            if one.process.poll() is None:
                one.stop()
                break
            kills += 1
            one.process.wait(WAIT)
            one.process = None
        else:
            raise AssertionError("it never came to an end")
    assert kills >= 6
    scene.start({"le": scene.resolver(ca, storage=path)},
                scene.routers(*(f"Host(`{name}`)" for name in names)))
    for name in names:
        wait_served(scene.tls, name)
