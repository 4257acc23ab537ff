# SPDX-License-Identifier: GPL-3.0-or-later
# TIMEOUT: 240
# BUILDS: release asan tsan
"""TCP routers: passthrough, terminated TLS, plain; who speaks first; halves that close; splice."""

import hashlib
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess

import pytest

import backends
import wire
from server import SANITIZE, WAIT, eventually

GREETING = b"220 ready when you are\r\n"


def config(routers, services, **more):
    return {"tcp": {"routers": routers, "services": services}, **more}


def router(rule, service, tls=None, entry="tcp", **more):
    made = {"entryPoints": [entry], "rule": rule, "service": service, **more}
    if tls is not None:
        made["tls"] = tls
    return made


def ask(connection, data):
    connection.send(data)
    return connection.read_exactly(len(data))


@pytest.fixture
def plain(weir, tcp_backend):
    """A plain TCP router in front of a backend with this handler."""
    def start(handle, static=None, **service):
        backend = tcp_backend(handle)
        return weir(entries={"tcp": {}}, static=static, dynamic=config(
            {"r": router("HostSNI(`*`)", "s")},
            {"s": backends.tcp_service(backend, **service)}))
    return start


@pytest.fixture
def passthrough(weir, tcp_backend, authority, tmp_path):
    """Passthrough for x.test to a TLS backend with this handler."""
    def start(handle, static=None):
        context = backends.server_context(authority.issue("x.test"), tmp_path)
        backend = tcp_backend(handle, tls=context)
        return weir(entries={"tcp": {}}, static=static, dynamic=config(
            {"r": router("HostSNI(`x.test`)", "s", {"passthrough": True})},
            {"s": backends.tcp_service(backend)}))
    return start


@pytest.fixture
def terminated(weir, tcp_backend, authority):
    """TLS ends at Weir; the backend with this handler is plain."""
    def start(handle, static=None, **service):
        backend = tcp_backend(handle)
        return weir(entries={"tcp": {}}, static=static, dynamic=config(
            {"r": router("HostSNI(`x.test`)", "s", {})},
            {"s": backends.tcp_service(backend, **service)},
            tls={"certificates": [authority.issue("x.test").inline]}))
    return start


# ---- plain ----

def test_plain_bytes_go_both_ways(plain):
    one = plain(backends.echo)
    with wire.Connection(one.ports["tcp"]) as connection:
        for size in (1, 10, 5000, 100000):
            data = os.urandom(size)
            assert ask(connection, data) == data


def test_a_server_may_speak_first(plain):
    one = plain(backends.greeting(GREETING))
    with wire.Connection(one.ports["tcp"]) as connection:
        assert connection.read_exactly(len(GREETING)) == GREETING
        assert ask(connection, b"EHLO\r\n") == b"EHLO\r\n"


def test_a_half_closed_connection_still_answers(plain):
    one = plain(backends.digest_sink)
    data = os.urandom(300000)
    with wire.Connection(one.ports["tcp"]) as connection:
        connection.send(data)
        connection.end()
        expected = f"300000 {hashlib.sha256(data).hexdigest()}\n"
        assert connection.read_rest().decode() == expected


def test_a_server_that_ended_its_side_still_hears(plain):
    heard = []

    async def handle(reader, writer):
        writer.write(backends.known_bytes(100000))
        writer.write_eof()
        heard.append(await reader.read())
    with wire.Connection(plain(handle).ports["tcp"]) as connection:
        assert connection.read_rest() == backends.known_bytes(100000)
        connection.send(b"still heard")
        connection.end()
        eventually(lambda: heard == [b"still heard"], "the server hears it")


def test_a_refusing_server_closes_the_client(weir, refusing):
    one = weir(entries={"tcp": {}}, dynamic=config(
        {"r": router("HostSNI(`*`)", "s")}, {"s": backends.tcp_service(refusing)}))
    with wire.Connection(one.ports["tcp"]) as connection:
        assert connection.is_closed()


def test_connections_are_balanced(weir, tcp_backend):
    many = [tcp_backend(backends.greeting(b"%d" % i)) for i in range(3)]
    one = weir(entries={"tcp": {}}, static={"weir": {"workers": 1}}, dynamic=config(
        {"r": router("HostSNI(`*`)", "s")}, {"s": backends.tcp_service(*many)}))
    seen = []
    for _ in range(9):
        with wire.Connection(one.ports["tcp"]) as connection:
            seen.append(connection.read_exactly(1))
    assert sorted(seen) == [b"0"] * 3 + [b"1"] * 3 + [b"2"] * 3


def test_weighted_services_share_by_weight(weir, tcp_backend):
    few, many = (tcp_backend(backends.greeting(text)) for text in (b"f", b"m"))
    one = weir(entries={"tcp": {}}, static={"weir": {"workers": 1}}, dynamic=config(
        {"r": router("HostSNI(`*`)", "w")},
        {"f": backends.tcp_service(few), "m": backends.tcp_service(many),
         "w": {"weighted": {"services": [{"name": "f", "weight": 1},
                                         {"name": "m", "weight": 3}]}}}))
    seen = b""
    for _ in range(8):
        with wire.Connection(one.ports["tcp"]) as connection:
            seen += connection.read_exactly(1)
    assert (seen.count(b"f"), seen.count(b"m")) == (2, 6)


def test_a_rule_may_ask_for_the_clients_address(weir, tcp_backend):
    here, other = (tcp_backend(backends.greeting(text)) for text in (b"h", b"o"))
    one = weir(entries={"tcp": {}}, dynamic=config(
        {"a": router("ClientIP(`10.0.0.0/8`)", "o", priority=20),
         "b": router("ClientIP(`127.0.0.0/8`)", "h", priority=10)},
        {"h": backends.tcp_service(here), "o": backends.tcp_service(other)}))
    with wire.Connection(one.ports["tcp"]) as connection:
        assert connection.read_exactly(1) == b"h"


# ---- passthrough ----

def test_passthrough_shows_the_servers_certificate(passthrough, trust):
    one = passthrough(backends.echo)
    with wire.Connection(one.ports["tcp"], trust, "x.test") as connection:
        data = os.urandom(100000)
        assert ask(connection, data) == data


def test_passthrough_is_by_name(passthrough, trust):
    one = passthrough(backends.echo)
    with pytest.raises((ssl.SSLError, OSError)):
        wire.Connection(one.ports["tcp"], trust, "y.test")


def test_passthrough_takes_a_clienthello_in_pieces(passthrough, trust):
    one = passthrough(backends.greeting(GREETING))
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = trust.wrap_bio(incoming, outgoing, server_hostname="x.test")
    with socket.create_connection(("127.0.0.1", one.ports["tcp"]), WAIT) as raw:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                for byte in outgoing.read():
                    raw.sendall(bytes([byte]))
                incoming.write(raw.recv(65536))
        raw.sendall(outgoing.read())
        while True:
            try:
                assert tls.read(100) == GREETING
                break
            except ssl.SSLWantReadError:
                incoming.write(raw.recv(65536))


def test_many_names_pass_to_their_own_servers(weir, tcp_backend, authority, tmp_path):
    routers, services = {}, {}
    for name in ("a", "b", "c"):
        context = backends.server_context(authority.issue(f"{name}.test"), tmp_path, name)
        backend = tcp_backend(backends.greeting(name.encode()), tls=context)
        routers[name] = router(f"HostSNI(`{name}.test`)", name, {"passthrough": True})
        services[name] = backends.tcp_service(backend)
    one = weir(entries={"tcp": {}}, dynamic=config(routers, services))
    for name in ("a", "b", "c"):
        with wire.Connection(one.ports["tcp"], wire.trusting(authority),
                             f"{name}.test") as connection:
            assert connection.read_exactly(1) == name.encode()


# ---- terminated ----

@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_terminated_tls_reaches_a_plain_server(terminated, authority, version):
    one = terminated(backends.greeting(GREETING))
    context = wire.trusting(authority, minimum=version, maximum=version)
    with wire.Connection(one.ports["tcp"], context, "x.test") as connection:
        assert connection.read_exactly(len(GREETING)) == GREETING
        data = os.urandom(300000)
        assert ask(connection, data) == data


def test_terminated_tls_passes_the_clients_end_on(terminated, trust):
    one = terminated(backends.digest_sink)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = trust.wrap_bio(incoming, outgoing, server_hostname="x.test")
    data = os.urandom(200000)
    with socket.create_connection(("127.0.0.1", one.ports["tcp"]), WAIT) as raw:
        step(raw, tls.do_handshake, incoming, outgoing)
        tls.write(data)
        raw.sendall(outgoing.read())
        with pytest.raises(ssl.SSLWantReadError):
            tls.unwrap()  # our close_notify; theirs comes after the answer
        raw.sendall(outgoing.read())
        answer = step(raw, lambda: tls.read(1000), incoming, outgoing)
    assert answer.decode() == f"200000 {hashlib.sha256(data).hexdigest()}\n"


def step(raw, action, incoming, outgoing):
    while True:
        try:
            result = action()
            raw.sendall(outgoing.read())
            return result
        except ssl.SSLWantReadError:
            raw.sendall(outgoing.read())
            received = raw.recv(65536)
            assert received, "closed"
            incoming.write(received)


def test_the_server_may_speak_tls_as_well(weir, tcp_backend, authority, authority_file, trust,
                                          tmp_path):
    context = backends.server_context(authority.issue("inner.test"), tmp_path)
    backend = tcp_backend(backends.greeting(GREETING), tls=context)
    dynamic = config(
        {"r": router("HostSNI(`x.test`)", "s", {})},
        {"s": {"loadBalancer": {"servers": [{"address": backend.address, "tls": True}],
                                "serversTransport": "t"}}},
        tls={"certificates": [authority.issue("x.test").inline]})
    dynamic["tcp"]["serversTransports"] = {
        "t": {"tls": {"serverName": "inner.test", "rootCAs": [authority_file]}}}
    one = weir(entries={"tcp": {}}, dynamic=dynamic)
    with wire.Connection(one.ports["tcp"], trust, "x.test") as connection:
        assert connection.read_exactly(len(GREETING)) == GREETING
        assert ask(connection, b"hello") == b"hello"


# ---- beside HTTP ----

def test_http_and_tcp_share_a_port(weir, http_backend, tcp_backend, authority, tmp_path):
    context = backends.server_context(authority.issue("db.test"), tmp_path)
    database = tcp_backend(backends.greeting(GREETING), tls=context)
    web = http_backend(name="web")
    dynamic = config({"db": router("HostSNI(`db.test`)", "db", {"passthrough": True}, "both")},
                     {"db": backends.tcp_service(database)},
                     tls={"certificates": [authority.issue("a.test").inline]})
    dynamic["http"] = {
        "routers": {"web": {"entryPoints": ["both"], "rule": "Host(`a.test`)", "service": "web",
                            "tls": {}},
                    "plain": {"entryPoints": ["both"], "rule": "PathPrefix(`/`)",
                              "service": "web"}},
        "services": {"web": backends.http_service(web)}}
    one = weir(entries={"both": {}}, dynamic=dynamic)
    context = wire.trusting(authority)
    assert wire.fetch(one.ports["both"], context=context, name="a.test").status == 200
    assert wire.fetch(one.ports["both"]).status == 200
    with wire.Connection(one.ports["both"], context, "db.test") as connection:
        assert connection.read_exactly(len(GREETING)) == GREETING


def test_an_https_host_wins_over_a_tcp_catch_all(weir, http_backend, tcp_backend, authority):
    other = tcp_backend(backends.greeting(GREETING))
    web = http_backend()
    dynamic = config({"all": router("HostSNI(`*`)", "all", {}, "both")},
                     {"all": backends.tcp_service(other)},
                     tls={"certificates": [authority.issue("a.test", "b.test").inline]})
    dynamic["http"] = {
        "routers": {"web": {"entryPoints": ["both"], "rule": "Host(`a.test`)", "service": "web",
                            "tls": {}}},
        "services": {"web": backends.http_service(web)}}
    one = weir(entries={"both": {}}, dynamic=dynamic)
    context = wire.trusting(authority)
    assert wire.fetch(one.ports["both"], context=context, name="a.test").status == 200
    with wire.Connection(one.ports["both"], context, "b.test") as connection:
        assert connection.read_exactly(len(GREETING)) == GREETING


def test_alpn_chooses_a_tcp_router(weir, tcp_backend, authority):
    first, second = (tcp_backend(backends.greeting(text)) for text in (b"1", b"2"))
    one = weir(entries={"tcp": {}}, dynamic=config(
        {"a": router("HostSNI(`x.test`) && ALPN(`proto-a`)", "a", {"options": "o"}),
         "b": router("HostSNI(`x.test`)", "b", {"options": "o"})},
        {"a": backends.tcp_service(first), "b": backends.tcp_service(second)},
        tls={"certificates": [authority.issue("x.test").inline],
             "options": {"o": {"alpnProtocols": ["proto-a", "proto-b"]}}}))
    for protocol, expected in (("proto-a", b"1"), ("proto-b", b"2")):
        context = wire.trusting(authority)
        context.set_alpn_protocols([protocol])
        with wire.Connection(one.ports["tcp"], context, "x.test") as connection:
            assert connection.read_exactly(1) == expected


# ---- back-pressure and splice ----

def test_a_client_that_does_not_read_holds_the_server_up(plain):
    """Memory stays flat while a server wants to send 200 MB to a client that reads nothing."""
    one = plain(backends.source(200 << 20))
    before = one.memory_kb()
    with wire.Connection(one.ports["tcp"]) as connection:
        first = connection.read_exactly(100)
        assert first == backends.known_bytes(100)
        eventually(lambda: no_traffic(one), "the flow comes to a stop")
        assert one.memory_kb() - before < (80 if SANITIZE else 20) * 1024


def no_traffic(one):
    """Whether the process was idle for a moment, by its processor time."""
    import threading
    before = processor_ticks(one)
    threading.Event().wait(0.3)
    return processor_ticks(one) - before <= (3 if SANITIZE else 1)


def processor_ticks(one):
    with open(f"/proc/{one.pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def may_trace():
    if SANITIZE or not shutil.which("strace"):
        return False
    probe = subprocess.run(["strace", "-f", "-o", "/dev/null", "true"], capture_output=True,
                           check=False)
    return probe.returncode == 0


@pytest.mark.skipif(not may_trace(), reason="no ptrace here, or a sanitizer that dislikes it")
@pytest.mark.parametrize("kind", ["plain", "passthrough"])
def test_bulk_is_spliced_without_kernel_workers(request, trust, tmp_path, kind):
    one = request.getfixturevalue(kind)(backends.source(20 << 20))
    trace = tmp_path / "trace"
    tracer = subprocess.Popen(["strace", "-f", "-qq", "-e", "trace=splice", "-o", str(trace),
                               "-p", str(one.pid)], stderr=subprocess.PIPE)
    try:
        eventually(lambda: is_traced(one), "strace is attached")
        arguments = {"context": trust, "name": "x.test"} if kind == "passthrough" else {}
        with wire.Connection(one.ports["tcp"], **arguments) as connection:
            assert len(connection.read_exactly(20 << 20)) == 20 << 20
            assert not [name for name in one.thread_names() if name.startswith("iou-wrk")]
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.wait(WAIT)
        tracer.stderr.close()
    moved = sum(int(match) for match in re.findall(r"splice\(.*\) = (\d+)", trace.read_text()))
    assert moved > 20 << 20, trace.read_text()[:2000]


def is_traced(one):
    states = []
    for task in os.listdir(f"/proc/{one.pid}/task"):
        with open(f"/proc/{one.pid}/task/{task}/status", encoding="ascii") as file:
            states.append(re.search(r"TracerPid:\s*(\d+)", file.read())[1])
    return all(state != "0" for state in states)


def test_a_thousand_connections_leave_nothing_behind(plain):
    one = plain(backends.echo)
    for _ in range(3):
        with wire.Connection(one.ports["tcp"]) as connection:
            assert ask(connection, b"warm") == b"warm"
    eventually(lambda: one.descriptors(), "descriptors are counted")
    before = one.descriptors()
    for _ in range(20):
        batch = [wire.Connection(one.ports["tcp"]) for _ in range(50)]
        for connection in batch:
            assert ask(connection, b"ping") == b"ping"
        for connection in batch:
            connection.close()
    # Pipes are kept for reuse, a bounded number of them.
    eventually(lambda: one.descriptors() <= before + 300, "descriptors are closed")
