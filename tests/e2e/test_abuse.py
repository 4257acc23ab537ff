# SPDX-License-Identifier: GPL-3.0-or-later
# TIMEOUT: 300
"""Attacks, each for a moment, and a good client beside them that must not see an error.

How fast the good client is served is measured by perf/abuse.sh; here it must only be served
within a time that no attack may exceed, whatever else the machine does."""

import json
import shutil
import ssl
import subprocess
import threading
import time

import pytest

import attacks
import backends
import wire
from good_client import GoodClient, percentile
from server import PATIENCE, SANITIZE, eventually

SECONDS = 1.0 * PATIENCE
P99_S = 2.5 * PATIENCE
MEMORY_KB = (600 if SANITIZE else 120) << 10

# Which limit the attack meets; None: it is borne.
MET = {
    "rapid_reset": "http2Resets", "provoked_resets": None,
    "continuations": None, "empty_continuations": "http2Continuations",
    "settings_flood": "http2Settings", "ping_flood": "http2(Pings|ControlFrames)",
    "priority_flood": "http2EmptyData", "empty_data": "http2EmptyData",
    "window_flood": "http2EmptyData", "window_crumbs": "http2EmptyData",
    "unknown_frames": "http2EmptyData", "late_heads": "http2EmptyData",
    "header_bombs": "headers", "key_updates": "keyUpdates",
}
SMALLER = {"slow_heads": 200, "slow_bodies": 200, "slow_readers": 60, "half_open": 500,
           "half_hellos": 500, "zero_windows": 6, "stalled_windows": 6}


@pytest.fixture
def abused(site, nginx, authority):
    """A site with one worker, before files; .target for attacks and .limits() for what they met."""
    def start(**limits):
        backend = nginx({"large": b"x" * (8 << 20), "index.html": b"hello\n"})
        routers = {
            "plain": {"entryPoints": ["web"], "rule": "PathPrefix(`/`)", "service": "one"},
            "secure": {"entryPoints": ["websecure"], "rule": "PathPrefix(`/`)",
                       "service": "one", "tls": {}},
            "api": {"entryPoints": ["admin"], "rule": "PathPrefix(`/`)",
                    "service": "api@internal"}}
        one = site(routers=routers, backend=backend,
                   entries={"web": {}, "websecure": {}, "admin": {}},
                   static={"weir": {"workers": 1, **({"limits": limits} if limits else {})},
                           "api": {"dashboard": False}})
        one.target = attacks.Target(one.ports["web"], one.ports["websecure"], "a.test", None)

        def counters():
            return json.loads(wire.fetch(one.ports["admin"], "/api/counters").body)["limits"]
        one.limits = counters
        return one
    return start


def beside(one, attack, trust, seconds=SECONDS):
    """Runs the attack, and the good client beside it; what the attack says it did."""
    did = {}
    until = time.monotonic() + seconds
    count = SMALLER.get(attack.__name__)
    options = {"count": count} if count else {}
    thread = threading.Thread(target=lambda: did.update(attack(one.target, until, **options)))
    thread.start()
    client = GoodClient(one.ports["websecure"], trust, "a.test").run(until)
    thread.join()
    assert not client.errors, client.errors[:5]
    assert client.times
    assert percentile(client.times, 99) < P99_S
    assert did["connections"] > 0, did
    return did


@pytest.mark.parametrize("attack", attacks.HTTP1 + attacks.TLS + attacks.HTTP2,
                         ids=lambda attack: attack.__name__)
def test_a_good_client_is_served_beside(abused, trust, attack):
    one = abused()
    before = one.memory_kb()
    beside(one, attack, trust)
    assert one.memory_kb() - before < MEMORY_KB
    limit = MET.get(attack.__name__)
    if limit is not None:
        line = rf"a client is over a limit limit=(?P<name>{limit}) client=127\.0\.0\."
        found = one.log.wait(line)
        assert one.limits()[found["name"]] > 0, one.limits()


@pytest.mark.skipif(bool(SANITIZE), reason="the sanitizer's own memory is measured with it")
@pytest.mark.parametrize("attack", [attacks.zero_windows, attacks.stalled_windows],
                         ids=lambda attack: attack.__name__)
def test_a_stream_without_a_window_costs_30_kb(abused, attack):
    connections = 20
    one = abused()
    before, peak, over = one.memory_kb(), [0], threading.Event()

    def watch():
        while not over.wait(0.02):
            peak[0] = max(peak[0], one.memory_kb())
    thread = threading.Thread(target=watch)
    thread.start()
    did = attack(one.target, time.monotonic() + 3 * PATIENCE, count=connections)
    over.set()
    thread.join()
    assert did == {"connections": connections, "ended": 0}
    ring = 16 << 10  # the worker's receive buffers, used for the first time
    assert (peak[0] - before - ring) / (100 * connections) < 30, f"{peak[0] - before} KB"


# ---- slowness, with short times ----

def test_slow_heads_are_told_408_and_the_limit_is_named(abused, trust):
    one = abused(headerTimeout="300ms")
    did = beside(one, attacks.slow_heads, trust)
    assert one.limits()["slowHeaders"] == did["connections"]
    one.log.wait(r"limit=slowHeaders client=127\.0\.0\.2:\d+ entryPoint=web")


def test_who_reads_nothing_is_reset_and_who_waits_for_a_backend_is_not(abused, trust):
    one = abused(sendTimeout="300ms")
    did = beside(one, attacks.slow_readers, trust, seconds=2 * PATIENCE)
    assert did["ended"] == did["connections"]
    assert one.limits()["slowReader"] == did["connections"]


def test_half_open_handshakes_are_ended(abused, trust):
    one = abused(handshakeTimeout="400ms", clientHelloTimeout="400ms")
    did = beside(one, attacks.half_open, trust, seconds=2 * PATIENCE)
    assert did["ended"] == did["connections"]
    assert one.limits()["handshake"] == did["connections"]


def test_a_tunnel_whose_client_reads_nothing_is_reset_later(weir, tcp_backend):
    """Ten times as late as a response, and only where something waits."""
    talks = tcp_backend(backends.source(64 << 20))
    waits = tcp_backend(backends.echo)
    one = weir(
        entries={"talks": {}, "waits": {}}, static={"weir": {"limits": {"sendTimeout": "60ms"}}},
        dynamic={"tcp": {"routers": {
            name: {"entryPoints": [name], "rule": "HostSNI(`*`)", "service": name}
            for name in ("talks", "waits")},
            "services": {"talks": backends.tcp_service(talks),
                         "waits": backends.tcp_service(waits)}}})
    with wire.Connection(one.ports["waits"]) as idle, wire.Connection(one.ports["talks"]) as deaf:
        idle.send(b"before")
        assert idle.read_exactly(6) == b"before"
        begin = time.monotonic()
        one.log.wait(r"limit=slowReader client=127\.0\.0\.1:\d+ entryPoint=talks")
        assert time.monotonic() - begin > 0.4
        with pytest.raises(ConnectionResetError):
            deaf.read_rest()
        idle.send(b"behind")
        assert idle.read_exactly(6) == b"behind"


# ---- many at once ----

def test_a_crowd_of_handshakes_at_once_all_succeed(abused, trust):
    one = abused()
    crowd = []
    for _ in range(80):
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = trust.wrap_bio(incoming, outgoing, server_hostname="a.test")
        with pytest.raises(ssl.SSLWantReadError):
            tls.do_handshake()
        crowd.append((tls, incoming, outgoing, one.target.plain(port=one.ports["websecure"])))
    for _, _, outgoing, connection in crowd:
        connection.sendall(outgoing.read())
    for tls, incoming, outgoing, connection in crowd:
        finish_handshake(tls, incoming, outgoing, connection)
        connection.close()


def finish_handshake(tls, incoming, outgoing, connection):
    while True:
        try:
            tls.do_handshake()
            connection.sendall(outgoing.read())
            return
        except ssl.SSLWantReadError:
            data = connection.recv(65536)
            assert data, "the connection was closed within the handshake"
            incoming.write(data)


# ---- TLS ----

def test_renegotiation_is_refused(abused, trust):
    one = abused()
    asked = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{one.ports['websecure']}", "-servername",
         "a.test", "-tls1_2", "-no_ign_eof"], input=b"R\n", capture_output=True, check=False,
        timeout=60)
    text = asked.stdout + asked.stderr
    assert b"RENEGOTIATING" in text
    assert b"SSL alert number 10" in text.split(b"RENEGOTIATING")[1], text
    assert wire.fetch(one.ports["websecure"], context=trust, name="a.test").status == 200


# ---- slowhttptest ----

@pytest.mark.skipif(shutil.which("slowhttptest") is None, reason="slowhttptest is not installed")
@pytest.mark.parametrize("kind", ["-H", "-B", "-R", "-X"],
                         ids=["headers", "bodies", "range", "reading"])
def test_slowhttptest_does_not_take_the_service_down(abused, trust, run, kind):
    one = abused(headerTimeout="1s", bodyTimeout="1s", sendTimeout="1s")
    url = f"http://127.0.0.1:{one.ports['web']}/large"
    said = {}
    thread = threading.Thread(target=lambda: said.update(text=run(
        "slowhttptest", kind, "-c", "200", "-r", "200", "-i", "5", "-l", "3", "-p", "2", "-u", url,
        "-w", "1", "-y", "64", "-z", "16", "-n", "2").stdout))
    thread.start()
    client = GoodClient(one.ports["websecure"], trust, "a.test")
    client.run(time.monotonic() + 3)
    thread.join()
    assert not client.errors, client.errors[:5]
    assert "service available" in said["text"] and "NO" not in said["text"].split(
        "service available")[1].split("\n")[0], said["text"]
    eventually(lambda: wire.fetch(one.ports["web"], "/small").status == 200, "it serves")
