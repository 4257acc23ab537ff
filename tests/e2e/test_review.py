# SPDX-License-Identifier: GPL-3.0-or-later
# TIMEOUT: 240
# BUILDS: release asan tsan
"""What a hostile client or a broken backend may try: none of it may cost the others anything."""

import socket
import struct

import pytest

import backends
import wire
from server import WAIT, eventually

ONE_WORKER = {"weir": {"workers": 1}}


def config(service, **http):
    return {"http": {"routers": {"r": {"entryPoints": ["web"], "rule": "PathPrefix(`/`)",
                                       "service": "s"}},
                     "services": {"s": service}, **http}}


def request(path="/", method="GET", extra=""):
    return f"{method} {path} HTTP/1.1\r\nHost: a.test\r\n{extra}\r\n".encode()


def reset(connection):
    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def test_connections_that_wait_do_not_take_the_receive_buffers_of_others(weir, http_backend):
    one = weir(entries={"web": {}}, dynamic=config(backends.http_service(http_backend())),
               static={"weir": {"workers": 1, "ring": {"bufferCount": 32, "bufferSize": 4096}}})
    waiting = [wire.Connection(one.ports["web"]) for _ in range(40)]
    for connection in waiting:
        connection.send(request("/hang") + request("/next", extra="X: " + "y" * 6000 + "\r\n"))
    assert wire.fetch(one.ports["web"], "/status/200").status == 200
    for connection in waiting:
        connection.close()


def test_pipelined_requests_are_answered_in_order_whatever_waits(weir, http_backend):
    """The copies that are made when buffers are scarce keep the order of the bytes."""
    one = weir(entries={"web": {}}, dynamic=config(backends.http_service(http_backend())),
               static={"weir": {"workers": 1, "ring": {"bufferCount": 16, "bufferSize": 1024}}})
    with wire.Connection(one.ports["web"]) as connection:
        connection.send(b"".join(request(f"/slow/1?{i}", extra="X: " + "y" * (i * 7 % 900) + "\r\n")
                                 for i in range(300)))
        for _ in range(300):
            assert connection.read_response().body == b"slow\n"


def test_pipelined_responses_that_nobody_reads_do_not_pile_up(weir, http_backend):
    backend = http_backend()
    one = weir(entries={"web": {}}, dynamic=config(backends.http_service(backend)),
               static=ONE_WORKER)
    assert wire.fetch(one.ports["web"], "/bytes/10000").status == 200
    count = 3000
    with wire.Connection(one.ports["web"]) as connection:
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        connection.send(request("/bytes/10000") * count)
        before = -1
        while before != len(backend.requests):  # until it stands still
            before = len(backend.requests)
            assert wire.fetch(one.ports["web"], "/slow/300").status == 200
            backend.requests.pop()
        assert len(backend.requests) < count / 2
        for _ in range(count):
            assert len(connection.read_response().body) == 10000


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("stage", range(0, 60, 3))
def test_a_client_that_resets_at_any_stage_leaves_nothing_behind(site, trust, secure, stage):
    one = site()
    port = one.ports["websecure" if secure else "web"]
    context, name = (trust, "a.test") if secure else (None, None)
    text = request("/bytes/200000", "POST", "Content-Length: 20\r\n") + b"x" * 20 + request("/hang")
    for _ in range(4):
        connection = wire.Connection(port, context, name)
        connection.send(text[:len(text) * stage // 60 + 1])
        reset(connection)
    assert wire.fetch(port, "/status/200", context, name).status == 200
    eventually(lambda: not [w for w in one.backend.open if w.is_closing()], "closed")


ANSWER = (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
          b"5\r\nhello\r\n3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n")


@pytest.mark.parametrize("abort", [False, True], ids=["closes", "resets"])
def test_a_backend_that_leaves_at_any_byte_is_noticed(weir, http_backend, abort):
    at = {"byte": 0}

    async def respond(_request, _reader, writer):
        writer.write(ANSWER[:at["byte"]])
        await writer.drain()
        if abort:
            raw = writer.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False

    one = weir(entries={"web": {}}, dynamic=config(backends.http_service(
        http_backend(respond=respond))))
    head = ANSWER.index(b"\r\n\r\n") + 4
    for at["byte"] in range(len(ANSWER)):
        try:
            response = wire.fetch(one.ports["web"], method="POST", body=b"")
            assert response.status == 502 and (abort or at["byte"] < head), at
        except (wire.Closed, ConnectionResetError):
            assert at["byte"] >= head


def test_everything_may_come_byte_by_byte(weir, http_backend, authority, trust):
    async def respond(_request, reader, writer):
        body = await reader.readexactly(4)
        for i in range(len(ANSWER)):
            writer.write(ANSWER[i:i + 1])
            await writer.drain()
        return body == b"body"

    backend = http_backend(respond=respond)
    dynamic = config(backends.http_service(backend))
    dynamic["http"]["routers"]["t"] = {"entryPoints": ["websecure"], "rule": "PathPrefix(`/`)",
                                       "service": "s", "tls": {}}
    dynamic["tls"] = {"certificates": [authority.issue("a.test").inline]}
    one = weir(dynamic=dynamic)
    for port, context, name in ((one.ports["web"], None, None),
                                (one.ports["websecure"], trust, "a.test")):
        with wire.Connection(port, context, name) as connection:
            for byte in request("/", "POST", "Content-Length: 4\r\n") + b"body":
                connection.send(bytes([byte]))
            response = connection.read_response()
            assert (response.body, response.trailers) == (b"helloabc", [("X-T", "1")])


def test_a_shutdown_does_not_wait_for_a_client_that_does_not_read(weir, http_backend):
    one = weir(entries={"web": {"transport": {"lifeCycle": {"graceTimeOut": "200ms"}}}},
               dynamic=config(backends.http_service(http_backend())), static=ONE_WORKER)
    clients = [wire.Connection(one.ports["web"]) for _ in range(3)]
    for client in clients:
        client.send(request("/bytes/50000000"))
        client.read_until(b"\r\n\r\n")
    one.stop()  # with 0, long before anybody's patience is over
    for client in clients:
        client.close()
