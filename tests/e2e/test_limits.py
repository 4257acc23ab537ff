# SPDX-License-Identifier: GPL-3.0-or-later
# TIMEOUT: 180
"""Clients that are too big, slow or many: what they are told, and that others do not care."""

import os
import re
import signal
import socket
import ssl
import struct
import threading
import time

import pytest

import backends
import http2
import wire
from server import PATIENCE, SANITIZE, WAIT, eventually

SHORT = "400ms"


@pytest.fixture
def limited(site):
    """A site with limits: limits(clientHelloTimeout=…)."""
    def start(entries=None, **limits):
        return site(entries=entries, static={"weir": {"limits": limits, "workers": 1}})
    return start


# ---- heads ----

def test_a_head_beyond_the_limit_is_431(site):
    one = site(entries={"web": {"http": {"maxHeaderBytes": 4096}}})
    good = wire.fetch(one.ports["web"], headers=[("X-Large", "v" * 3500)])
    assert good.status == 200
    for sender in (one_piece, byte_by_byte):
        with wire.Connection(one.ports["web"]) as connection:
            sender(connection, b"GET / HTTP/1.1\r\nHost: a.test\r\nX-Large: " + b"v" * 5000)
            response = connection.read_response()
            assert response.status == 431
            assert connection.is_closed()
    assert len(one.backend.requests) == 1


def one_piece(connection, data):
    connection.send(data)


def byte_by_byte(connection, data):
    try:
        for i in range(0, len(data), 97):
            connection.send(data[i:i + 97])
    except (BrokenPipeError, ConnectionResetError):
        pass  # it was refused already


def test_a_target_beyond_the_limit_is_414(site):
    one = site(entries={"web": {"http": {"maxHeaderBytes": 4096}}})
    with wire.Connection(one.ports["web"]) as connection:
        connection.send(b"GET /" + b"x" * 5000)
        assert connection.read_response().status == 414


def test_too_many_fields_are_431(limited):
    one = limited(entries={"web": {}}, headerCount=50)
    assert wire.fetch(one.ports["web"], headers=[(f"X-{i}", "v") for i in range(40)]).status == 200
    with wire.Connection(one.ports["web"]) as connection:
        connection.send("GET / HTTP/1.1\r\nHost: a.test\r\n" +
                        "".join(f"X-{i}: v\r\n" for i in range(60)) + "\r\n")
        assert connection.read_response().status == 431


def test_the_default_limit_takes_a_large_head_and_refuses_a_huge_one(site):
    one = site(entries={"web": {}})
    assert wire.fetch(one.ports["web"], headers=[("X-Large", "v" * 900000)]).status == 200
    with wire.Connection(one.ports["web"]) as connection:
        byte_by_byte(connection, b"GET / HTTP/1.1\r\nHost: a.test\r\nX: " + b"v" * 100)
        try:
            for _ in range(200):
                connection.send(b"v" * 10000)
        except (BrokenPipeError, ConnectionResetError):
            return
        assert connection.read_response().status == 431


# ---- bodies ----

@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_a_body_beyond_the_limit_is_413(limited, chunked):
    one = limited(entries={"web": {}}, requestBodyBytes=1000)

    def post(size):
        body = b"x" * size
        framing = b"Content-Length: %d\r\n\r\n%s" % (size, body)
        if chunked:
            framing = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (size, body)
        with wire.Connection(one.ports["web"]) as connection:
            connection.send(b"POST /sink HTTP/1.1\r\nHost: a.test\r\n" + framing)
            return connection.read_response().status

    assert post(1000) == 200
    assert post(1001) == 413
    assert wire.fetch(one.ports["web"]).status == 200


# ---- slowness ----

def trickle(connection, data, pause):
    """Sends byte by byte until the end or until the peer has had enough."""
    event = threading.Event()
    for i in range(len(data)):
        try:
            connection.send(data[i:i + 1])
        except (BrokenPipeError, ConnectionResetError):
            return
        event.wait(pause)


@pytest.mark.parametrize("entry", ["web", "websecure"])
def test_a_slow_head_is_408(limited, trust, entry):
    one = limited(headerTimeout=SHORT)
    context = trust if entry == "websecure" else None
    with wire.Connection(one.ports[entry], context, "a.test") as connection:
        connection.send("GET / HTTP/1.1\r\nHost: a.te")
        response = connection.read_response()
        assert (response.status, response.get("Connection")) == (408, "close")
        assert connection.is_closed()


def test_trickling_a_head_gains_no_time(limited):
    one = limited(entries={"web": {}}, headerTimeout=SHORT)
    begin = time.monotonic()
    with wire.Connection(one.ports["web"]) as connection:
        trickle(connection, b"GET / HTTP/1.1\r\nHost: a.test\r\n" + b"X: y\r\n" * 1000, 0.05)
        assert time.monotonic() - begin < 20 * PATIENCE
        assert connection.read_response().status == 408


def test_a_silent_connection_is_closed_without_a_word(site):
    one = site(entries={"web": {"transport": {"respondingTimeouts": {
        "readTimeout": SHORT, "idleTimeout": SHORT}}}})
    with wire.Connection(one.ports["web"]) as connection:
        assert connection.is_closed()


def test_a_body_that_stops_is_408(limited):
    one = limited(entries={"web": {}}, bodyTimeout=SHORT)
    with wire.Connection(one.ports["web"]) as connection:
        connection.send("POST /sink HTTP/1.1\r\nHost: a.test\r\nContent-Length: 10\r\n\r\nhello")
        assert connection.read_response().status == 408
        assert connection.is_closed()


def test_a_body_that_trickles_is_taken(limited):
    one = limited(entries={"web": {}}, bodyTimeout="2s")
    with wire.Connection(one.ports["web"]) as connection:
        connection.send("POST /sink HTTP/1.1\r\nHost: a.test\r\nContent-Length: 20\r\n\r\n")
        trickle(connection, b"x" * 20, 0.15)
        assert connection.read_response().body.startswith(b"20 ")


def test_the_whole_request_has_a_limit_too(site):
    one = site(entries={"web": {"transport": {"respondingTimeouts": {"readTimeout": "700ms"}}}})
    with wire.Connection(one.ports["web"]) as connection:
        connection.send("POST /sink HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1000\r\n\r\n")
        trickle(connection, b"x" * 100, 0.05)
        try:
            assert connection.read_response().status == 408
        except (wire.Closed, ConnectionResetError):
            pass
    assert wire.fetch(one.ports["web"]).status == 200


# ---- TLS ----

def hello_of(context):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname="a.test")
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


@pytest.mark.parametrize("sent", ["nothing", "half a ClientHello", "a ClientHello"])
def test_a_slow_handshake_is_ended(limited, trust, sent):
    one = limited(entries={"web": {}, "websecure": {}}, clientHelloTimeout=SHORT,
                  handshakeTimeout="600ms")
    hello = hello_of(trust)
    with wire.Connection(one.ports["websecure"]) as connection:
        connection.send({"nothing": b"", "half a ClientHello": hello[:len(hello) // 2],
                         "a ClientHello": hello}[sent])
        try:
            connection.read_rest()
        except ConnectionResetError:
            pass
    assert wire.fetch(one.ports["websecure"], context=trust, name="a.test").status == 200


def test_a_clienthello_beyond_the_limit_is_refused(limited, trust):
    one = limited(clientHelloBytes=2500)
    head = b"\x01" + struct.pack("!I", 5000)[1:] + b"\x03\x03" + os.urandom(32) + b"\x00"
    record = b"\x16\x03\x01" + struct.pack("!H", 3000) + head.ljust(3000, b"\0")
    with wire.Connection(one.ports["websecure"]) as connection:
        connection.send(record)
        try:
            assert len(connection.read_rest()) < 100
        except ConnectionResetError:
            pass
    assert wire.fetch(one.ports["websecure"], context=trust, name="a.test").status == 200


def test_random_names_grow_nothing(site):
    one = site()
    context = wire.trusting()

    def ask(index):
        with socket.create_connection(("127.0.0.1", one.ports["websecure"]), WAIT) as raw:
            with context.wrap_socket(raw, server_hostname=f"n{index}.random.test"):
                pass

    rounds = 300 if SANITIZE else 1000
    for index in range(rounds):  # every receive buffer has been written to once
        ask(index)
    before = one.memory_kb()
    for index in range(rounds, 3 * rounds):
        ask(index)
    assert one.memory_kb() - before < (30 if SANITIZE else 4) * 1024


# ---- numbers ----

def answers(port):
    """Whether a new connection is served within a moment."""
    try:
        with wire.Connection(port, timeout=0.5 * PATIENCE) as connection:
            return connection.request("/").status == 200
    except (socket.timeout, ConnectionError, wire.Closed):
        return False


def test_connections_beyond_the_limit_wait_for_busy_ones(limited):
    one = limited(entries={"web": {}}, connections=8)
    held = [wire.Connection(one.ports["web"]) for _ in range(8)]
    for connection in held:
        connection.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 2\r\n\r\na")
    waiting = wire.Connection(one.ports["web"])
    waiting.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
    assert not answers(one.ports["web"])
    held[0].send("b")
    assert held[0].read_response().get("Connection") == "close"  # somebody wants its place
    assert held[0].is_closed()
    assert waiting.read_response().status == 200
    for connection in held[1:]:
        connection.send("b")
        assert connection.read_response().status == 200
        connection.close()
    waiting.close()
    eventually(lambda: answers(one.ports["web"]), "connections are accepted again")


def wait_until_old():
    """Nobody is ended for others within half a second of coming."""
    time.sleep(0.6)


def test_at_the_limit_who_does_nothing_makes_room(site):
    one = site(entries={"web": {}, "traefik": {}}, static={
        "weir": {"limits": {"connections": 40}, "workers": 1}, "metrics": {"prometheus": {}}})
    held = [wire.Connection(one.ports["web"]) for _ in range(36)]
    for connection in held:
        assert connection.request("/").status == 200
    wait_until_old()
    for _ in range(20):
        assert status_of(one.ports["web"]) == 200
    more = [wire.Connection(one.ports["web"]) for _ in range(10)]
    for connection in more:
        assert connection.request("/").status == 200
    assert all(connection.is_closed() for connection in held[:6])
    assert held[-1].request("/").status == 200
    one.log.wait("the limit of connections is reached")
    with wire.Connection(one.ports["traefik"]) as connection:
        text = connection.request("/metrics").body.decode()
    assert int(re.search(r"weir_connections_evicted_total (\d+)", text)[1]) >= 6


def test_at_the_limit_http2_serves_and_is_ended_when_it_rests(limited, authority):
    one = limited(connections=2)
    with wire.Connection(one.ports["web"]) as busy:
        busy.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 2\r\n\r\na")
        with http2.Client(one.ports["websecure"], http2.secure(authority)) as client:
            client.roundtrip()
            assert client.goaway is None
            assert client.request(http2.get()).status == 200
            client.read_to_end()
            assert client.goaway.error_code == http2.NO_ERROR
        busy.send("b")
        assert busy.read_response().status == 200


def test_at_the_limit_half_open_handshakes_make_room_before_idle_clients(limited, trust):
    one = limited(connections=40, clientHelloTimeout="100s")
    idle = [wire.Connection(one.ports["websecure"], trust, "a.test") for _ in range(10)]
    for connection in idle:
        assert connection.request("/").status == 200
    half_open = [wire.Connection(one.ports["websecure"], first=b"\x16\x03\x01") for _ in range(60)]
    for _ in range(20):
        assert status_of(one.ports["websecure"], trust) == 200
    for connection in idle:
        assert connection.request("/").status == 200
    for connection in half_open:
        connection.close()


def status_of(port, context=None, source=""):
    """Of one request; None: the connection was closed without an answer."""
    try:
        with wire.Connection(port, context, "a.test", source=source) as connection:
            return connection.request("/").status
    except (ConnectionError, wire.Closed, ssl.SSLError):
        return None


def test_an_address_may_have_so_many_connections_and_others_do_not_care(site, trust):
    one = site(static={"weir": {"limits": {"connectionsPerAddress": 6}, "workers": 2},
                       "metrics": {"prometheus": {}}},
               entries={"web": {}, "websecure": {}, "traefik": {}})
    web, websecure = one.ports["web"], one.ports["websecure"]
    held = [wire.Connection(web) for _ in range(6)]
    for connection in held:
        assert connection.request("/").status == 200
    with wire.Connection(web) as connection:
        refused = connection.read_response()
        assert (refused.status, refused.get("Connection")) == (429, "close")
        assert connection.is_closed()
    assert status_of(websecure, trust) is None
    assert status_of(web, source="127.0.0.2") == 200
    assert status_of(websecure, trust, source="127.0.0.2") == 200
    assert held[0].request("/").status == 200
    one.log.wait(r"a client is over a limit limit=connectionsPerAddress client=127\.0\.0\.1:\d+ "
                 r"entryPoint=web\b")
    with wire.Connection(one.ports["traefik"], source="127.0.0.2") as connection:
        text = connection.request("/metrics").body.decode()
    assert 'weir_limits_total{limit="connectionsPerAddress"} 2\n' in text
    for connection in held:
        connection.close()
    eventually(lambda: status_of(websecure, trust) == 200, "the address has room again")


def test_behind_a_proxy_it_is_the_address_in_its_header_that_counts(site):
    one = site(entries={"web": {"proxyProtocol": {"trustedIPs": ["127.0.0.1/32"]}}}, static={
        "weir": {"limits": {"connectionsPerAddress": 1}, "workers": 2}})

    def connect(client):
        header = f"PROXY TCP4 {client} 192.0.2.9 4000 80\r\n".encode()
        return wire.Connection(one.ports["web"], first=header)

    with connect("198.51.100.1") as first, connect("198.51.100.2") as second:
        assert first.request("/").status == 200
        assert second.request("/").status == 200
        with connect("198.51.100.1") as third:
            assert third.read_response().status == 429
        assert first.request("/").status == 200


def test_a_crowd_from_one_address_leaves_nothing_behind(site):
    one = site(entries={"web": {}}, static={
        "weir": {"limits": {"connectionsPerAddress": 3}, "workers": 2}})
    crowd = [wire.Connection(one.ports["web"]) for _ in range(400)]
    assert status_of(one.ports["web"]) != 200
    for connection in crowd:
        connection.close()
    eventually(lambda: status_of(one.ports["web"]) == 200, "the address has room again")


def test_the_limit_of_descriptors_is_survived(weir, http_backend):
    backend = http_backend()
    one = weir(entries={"web": {}}, file_limit=128, static={"weir": {"workers": 1}},
               dynamic={"http": {
                   "routers": {"r": {"entryPoints": ["web"], "rule": "PathPrefix(`/`)",
                                     "service": "s"}},
                   "services": {"s": backends.http_service(backend)}}})
    one.process.send_signal(signal.SIGSTOP)  # they come all in one go
    held = [wire.Connection(one.ports["web"]) for _ in range(200)]
    one.process.send_signal(signal.SIGCONT)
    served = 0
    for connection in held:
        connection.socket.settimeout(0.2 * PATIENCE)
        connection.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
        try:
            served += connection.read_response().status == 200
        except (socket.timeout, ConnectionError, wire.Closed):
            break
    assert served > 10
    for connection in held:
        connection.close()
    eventually(lambda: answers(one.ports["web"]), "connections are accepted again")


def test_pipelining_without_reading_is_held_up(site):
    """A client that asks and asks but never reads cannot make the queue grow."""
    one = site(entries={"web": {}})
    before = one.memory_kb()
    with wire.Connection(one.ports["web"]) as connection:
        connection.socket.setblocking(False)
        text = b"GET /bytes/100000 HTTP/1.1\r\nHost: a.test\r\n\r\n" * 100
        sent = 0

        def push():
            nonlocal sent
            try:
                while sent < 64 << 20:
                    sent += connection.socket.send(text)
            except BlockingIOError:
                return True
            return True

        for _ in range(20):
            push()
            threading.Event().wait(0.05)
        assert sent < 64 << 20
        assert one.memory_kb() - before < (80 if SANITIZE else 20) * 1024
    assert wire.fetch(one.ports["web"]).status == 200
