# SPDX-License-Identifier: GPL-3.0-or-later
# TIMEOUT: 240
# BUILDS: release asan tsan
"""The PROXY protocol: whom of those in front Weir believes, and what it tells TCP backends."""

import hashlib
import ipaddress
import json
import os
import re
import socket
import ssl
import struct

import pytest

import backends
import haproxy
import wire
from server import WAIT, eventually, run_weir

TRUSTING = {"proxyProtocol": {"trustedIPs": ["127.0.0.1/32", "::1/128"]}}
STRANGER = "127.0.0.2"  # whom TRUSTING does not trust
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
CLIENT, DESTINATION = "203.0.113.7", "198.51.100.9"
GREETING = b"220 ready when you are\r\n"
SHORT = "400ms"


def v1(source=CLIENT, destination=DESTINATION, ports=(4711, 443)):
    family = 6 if ":" in source else 4
    return f"PROXY TCP{family} {source} {destination} {ports[0]} {ports[1]}\r\n".encode()


def v2(source=CLIENT, destination=DESTINATION, ports=(4711, 443), more=b"", command=0x21):
    addresses = [ipaddress.ip_address(one) for one in (source, destination)]
    family = 0x21 if addresses[0].version == 6 else 0x11
    block = b"".join(one.packed for one in addresses) + struct.pack("!HH", *ports) + more
    return SIGNATURE + struct.pack("!BBH", command, family, len(block)) + block


HEADERS = {
    "v1": (v1(), CLIENT),
    "v2": (v2(), CLIENT),
    "v2-extensions": (v2(more=b"\x02\x00\x0bexample.com\x04\x00\x00"), CLIENT),
    "v1-ipv6": (v1("2001:db8::7", "2001:db8::9"), "2001:db8::7"),
    "v2-ipv6": (v2("2001:db8::7", "2001:db8::9"), "2001:db8::7"),
    "v2-mapped": (v2(f"::ffff:{CLIENT}", f"::ffff:{DESTINATION}"), CLIENT),
    "v1-unknown": (b"PROXY UNKNOWN\r\n", "127.0.0.1"),
    "v1-unknown-long": (b"PROXY UNKNOWN 1.1.1.1 2.2.2.2 3 4\r\n", "127.0.0.1"),
    "v2-local": (SIGNATURE + b"\x20\0\0\0", "127.0.0.1"),
    "v2-local-addresses": (v2(command=0x20), "127.0.0.1"),
    "v2-unspec": (SIGNATURE + b"\x21\0\0\0", "127.0.0.1"),
    "v2-unix": (SIGNATURE + b"\x21\x31\0\xd8" + b"/run/x".ljust(216, b"\0"), "127.0.0.1"),
}
MALFORMED = {
    "v1-ports": b"PROXY TCP4 1.2.3.4 5.6.7.8 99999 1\r\n",
    "v1-zeros": b"PROXY TCP4 1.2.3.4 5.6.7.8 01 1\r\n",
    "v1-spaces": b"PROXY TCP4  1.2.3.4 5.6.7.8 1 1\r\n",
    "v1-family": b"PROXY TCP4 ::1 ::1 1 1\r\n",
    "v1-line-feed": b"PROXY TCP4 1.2.3.4 5.6.7.8 1 1\n",
    "v1-long": b"PROXY UNKNOWN " + b"x" * 200,
    "v2-version": SIGNATURE + b"\x11\x11\0\x0c" + bytes(12),
    "v2-command": SIGNATURE + b"\x22\x11\0\x0c" + bytes(12),
    "v2-family": SIGNATURE + b"\x21\x51\0\x0c" + bytes(12),
    "v2-short": SIGNATURE + b"\x21\x11\0\x0b" + bytes(11),
    "v2-long": SIGNATURE + b"\x21\x11\xff\xff" + bytes(12),
    "v2-extension": SIGNATURE + b"\x21\x11\0\x10" + bytes(12) + b"\x04\0\x09x",
    "v2-checksum": SIGNATURE + b"\x21\x11\0\x13" + bytes(12) + b"\x03\0\x04\1\2\3\4",
}


@pytest.fixture
def proxied(site):
    """A site whose entry points trust 127.0.0.1, or as `settings` say."""
    def start(settings=None, static=None, **more):
        settings = settings or TRUSTING
        return site(entries={"web": settings, "websecure": settings, "admin": {}},
                    static={"metrics": {"prometheus": {"entryPoint": "admin"}},
                            "log": {"level": "DEBUG"}, **(static or {})}, **more)
    return start


@pytest.fixture
def plain_tcp(weir, tcp_backend):
    """A plain TCP router in front of a backend with this handler; nobody speaks TLS."""
    def start(handle, entry=None, static=None, rule="HostSNI(`*`)", **service):
        backend = tcp_backend(handle)
        one = weir(entries={"tcp": {} if entry is None else entry},
                   static={"log": {"level": "DEBUG"}, **(static or {})},
                   dynamic=tcp_config(backend, rule=rule, **service))
        one.backend = backend
        return one
    return start


def tcp_config(backend, rule="HostSNI(`*`)", transports=None, tls=None, more=None, **service):
    router = {"entryPoints": ["tcp"], "rule": rule, "service": "s"}
    if tls is not None:
        router["tls"] = tls
    tcp = {"routers": {"r": router}, "services": {"s": backends.tcp_service(backend, **service)}}
    if transports:
        tcp["serversTransports"] = transports
    return {"tcp": tcp, **(more or {})}


def metric(one, name):
    text = wire.fetch(one.ports["admin"], "/metrics").body.decode()
    return int(re.search(rf"^weir_{name}_total (\d+)$", text, re.M)[1])


def seen_by(one):
    return one.backend.requests[-1].get("X-Forwarded-For")


def send_in_pieces(connection, data):
    for byte in data:
        connection.send(bytes([byte]))


REQUEST = b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"


# ---- who is believed ----

@pytest.mark.parametrize("kind", HEADERS)
def test_a_trusted_header_names_the_client(proxied, kind):
    one = proxied()
    header, client = HEADERS[kind]
    with wire.Connection(one.ports["web"]) as connection:
        connection.send(header + REQUEST)  # in one segment, of which nothing is lost
        assert connection.read_response().status == 200
        assert seen_by(one) == client
        assert one.backend.requests[-1].get("X-Real-Ip") == client
        assert connection.request().status == 200 and seen_by(one) == client
    with wire.Connection(one.ports["web"]) as connection:
        send_in_pieces(connection, header + REQUEST)
        assert connection.read_response().status == 200
        assert seen_by(one) == client
    assert metric(one, "proxy_headers_used") == 2


@pytest.mark.parametrize("kind", ["v1", "v2", "v2-ipv6", "v2-local"])
def test_a_trusted_header_may_stand_in_front_of_tls(proxied, trust, kind):
    one = proxied()
    header, client = HEADERS[kind]
    with wire.Connection(one.ports["websecure"], trust, "a.test", first=header) as connection:
        assert connection.request().status == 200 and seen_by(one) == client


@pytest.mark.parametrize("size", [1, 3, 10000])
def test_a_header_and_a_clienthello_may_come_in_any_pieces(proxied, trust, size):
    one = proxied()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = trust.wrap_bio(incoming, outgoing, server_hostname="a.test")
    first = v2()
    with socket.create_connection(("127.0.0.1", one.ports["websecure"]), WAIT) as raw:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def step(action):
            nonlocal first
            while True:
                try:
                    return action()
                except ssl.SSLWantReadError:
                    data, first = first + outgoing.read(), b""
                    for at in range(0, len(data), size):
                        raw.sendall(data[at:at + size])
                    incoming.write(raw.recv(65536))
        step(tls.do_handshake)
        tls.write(REQUEST)
        assert step(lambda: tls.read(12)) == b"HTTP/1.1 200"
    assert seen_by(one) == CLIENT


def test_who_sends_no_header_is_served_as_he_is(proxied, trust):
    one = proxied()
    for port, context in (("web", None), ("websecure", trust)):
        with wire.Connection(one.ports[port], context, "a.test") as connection:
            assert connection.request().status == 200 and seen_by(one) == "127.0.0.1"
    with wire.Connection(one.ports["web"]) as connection:
        send_in_pieces(connection, b"PUT / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 0\r\n\r\n")
        assert connection.read_response().status == 200 and seen_by(one) == "127.0.0.1"
    assert metric(one, "proxy_headers_used") == 0


@pytest.mark.parametrize("kind", ["v1", "v2", "v2-ipv6", "v1-unknown"])
def test_a_strangers_header_is_read_away_and_not_believed(proxied, trust, kind):
    one = proxied()
    header, _ = HEADERS[kind]
    with wire.Connection(one.ports["web"], source=STRANGER) as connection:
        send_in_pieces(connection, header + REQUEST)
        assert connection.read_response().status == 200 and seen_by(one) == STRANGER
    with wire.Connection(one.ports["websecure"], trust, "a.test", source=STRANGER,
                         first=header) as connection:
        assert connection.request().status == 200 and seen_by(one) == STRANGER
    assert metric(one, "proxy_headers_ignored") == 2
    assert metric(one, "proxy_headers_used") == 0


def test_insecure_believes_anybody(proxied):
    one = proxied({"proxyProtocol": {"insecure": True}})
    with wire.Connection(one.ports["web"], source=STRANGER) as connection:
        connection.send(v1() + REQUEST)
        assert connection.read_response().status == 200 and seen_by(one) == CLIENT


def test_without_proxy_protocol_a_header_is_a_bad_request(site):
    one = site()
    with wire.Connection(one.ports["web"]) as connection:
        connection.send(v1() + REQUEST)
        assert connection.read_response().status == 400
    assert one.backend.requests == []


def test_a_second_header_is_not_a_header(proxied):
    one = proxied()
    with wire.Connection(one.ports["web"]) as connection:
        connection.send(v1() + v1("192.0.2.66") + REQUEST)
        assert connection.read_response().status == 400
    assert one.backend.requests == []


def test_the_believed_address_decides_about_forwarded_headers(proxied):
    one = proxied({**TRUSTING, "forwardedHeaders": {"trustedIPs": ["127.0.0.1"]}})
    lie = "GET / HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-For: 192.0.2.66\r\n\r\n".encode()
    with wire.Connection(one.ports["web"]) as connection:
        connection.send(v1() + lie)
        assert connection.read_response().status == 200 and seen_by(one) == CLIENT
    with wire.Connection(one.ports["web"]) as connection:
        connection.send(lie)
        assert connection.read_response().status == 200
        assert seen_by(one) == "192.0.2.66, 127.0.0.1"


def test_rules_and_the_access_log_see_the_believed_address(proxied):
    one = proxied(static={"accessLog": {"format": "json"}}, routers={
        "r": {"entryPoints": ["web"], "rule": f"ClientIP(`{CLIENT}`)", "service": "one"}})
    with wire.Connection(one.ports["web"]) as connection:
        connection.send(v1() + REQUEST)
        assert connection.read_response().status == 200
    line = json.loads(one.output.wait(r"^(\{.*\})$")[1])
    assert (line["ClientAddr"], line["ClientHost"], line["ClientPort"]) == (
        f"{CLIENT}:4711", CLIENT, "4711")
    assert wire.fetch(one.ports["web"]).status == 404


@pytest.mark.parametrize("port", ["web", "websecure"])
def test_connections_are_counted_by_the_believed_address(proxied, trust, port):
    one = proxied(static={"weir": {"limits": {"connectionsPerAddress": 2}, "workers": 2}})
    context = trust if port == "websecure" else None
    held = [wire.Connection(one.ports[port], context, "a.test", first=v2(source=f"203.0.113.{n}"))
            for n in (1, 1, 2, 2, 3)]
    for connection in held:
        assert connection.request().status == 200
    with wire.Connection(one.ports[port], first=v1("203.0.113.1")) as refused:
        if port == "web":
            assert refused.read_response().status == 429
        assert refused.is_closed()
    one.log.wait("over a limit limit=connectionsPerAddress client=203.0.113.1:4711")
    held.pop(0).close()

    def admitted():
        try:
            with wire.Connection(one.ports[port], context, "a.test",
                                 first=v1("203.0.113.1")) as connection:
                return connection.request().status == 200
        except (OSError, wire.Closed):
            return False
    eventually(admitted, "a place that was given up is free again")
    for connection in held:
        connection.close()


def test_without_a_server_name_the_header_says_which_certificate(weir, authority):
    one = weir(entries={"websecure": TRUSTING}, dynamic={
        "http": {"routers": {"r": {"rule": "Path(`/none`)", "service": "noop@internal",
                                   "tls": {}}}},
        "tls": {"certificates": [authority.issue(DESTINATION).inline,
                                 authority.issue("127.0.0.1").inline]}})
    names = []
    for first in (v1(), b""):
        context = wire.trusting(authority, name_check=False)
        with wire.Connection(one.ports["websecure"], context, first=first) as connection:
            names.append(dict(connection.socket.getpeercert()["subjectAltName"])["IP Address"])
    assert names == [DESTINATION, "127.0.0.1"]


# ---- what ends the connection ----

@pytest.mark.parametrize("kind", MALFORMED)
def test_a_malformed_header_ends_the_connection(proxied, kind):
    one = proxied()
    with wire.Connection(one.ports["web"]) as connection:
        connection.send(MALFORMED[kind] + REQUEST)
        assert connection.is_closed()
        address = "{}:{}".format(*connection.name)
        one.log.wait(rf"PROXY header refused.*proxy={re.escape(address)} entryPoint=web error=.")
    with wire.Connection(one.ports["websecure"], source=STRANGER) as connection:
        connection.send(MALFORMED[kind])
        assert connection.is_closed()
    assert metric(one, "proxy_headers_refused") == 2
    assert one.backend.requests == []


def test_an_unfinished_header_is_waited_for_only_so_long(proxied):
    one = proxied(static={"weir": {"limits": {"clientHelloTimeout": SHORT}}})
    for header in (b"P", v1()[:-1], v2()[:-1]):
        for port in ("web", "websecure"):
            with wire.Connection(one.ports[port]) as connection:
                connection.send(header)
                assert connection.is_closed()
    one.log.wait("PROXY header refused.*it took too long")
    with wire.Connection(one.ports["web"]) as connection:
        connection.send(v1()[:-1])
        connection.end()
        assert connection.is_closed()
    one.log.wait("PROXY header refused.*ended within it")
    assert metric(one, "proxy_headers_refused") == 7


def test_silence_is_no_header(proxied):
    one = proxied(static={"weir": {"limits": {"clientHelloTimeout": "50ms"}}})
    with wire.Connection(one.ports["web"]) as first:
        with wire.Connection(one.ports["websecure"]) as second:
            # Which had the time of a header and that of a ClientHello, one after the other.
            assert second.is_closed()
        assert first.request().status == 200 and seen_by(one) == "127.0.0.1"


def test_a_client_that_leaves_at_once_leaves_nothing(proxied):
    one = proxied()
    for port in ("web", "websecure"):
        with wire.Connection(one.ports[port]) as connection:
            connection.end()
            assert connection.is_closed()
        wire.Connection(one.ports[port]).close()
    assert wire.fetch(one.ports["web"]).status == 200


def test_idle_connections_do_not_hold_up_the_end(proxied):
    one = proxied(static={"weir": {"limits": {"clientHelloTimeout": "600s"}}})
    with wire.Connection(one.ports["web"]) as connection:
        one.stop()
        assert connection.is_closed()


# ---- plain TCP, where the server may speak first ----

def test_a_trusted_peers_header_is_waited_for_before_the_server_speaks(plain_tcp):
    one = plain_tcp(backends.greeting(GREETING), TRUSTING, rule=f"ClientIP(`{CLIENT}`)")
    with wire.Connection(one.ports["tcp"]) as connection:
        send_in_pieces(connection, v2())
        assert connection.read_exactly(len(GREETING)) == GREETING
        connection.send(b"EHLO\r\n")
        assert connection.read_exactly(6) == b"EHLO\r\n"
    assert one.backend.connections == 1
    with wire.Connection(one.ports["tcp"]) as connection:
        connection.send(v1() + b"EHLO\r\n")
        assert connection.read_exactly(len(GREETING) + 6) == GREETING + b"EHLO\r\n"


def test_a_trusted_peer_that_says_nothing_hears_the_server_after_a_while(plain_tcp):
    one = plain_tcp(backends.greeting(GREETING), TRUSTING,
                    {"weir": {"limits": {"clientHelloTimeout": "100ms"}}})
    with wire.Connection(one.ports["tcp"]) as connection:
        assert connection.read_exactly(len(GREETING)) == GREETING


def test_a_trusted_peer_that_ends_at_once_is_served(plain_tcp):
    one = plain_tcp(backends.digest_sink, TRUSTING)
    with wire.Connection(one.ports["tcp"]) as connection:
        connection.end()
        assert connection.read_rest().decode() == f"0 {hashlib.sha256(b'').hexdigest()}\n"


def test_a_stranger_hears_the_server_at_once(plain_tcp):
    one = plain_tcp(backends.greeting(GREETING), TRUSTING,
                    {"weir": {"limits": {"clientHelloTimeout": "600s"}}})
    with wire.Connection(one.ports["tcp"], source=STRANGER) as connection:
        assert connection.read_exactly(len(GREETING)) == GREETING
        data = os.urandom(300000)
        connection.send(data[:1000])
        assert connection.read_exactly(1000) == data[:1000]


@pytest.mark.parametrize("kind", ["v1", "v2", "v2-ipv6"])
@pytest.mark.parametrize("way", ["whole", "pieces", "late"])
def test_a_strangers_header_never_reaches_the_server(plain_tcp, kind, way):
    one = plain_tcp(backends.greeting(GREETING) if way == "late" else backends.digest_sink,
                    TRUSTING)
    header, _ = HEADERS[kind]
    data = os.urandom(200000)
    with wire.Connection(one.ports["tcp"], source=STRANGER) as connection:
        if way == "late":
            assert connection.read_exactly(len(GREETING)) == GREETING
        if way == "whole":
            connection.send(header + data[:10])
        else:
            send_in_pieces(connection, header + data[:10])
        if way == "late":
            assert connection.read_exactly(10) == data[:10]
            return
        connection.send(data[10:])
        connection.end()
        assert connection.read_rest().decode() == f"200000 {hashlib.sha256(data).hexdigest()}\n"


@pytest.mark.parametrize("way", ["whole", "pieces"])
def test_a_strangers_bytes_that_are_no_header_are_kept(plain_tcp, way):
    one = plain_tcp(backends.digest_sink, TRUSTING)
    data = b"\r\n\r\n\0\r\nQUIX" + os.urandom(100000)
    with wire.Connection(one.ports["tcp"], source=STRANGER) as connection:
        if way == "pieces":
            send_in_pieces(connection, data[:20])
        connection.send(data[20:] if way == "pieces" else data)
        connection.end()
        assert connection.read_rest().decode() == (
            f"{len(data)} {hashlib.sha256(data).hexdigest()}\n")


@pytest.mark.parametrize("greets", [True, False])
def test_a_strangers_malformed_header_ends_the_connection(plain_tcp, greets):
    one = plain_tcp(backends.greeting(GREETING) if greets else backends.echo, TRUSTING)
    for bad in (MALFORMED["v1-ports"], MALFORMED["v2-version"], v1()[:-1]):
        with wire.Connection(one.ports["tcp"], source=STRANGER) as connection:
            if greets:
                connection.read_exactly(len(GREETING))
            connection.send(bad)
            connection.end()
            assert connection.is_closed()


# ---- towards TCP backends ----

def read_header(version):
    """The header that a backend is sent, as the test of the other side wrote it."""
    async def read(reader):
        if version == 1:
            return await reader.readuntil(b"\r\n")
        start = await reader.readexactly(16)
        return start + await reader.readexactly(struct.unpack("!H", start[14:])[0])
    return read


def telling(version, rest=backends.echo):
    """Sends its header back, then does as `rest`."""
    async def handle(reader, writer):
        header = await read_header(version)(reader)
        writer.write(struct.pack("!H", len(header)) + header)
        await writer.drain()
        await rest(reader, writer)
    return handle


def told(connection):
    size, = struct.unpack("!H", connection.read_exactly(2))
    return connection.read_exactly(size)


def make(version, source, destination, ports):
    return (v1 if version == 1 else v2)(source, destination, ports)


TRANSPORT = {"serversTransport": "p"}


def transports(version):
    return {"p": {"proxyProtocol": {"version": version}}}


@pytest.mark.parametrize("version", [1, 2])
def test_a_backend_is_told_the_client_before_it_speaks(plain_tcp, version):
    one = plain_tcp(telling(version), transports=transports(version), **TRANSPORT)
    with wire.Connection(one.ports["tcp"]) as connection:
        expected = make(version, "127.0.0.1", "127.0.0.1",
                        (connection.name[1], one.ports["tcp"]))
        assert told(connection) == expected
        data = os.urandom(500000)
        connection.send(data[:10])
        assert connection.read_exactly(10) == data[:10]


@pytest.mark.parametrize("version", [1, 2])
def test_a_backend_is_told_whom_the_proxy_in_front_spoke_for(plain_tcp, version):
    one = plain_tcp(telling(version), TRUSTING, transports=transports(version), **TRANSPORT)
    for source, destination in ((CLIENT, DESTINATION), ("2001:db8::7", "2001:db8::9")):
        expected = make(version, source, destination, (4711, 443))
        for header in (v1(source, destination), v2(source, destination)):
            with wire.Connection(one.ports["tcp"]) as connection:
                connection.send(header + b"more")
                assert told(connection) == expected
                assert connection.read_exactly(4) == b"more"


def test_mixed_families_are_told_as_ipv6(plain_tcp):
    one = plain_tcp(telling(1), TRUSTING, transports=transports(1), **TRANSPORT)
    with wire.Connection(one.ports["tcp"]) as connection:
        connection.send(v2("::ffff:203.0.113.7", "2001:db8::9"))
        assert told(connection) == b"PROXY TCP6 ::ffff:cb00:7107 2001:db8::9 4711 443\r\n"


@pytest.mark.parametrize("version", [1, 2])
def test_a_stranger_cannot_put_words_into_weirs_mouth(plain_tcp, version):
    one = plain_tcp(telling(version), TRUSTING, transports=transports(version), **TRANSPORT)
    with wire.Connection(one.ports["tcp"], source=STRANGER) as connection:
        connection.send(v1() + b"rest")
        assert told(connection) == make(version, STRANGER, "127.0.0.1",
                                        (connection.name[1], one.ports["tcp"]))
        assert connection.read_exactly(4) == b"rest"


@pytest.mark.parametrize("version", [1, 2])
def test_ipv6_is_told_as_ipv6(plain_tcp, version):
    one = plain_tcp(telling(version), {"address": "[::1]:0"}, transports=transports(version),
                    **TRANSPORT)
    with wire.Connection(one.ports["tcp"], host="::1") as connection:
        assert told(connection) == make(version, "::1", "::1",
                                        (connection.name[1], one.ports["tcp"]))


def test_a_dual_stack_socket_tells_ipv4(plain_tcp):
    one = plain_tcp(telling(1), {"address": "[::]:0"}, transports=transports(1), **TRANSPORT)
    with wire.Connection(one.ports["tcp"]) as connection:
        assert told(connection).startswith(b"PROXY TCP4 127.0.0.1 127.0.0.1 ")


@pytest.mark.parametrize("version", [1, 2])
def test_bulk_follows_the_header_whole(plain_tcp, version):
    one = plain_tcp(telling(version, backends.digest_sink), transports=transports(version),
                    **TRANSPORT)
    data = os.urandom(1 << 20) * 8
    with wire.Connection(one.ports["tcp"]) as connection:
        told(connection)
        connection.send(data)
        connection.end()
        assert connection.read_rest().decode() == (
            f"{len(data)} {hashlib.sha256(data).hexdigest()}\n")


@pytest.mark.parametrize("version", [1, 2])
def test_terminated_tls_tells_the_client_too(weir, tcp_backend, authority, trust, version):
    backend = tcp_backend(telling(version))
    one = weir(entries={"tcp": TRUSTING}, dynamic=tcp_config(
        backend, "HostSNI(`x.test`)", transports(version), {},
        {"tls": {"certificates": [authority.issue("x.test").inline]}}, **TRANSPORT))
    with wire.Connection(one.ports["tcp"], trust, "x.test", first=v2()) as connection:
        assert told(connection) == make(version, CLIENT, DESTINATION, (4711, 443))
        connection.send(b"hello")
        assert connection.read_exactly(5) == b"hello"


def test_the_version_follows_a_reload(plain_tcp):
    async def first_bytes(reader, writer):
        writer.write(await reader.read(5))
        await writer.drain()
    one = plain_tcp(first_bytes, transports=transports(1), **TRANSPORT)

    def first():
        with wire.Connection(one.ports["tcp"]) as connection:
            connection.send(b"hello")
            return connection.read_exactly(5)
    assert first() == b"PROXY"
    one.reload(tcp_config(one.backend, transports=transports(2), **TRANSPORT))
    assert first() == SIGNATURE[:5]
    one.reload(tcp_config(one.backend, transports={"p": {"dialTimeout": "9s"}}, **TRANSPORT))
    assert first() == b"hello"
    one.reload(tcp_config(one.backend, transports={"p": {"proxyProtocol": {}}}, **TRANSPORT))
    assert first() == SIGNATURE[:5]
    # The older key, which gives way to a transport that is named.
    one.reload(tcp_config(one.backend, proxyProtocol={"version": 1}))
    assert first() == b"PROXY"
    one.reload(tcp_config(one.backend, proxyProtocol={}))
    assert first() == SIGNATURE[:5]
    one.reload(tcp_config(one.backend, proxyProtocol={"version": 1}, transports=transports(2),
                          **TRANSPORT))
    assert first() == SIGNATURE[:5]
    one.reload(tcp_config(one.backend))
    assert first() == b"hello"


def test_a_server_that_cannot_be_reached_is_followed_by_none(plain_tcp, refusing):
    one = plain_tcp(telling(1), transports=transports(1), **TRANSPORT)
    one.reload(tcp_config(refusing, transports=transports(1), **TRANSPORT))
    with wire.Connection(one.ports["tcp"]) as connection:
        assert connection.is_closed()


def test_weir_understands_weir(weir, http_backend, tcp_backend):
    backend = http_backend()
    inner = weir(entries={"web": TRUSTING}, dynamic={
        "http": {"routers": {"r": {"rule": "PathPrefix(`/`)", "service": "one"}},
                 "services": {"one": backends.http_service(backend)}}})
    outer = weir(entries={"tcp": TRUSTING}, dynamic=tcp_config(
        f"127.0.0.1:{inner.ports['web']}", transports=transports(2), **TRANSPORT))
    with wire.Connection(outer.ports["tcp"]) as connection:
        connection.send(v1("2001:db8::7", "2001:db8::9"))
        assert connection.request().status == 200
    assert backend.requests[-1].get("X-Forwarded-For") == "2001:db8::7"


# ---- programs of others ----

@pytest.fixture
def program(tmp_path):
    made = []

    def start(make_program, *arguments, **more):
        folder = tmp_path / f"program{len(made)}"
        folder.mkdir()
        made.append(make_program(folder, *arguments, **more))
        return made[-1]

    yield start
    for one in made:
        one.stop()


SENDERS = ["send-proxy", "send-proxy-v2",
           "send-proxy-v2 proxy-v2-options crc32c,unique-id,authority,ssl,cert-cn"]


@pytest.mark.parametrize("how", SENDERS)
@pytest.mark.parametrize("tls", [False, True])
def test_haproxy_is_believed(proxied, program, trust, how, tls):
    one = proxied({"proxyProtocol": {"trustedIPs": ["127.0.0.1"]}})
    front = program(haproxy.sender, one.ports["websecure" if tls else "web"], how)
    with wire.Connection(front.port, trust if tls else None, "a.test",
                         source="127.0.0.3") as connection:
        assert connection.request().status == 200
        assert seen_by(one) == "127.0.0.3"
    assert metric(one, "proxy_headers_used") == 1


@pytest.mark.parametrize("how", ["send-proxy", "send-proxy-v2"])
def test_haproxys_health_checks_are_answered(proxied, program, how):
    one = proxied()
    program(haproxy.sender, one.ports["web"], f"{how} check inter 50ms check-send-proxy", "http")
    eventually(lambda: metric(one, "proxy_headers_used") > 1, "two checks with a header")
    assert metric(one, "proxy_headers_refused") == 0


def test_curl_is_believed(proxied, run, authority_file):
    one = proxied()
    for scheme, port in (("http", "web"), ("https", "websecure")):
        address = f"a.test:{one.ports[port]}"
        done = run("curl", "-sS", "--haproxy-protocol", "--cacert", str(authority_file),
                   "--resolve", f"{address}:127.0.0.1", "-o", "/dev/null", "-w", "%{http_code}",
                   f"{scheme}://{address}/")
        assert done.stdout == "200", done.stderr
    assert metric(one, "proxy_headers_used") == 2


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("receiver", [haproxy.receiver, haproxy.NginxReceiver])
def test_others_understand_weir(weir, program, receiver, version):
    backend = program(receiver)
    one = weir(entries={"tcp": TRUSTING},
               dynamic=tcp_config(backend, transports=transports(version), **TRANSPORT))
    with wire.Connection(one.ports["tcp"]) as connection:
        connection.send(v1() + REQUEST)
        assert connection.read_response().body == f"{CLIENT}:4711 {DESTINATION}:443\n".encode()
    with wire.Connection(one.ports["tcp"]) as connection:
        connection.send(v2("2001:db8::7", "2001:db8::9") + REQUEST)
        assert connection.read_response().body == b"2001:db8::7:4711 2001:db8::9:443\n"
    with wire.Connection(one.ports["tcp"], source=STRANGER) as connection:
        connection.send(v1() + REQUEST)
        assert connection.read_response().body == (
            f"{STRANGER}:{connection.name[1]} 127.0.0.1:{one.ports['tcp']}\n".encode())


@pytest.fixture(params=["haproxy", "nginx"])
def tls_receiver(request, program, authority, tmp_path):
    """Answers what it was told, over TLS as x.test."""
    paths = authority.issue("x.test").write(tmp_path, "x")
    if request.param == "nginx":
        return program(haproxy.NginxReceiver, "ssl", f"ssl_certificate {paths['certFile']}; "
                       f"ssl_certificate_key {paths['keyFile']};")
    both = tmp_path / "both.pem"
    both.write_bytes(b"".join(open(paths[key], "rb").read() for key in ("certFile", "keyFile")))
    return program(haproxy.receiver, f"ssl crt {both}")


@pytest.mark.parametrize("version", [1, 2])
def test_the_header_goes_before_a_passed_through_clienthello(weir, tls_receiver, trust, version):
    one = weir(entries={"tcp": TRUSTING}, dynamic=tcp_config(
        tls_receiver, "HostSNI(`x.test`)", transports(version), {"passthrough": True},
        **TRANSPORT))
    with wire.Connection(one.ports["tcp"], trust, "x.test", first=v2()) as connection:
        assert connection.request(host="x.test").body == (
            f"{CLIENT}:4711 {DESTINATION}:443\n".encode())


@pytest.mark.parametrize("version", [1, 2])
def test_the_header_goes_before_tls_to_the_backend(weir, tls_receiver, authority_file, version):
    config = tcp_config(tls_receiver, transports={"p": {
        "proxyProtocol": {"version": version},
        "tls": {"serverName": "x.test", "rootCAs": [str(authority_file)]}}}, **TRANSPORT)
    config["tcp"]["services"]["s"]["loadBalancer"]["servers"][0]["tls"] = True
    one = weir(entries={"tcp": TRUSTING}, dynamic=config)
    with wire.Connection(one.ports["tcp"]) as connection:
        connection.send(v1() + REQUEST)
        assert connection.read_response().body == f"{CLIENT}:4711 {DESTINATION}:443\n".encode()


# ---- configuration ----

def test_proxy_protocol_that_trusts_nobody_does_not_start(tmp_path):
    (tmp_path / "weir.yml").write_text(
        "entryPoints:\n  web:\n    address: ':0'\n    proxyProtocol: {}\n")
    report = run_weir("check", "--configFile=weir.yml", folder=str(tmp_path))
    assert report.returncode == 1
    assert "weir.yml:4:20: error: entryPoints.web.proxyProtocol: trusts nobody" in report.stdout
