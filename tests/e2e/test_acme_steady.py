# SPDX-License-Identifier: GPL-3.0-or-later
# TIMEOUT: 240
"""Certificates by ACME: failures, renewals, outages and crashes."""

import base64
import json
import os
import stat

from cryptography import x509

from acme import SLOW, api, metric, served, wait_served
from server import BINARY, eventually, run_weir


# ---- steadiness ----

def test_a_name_that_fails_is_marked_and_tried_again_and_others_are_not_held_up(scene):
    ca = scene.ca()
    scene.dns.refused.add("gone.example.test")
    scene.start({"le": scene.resolver(ca)},
                scene.routers("Host(`gone.example.test`)", "Host(`good.example.test`)"))
    wait_served(scene.tls, "good.example.test")
    scene.weir.log.wait("cannot be obtained resolver=le names=gone.example.test "
                        "error=\"gone.example.test: the CA could not validate")
    failing = [one for one in api(scene)[0]["certificates"] if one["status"] == "failing"]
    assert [one["names"] for one in failing] == [["gone.example.test"]]
    assert failing[0]["failures"] == 1 and "validate" in failing[0]["error"]
    assert metric(scene, 'weir_acme_failing{resolver="le"}') == 1
    assert metric(scene, 'weir_acme_orders_total{resolver="le",result="failed"}') == 1
    scene.dns.refused.clear()
    asked = run_weir("acme", "renew", "gone.example.test",
                     f"--configFile={scene.weir.static_path}", folder=scene.weir.folder)
    assert asked.returncode == 0, asked.stderr
    wait_served(scene.tls, "gone.example.test")
    assert metric(scene, 'weir_acme_failing{resolver="le"}') == 0


def test_a_ca_that_is_down_at_the_start_is_asked_until_it_is_there(scene):
    ca = scene.ca(start=False)
    scene.start({"le": scene.resolver(ca)}, scene.routers("Host(`a.example.test`)"))
    scene.weir.log.wait("the CA cannot be used: trying again .*cannot be reached")
    assert metric(scene, 'weir_acme_ca_failing{resolver="le"}') == 1
    assert "cannot be reached" in api(scene)[0]["error"]
    ca.start()
    wait_served(scene.tls, "a.example.test")
    assert metric(scene, 'weir_acme_ca_failing{resolver="le"}') == 0
    assert api(scene)[0]["status"] == "enabled"


def test_a_certificate_is_renewed_in_time_and_served_while_the_ca_is_down(scene):
    ca = scene.ca(validity_s=18)
    scene.start({"le": scene.resolver(ca)}, scene.routers("Host(`a.example.test`)"))
    first = wait_served(scene.tls, "a.example.test")

    def renewed(before):
        return lambda: served(scene.tls, "a.example.test").serial_number != before.serial_number
    eventually(renewed(first), "a renewal", 18 + SLOW)
    second = served(scene.tls, "a.example.test")
    assert len(scene.stored()["Certificates"]) == 1
    ca.stop()
    scene.weir.log.wait("the CA cannot be used: trying again", timeout=18 + SLOW)
    assert served(scene.tls, "a.example.test").serial_number == second.serial_number


def test_the_ca_says_when_a_certificate_is_renewed(scene):
    """A window in the past, as after a revocation: at once. Then one that is far away."""
    ca, asked = scene.ca(validity_s=60), []

    def window(name):
        if name not in asked:
            asked.append(name)
        return (-200, -100) if name == asked[0] else (3000, 4000)
    resolver = scene.resolver(ca)
    resolver["acme"]["caServer"] = ca.with_renewal_info(scene.authority, window)
    scene.start({"le": resolver}, scene.routers("Host(`a.example.test`)"))
    first = wait_served(scene.tls, "a.example.test")
    scene.weir.log.wait("the CA wants this certificate renewed at once")
    eventually(lambda: served(scene.tls, "a.example.test").serial_number != first.serial_number,
               "a renewal", SLOW)
    eventually(lambda: len(asked) == 2, "the second is asked about")
    eventually(lambda: api(scene)[0]["certificates"][0]["renewAt"] >
               api(scene)[0]["certificates"][0]["notAfter"], "the CA's word counts")
    key = first.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    number = first.serial_number
    number = number.to_bytes(number.bit_length() // 8 + 1, "big")
    assert asked[0] == ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode()
                                for part in (key.key_identifier, number))


def test_an_order_goes_on_after_a_crash(scene):
    ca = scene.ca()
    resolver = scene.resolver(ca)
    resolver["acme"]["httpChallenge"]["delay"] = "3s"
    one = scene.start({"le": resolver}, scene.routers("Host(`a.example.test`)"))
    orders = scene.storage + ".orders"
    eventually(lambda: os.path.exists(orders), "the order is kept", SLOW)
    assert stat.S_IMODE(os.stat(orders).st_mode) == 0o600
    one.process.kill()
    one.process.wait()
    one.start()
    one.log.wait("going on with an order resolver=le names=a.example.test")
    wait_served(scene.tls, "a.example.test")
    eventually(lambda: not os.path.exists(orders), "the order is forgotten")
    assert ca.count(r"There are now \d+ orders in the db") == 1


def test_a_storage_that_others_may_read_is_refused(scene):
    ca = scene.ca()
    path = os.path.join(scene.folder, "open.json")
    with open(path, "w", encoding="ascii") as file:
        file.write("{}")
    os.chmod(path, 0o644)
    one = scene.start({"le": scene.resolver(ca, storage=path)},
                      scene.routers("Host(`a.example.test`)"))
    one.log.wait("certificate resolver is out of service .*chmod 600")
    assert api(scene)[0]["status"] == "disabled"
    checked = run_weir("check", f"--configFile={one.static_path}", folder=one.folder)
    assert checked.returncode == 1 and "chmod 600" in checked.stdout
    assert not ca.count("POST")


def test_a_write_that_is_killed_anywhere_leaves_the_old_file_or_the_new_one(tmp_path, run):
    folder = str(tmp_path)
    config = os.path.join(folder, "crash.yml")
    with open(config, "w", encoding="ascii") as file:
        json.dump({"entryPoints": {"web": {"address": ":0"}}, "certificatesResolvers": {
            "le": {"acme": {"storage": os.path.join(folder, "acme.json"),
                            "tlsChallenge": {}}}}}, file)
    wishes = os.path.join(folder, "acme.json.renew")
    outcomes = set()
    calls = ("openat", "write", "fsync", "rename", "unlink", "close")
    for call in calls:
        for when in range(1, 40):
            with open(wishes, "w", encoding="ascii") as file:
                file.write("old.test\n")
            os.chmod(wishes, 0o600)
            killed = run("strace", "-f", "-qq", "-o", "/dev/null", "-P", folder, "-P", wishes,
                         "-P", wishes + ".new", "-e", f"trace={call}",
                         "-e", f"inject={call}:signal=KILL:when={when}",
                         BINARY, "acme", "renew", "new.test", f"--configFile={config}",
                         env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})
            with open(wishes, encoding="ascii") as file:
                text = file.read()
            outcomes.add(text)
            assert text in ("old.test\n", "old.test\nnew.test\n"), (call, when)
            if killed.returncode == 0:
                break
        else:
            raise AssertionError("it never came to an end")
    assert len(outcomes) == 2
