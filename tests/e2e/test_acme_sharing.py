# SPDX-License-Identifier: GPL-3.0-or-later
# TIMEOUT: 240
# BUILDS: release asan tsan
"""Certificates by ACME: a storage that others write to as well."""

import base64
import json
import os
import subprocess
import sys

import pytest

from acme import SLOW, api, served, wait_served
from server import eventually, run_weir


def entry_of(pair, *names):
    """As Traefik keeps a certificate."""
    domain = {"main": names[0], **({"sans": list(names[1:])} if names[1:] else {})}
    return {"domain": domain, "certificate": base64.b64encode(pair.pem.encode()).decode(),
            "key": base64.b64encode(pair.key_pem.encode()).decode(), "Store": "default"}


def rename_over(path, text):
    with open(path + ".other", "w", encoding="ascii",
              opener=lambda p, f: os.open(p, f, 0o600)) as file:
        file.write(text)
    os.rename(path + ".other", path)


def write_in_place(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def stored_in(path):
    with open(path, encoding="ascii") as file:
        return json.load(file)["le"]["Certificates"]


def with_an_order_under_way(scene):
    resolver = scene.resolver(scene.ca())
    resolver["acme"]["httpChallenge"]["delay"] = "3s"
    one = scene.start({"le": resolver}, scene.routers("Host(`a.example.test`)"))
    eventually(lambda: os.path.exists(scene.storage + ".orders"), "an order is under way", SLOW)
    return one


@pytest.mark.parametrize("write", [rename_over, write_in_place])
def test_what_another_program_writes_is_kept_and_served(scene, authority, write):
    one = with_an_order_under_way(scene)
    with open(scene.storage, encoding="ascii") as file:
        stored = json.load(file)
    pair = authority.issue("other.test", "more.test")
    stored["le"]["Certificates"] = [entry_of(pair, "more.test", "other.test")]
    stored["another"] = {"Account": {"Email": "x@example.test"}, "Certificates": None}
    write(scene.storage, json.dumps(stored))
    wait_served(scene.tls, "a.example.test")
    eventually(lambda: len(scene.stored()["Certificates"]) == 2, "both are stored")
    one.log.wait("another program changed the ACME storage.* certificates=1 ")
    assert scene.stored()["Certificates"][0] == stored["le"]["Certificates"][0]
    assert scene.stored()["Certificates"][1]["domain"]["main"] == "a.example.test"
    assert scene.stored("another") == stored["another"]
    eventually(lambda: served(scene.tls, "other.test").serial_number == pair.serial,
               "theirs is served")
    # A later one takes its place, and one that is taken away is not put back.
    later, before = authority.issue("other.test", "more.test"), scene.stored()
    before["Certificates"][0] = entry_of(later, "other.test", "more.test")
    del before["Certificates"][1]
    write(scene.storage, json.dumps({"le": before}))
    eventually(lambda: served(scene.tls, "more.test").serial_number == later.serial,
               "the later one is served")
    one.stop()
    assert scene.stored() == before
    with open(scene.storage, encoding="ascii") as file:
        assert "another" not in json.load(file)


def test_a_storage_that_another_program_broke_is_not_written_over(scene):
    one = with_an_order_under_way(scene)
    with open(scene.storage, encoding="ascii") as file:
        whole = file.read()
    write_in_place(scene.storage, whole[:-20])
    wait_served(scene.tls, "a.example.test")  # from memory
    one.log.wait("which another program has changed, cannot be read: trying again .*JSON")
    with open(scene.storage, encoding="ascii") as file:
        assert file.read() == whole[:-20]
    write_in_place(scene.storage, whole)
    eventually(lambda: scene.stored()["Certificates"], "it is stored", SLOW)


def test_a_storage_that_was_emptied_is_written_whole_again(scene):
    one = with_an_order_under_way(scene)
    account = scene.stored()["Account"]
    write_in_place(scene.storage, "")
    # It may be in the middle of being written: looked at twice.
    one.log.wait("cannot be read: trying again .*acme.json is empty", timeout=SLOW)
    eventually(lambda: os.path.getsize(scene.storage) > 0 and scene.stored()["Certificates"],
               "it is stored", SLOW)
    assert scene.stored()["Account"] == account


def test_a_file_that_is_only_touched_all_the_time_is_written(scene):
    """As on file systems whose inodes and times are not to be believed."""
    ca = scene.ca()
    resolver = scene.resolver(ca)
    resolver["acme"]["httpChallenge"]["delay"] = "2s"
    one = scene.start({"le": resolver}, scene.routers("Host(`a.example.test`)"))
    eventually(lambda: os.path.exists(scene.storage + ".orders"), "an order is under way", SLOW)
    touch = ("import itertools, os, sys\n"
             "for i in itertools.count():\n"
             "    os.utime(sys.argv[1], ns=(i, i))\n")
    touchers = [subprocess.Popen([sys.executable, "-c", touch, scene.storage]) for _ in range(2)]
    try:
        eventually(lambda: scene.stored()["Certificates"], "it is stored", SLOW)
        assert all(toucher.poll() is None for toucher in touchers)
        assert sum("is read before it is written" in line for line in one.log.lines) <= 3
    finally:
        for toucher in touchers:
            toucher.kill()
            toucher.wait()


def test_of_two_servers_one_obtains_and_the_other_takes_its_place(scene):
    ca = scene.ca()
    storage = os.path.join(scene.folder, "shared.json")
    routers = scene.routers("Host(`a.example.test`)")
    one = scene.start({"le": scene.resolver(ca, storage=storage)}, routers)
    first = wait_served(scene.tls, "a.example.test")
    eventually(lambda: stored_in(storage), "it is stored")

    both = scene.routers("Host(`a.example.test`)", "Host(`b.example.test`)")
    for router in both.values():
        router["entryPoints"] = ["websecure", "own"]
    two = scene.start({"le": scene.resolver(ca, storage=storage)}, both, entries={
        "web": {"address": f"127.0.0.2:{scene.http}"},
        "websecure": {"address": f"127.0.0.2:{scene.tls}"}, "own": {}})
    two.log.wait(f"this Weir is a standby.*process {one.pid}")
    assert api(scene)[0]["status"] == "standby"
    own = two.ports["own"]
    assert served(own, "a.example.test").serial_number == first.serial_number

    # What the first one renews is served by both.
    asked = run_weir("acme", "renew", "a.example.test", f"--configFile={one.static_path}",
                     folder=one.folder)
    assert asked.returncode == 0, asked.stderr
    eventually(lambda: served(own, "a.example.test").serial_number != first.serial_number,
               "the renewed one", SLOW)
    assert not any("certificate obtained" in line for line in two.log.lines)
    assert len(stored_in(storage)) == 1

    scene.dns.host = "127.0.0.2"
    one.stop()
    two.log.wait("the ACME storage is ours now")
    wait_served(own, "b.example.test")
    assert api(scene)[0]["status"] == "enabled"
    eventually(lambda: len(stored_in(storage)) == 2, "both are stored")
    assert ca.count("There are now 1 accounts") == 1
    assert ca.count("There are now 2 accounts") == 0
