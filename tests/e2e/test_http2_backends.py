# SPDX-License-Identifier: GPL-3.0-or-later
# TIMEOUT: 180
# BUILDS: release asan tsan
"""HTTP/2 towards backends: how it comes to be spoken, what is sent, and every way out."""

import asyncio
import json
import socket
import subprocess
import threading

import pytest

import backends
import http2
import http2_backend
import wire
from http2_backend import Codes, Settings
from server import WAIT, eventually


@pytest.fixture
def front(weir):
    """Weir, with one worker, in front of one backend."""
    def start(backend, transport=None, **service):
        transport = {"insecureSkipVerify": True, **(transport or {})}
        return weir(entries={"web": {}}, static={"weir": {"workers": 1}},
                    dynamic=backends.one_route(
                        backends.http_service(backend, transport="t", **service),
                        serversTransports={"t": transport}))
    return start


@pytest.fixture
def http2_server(keep, loop):
    return lambda *arguments, **named: keep(
        http2_backend.Http2Backend(loop, *arguments, **named))


def timeouts(**values):
    return {"forwardingTimeouts": values}


def in_parallel(count, call):
    """[call(0), …], each on its own thread."""
    results = [None] * count
    failures = []

    def run(index):
        try:
            results[index] = call(index)
        except Exception as error:  # pylint: disable=broad-exception-caught
            failures.append(error)
    threads = [threading.Thread(target=run, args=(index,)) for index in range(count)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(4 * WAIT)
    assert not failures, failures[0]
    return results


# ---- how it comes to be spoken ----

def test_h2c_is_spoken_with_prior_knowledge(front, http2_server):
    backend = http2_server()
    one = front(backend)
    response = wire.fetch(one.ports["web"], "/a?b=c", headers=[("X-Own", "1"), ("TE", "trailers"),
                                                             ("Connection", "X-Hop, TE"),
                                                             ("X-Hop", "gone")])
    assert response.status == 200
    fields = [tuple(field) for field in json.loads(response.body)["fields"]]
    assert fields[:4] == [(":method", "GET"), (":scheme", "http"), (":authority", "a.test"),
                          (":path", "/a?b=c")]
    names = [name for name, _ in fields]
    assert ("x-own", "1") in fields and ("te", "trailers") in fields
    assert ("x-forwarded-for", "127.0.0.1") in fields
    assert not {"host", "connection", "x-hop", "transfer-encoding", "upgrade"} & set(names)


def test_https_agrees_on_it(front, http2_server, authority, tmp_path):
    backend = http2_server(tls=backends.server_context(authority.issue("b.test"), tmp_path))
    one = front(backend, passHostHeader=False)
    fields = dict(json.loads(wire.fetch(one.ports["web"]).body)["fields"])
    assert fields[":scheme"] == "https"
    assert fields[":authority"] == backend.address


def test_https_goes_on_with_http1_where_the_server_has_nothing_else(front, http_backend,
                                                                    authority, tmp_path):
    backend = http_backend(tls=backends.server_context(authority.issue("b.test"), tmp_path))
    one = front(backend)
    for response in in_parallel(8, lambda _: wire.fetch(one.ports["web"], "/")):
        assert response.status == 200
    assert all(request.version == "HTTP/1.1" for request in backend.requests)


def test_disable_http2_offers_it_to_nobody(front, http_backend, authority, tmp_path):
    context = backends.server_context(authority.issue("b.test"), tmp_path)
    context.set_alpn_protocols(["h2", "http/1.1"])
    backend = http_backend(tls=context)
    one = front(backend, {"disableHTTP2": True})
    assert wire.fetch(one.ports["web"], "/").status == 200


def test_an_upgrade_has_an_http1_connection_of_its_own(front, http_backend, authority, tmp_path):
    context = backends.server_context(authority.issue("b.test"), tmp_path)
    context.set_alpn_protocols(["h2", "http/1.1"])
    backend = http_backend(tls=context)     # would not understand HTTP/2
    one = front(backend)
    with wire.Connection(one.ports["web"]) as client:
        client.send(b"GET /upgrade HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\n"
                    b"Upgrade: echo\r\n\r\n")
        assert client.read_until(b"\r\n\r\n").startswith(b"HTTP/1.1 101 ")
        client.send(b"hello")
        assert client.read_exactly(5) == b"hello"


def test_a_server_that_does_not_speak_it_is_502(front, http_backend):
    backend = http_backend()
    one = front(backend.url.replace("http://", "h2c://"))
    assert wire.fetch(one.ports["web"]).status == 502


# ---- many streams, few connections ----

def test_many_requests_share_a_connection(front, http2_server):
    together = []

    async def answer(request):
        together.append(request)
        while len(together) < 32:
            await asyncio.sleep(0.01)
        await http2_backend.describe(request)
    backend = http2_server(answer)
    one = front(backend)
    seen = in_parallel(32, lambda _: json.loads(wire.fetch(one.ports["web"]).body)["connection"])
    assert set(seen) == {1}


def test_a_full_connection_is_joined_by_another(front, http2_server):
    waiting = []

    async def answer(request):
        waiting.append(request)
        while len(waiting) < 6:
            await asyncio.sleep(0.01)
        await http2_backend.describe(request)
    backend = http2_server(answer, settings={Settings.MAX_CONCURRENT_STREAMS: 2})
    one = front(backend)
    seen = in_parallel(6, lambda _: json.loads(wire.fetch(one.ports["web"]).body)["connection"])
    assert sorted(seen.count(number) for number in set(seen)) == [2, 2, 2]


def test_a_request_waits_for_a_stream_no_longer_than_the_dial_timeout(front, http2_server):
    backend = http2_server(settings={Settings.MAX_CONCURRENT_STREAMS: 0})
    one = front(backend, timeouts(dialTimeout="400ms"))
    # The first may go before the settings have come; the second may not.
    wire.fetch(one.ports["web"])
    assert wire.fetch(one.ports["web"]).status == 504
    assert backend.connections <= 2


def test_a_burst_over_a_connection_in_the_making_opens_one(front, http2_server, authority,
                                                           tmp_path):
    backend = http2_server(tls=backends.server_context(authority.issue("b.test"), tmp_path))
    one = front(backend)
    for response in in_parallel(24, lambda _: wire.fetch(one.ports["web"])):
        assert response.status == 200
    assert backend.connections == 1


def test_an_idle_connection_is_closed_with_a_goaway(front, http2_server):
    backend = http2_server()
    one = front(backend, timeouts(idleConnTimeout="200ms"))
    assert wire.fetch(one.ports["web"]).status == 200
    session = backend.sessions[0]
    eventually(session.closed.is_set, "the idle connection is closed")
    assert any(type(event).__name__ == "ConnectionTerminated" for event in session.events)


# ---- bodies and trailers ----

@pytest.mark.parametrize("size", [0, 1, 16384, 300000, 5 << 20])
def test_bodies_arrive_whole_both_ways(front, http2_server, size):
    async def answer(request):
        await request.ended.wait()
        assert request.body == backends.known_bytes(size)
        await request.respond(200, body=request.body)
    backend = http2_server(answer)
    one = front(backend)
    response = wire.fetch(one.ports["web"], method="POST", body=backends.known_bytes(size))
    assert response.status == 200
    assert response.body == backends.known_bytes(size)
    assert backend.requests[0].get("content-length") == (str(size) if size else "0")


def test_trailers_go_both_ways(front, http2_server):
    async def answer(request):
        await request.ended.wait()
        await request.respond(200, body=b"x", trailers=[("grpc-status", "7"), ("x-sum", "abc")])
    backend = http2_server(answer)
    one = front(backend)
    with wire.Connection(one.ports["web"]) as client:
        client.send(b"POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n"
                    b"3\r\nabc\r\n0\r\nX-Check: 1\r\n\r\n")
        response = client.read_until(b"x-sum: abc\r\n\r\n")
        assert b"grpc-status: 7\r\n" in response
    assert backend.requests[0].body == b"abc"
    assert backend.requests[0].trailers == [("x-check", "1")]


def test_informational_responses_pass(front, http2_server):
    async def answer(request):
        request.head(103, [("link", "</a>; rel=preload")])
        await request.respond(200, body=b"ok")
    one = front(http2_server(answer))
    with wire.Connection(one.ports["web"]) as client:
        client.send(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
        informational = []
        response = client.read_response(informational=informational)
        assert [early.status for early in informational] == [103]
        assert (response.status, response.body) == (200, b"ok")


def test_responses_without_a_body_are_whole(front, http2_server):
    async def answer(request):
        path = request.get(":path")
        if path == "/head":
            request.head(200, [("content-length", "1234")], end=True)
        else:
            request.head(int(path[1:]), end=True)
    one = front(http2_server(answer))
    with wire.Connection(one.ports["web"]) as client:
        client.send(b"HEAD /head HTTP/1.1\r\nHost: a.test\r\n\r\n")
        response = client.read_response(method="HEAD")
        assert response.get("Content-Length") == "1234"
        for status in (204, 304, 200):
            assert client.request(f"/{status}").status == status


# ---- back-pressure ----

def test_a_slow_client_stops_the_backend_and_nobody_else(front, http2_server):
    sent = []

    async def answer(request):
        if request.get(":path") != "/long":
            await http2_backend.describe(request)
            return
        request.head(200)
        for _ in range(1024):
            await request.data(bytes(65536))
            sent.append(65536)
        request.end()
    backend = http2_server(answer)
    one = front(backend)
    slow = socket.socket()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32768)
    slow.connect(("127.0.0.1", one.ports["web"]))
    slow.sendall(b"GET /long HTTP/1.1\r\nHost: a.test\r\n\r\n")
    before = one.memory_kb()
    eventually(lambda: sent, "the body begins")
    count = -1
    while count != len(sent):       # until it stands still
        count = len(sent)
        for _ in range(20):
            assert wire.fetch(one.ports["web"]).status == 200
    assert sum(sent) < 16 << 20
    assert one.memory_kb() - before < 24 << 10
    got = 0
    while got < 64 << 20:
        data = slow.recv(1 << 20)
        assert data
        got += len(data)
    slow.close()
    assert backend.connections == 1


@pytest.mark.parametrize("flows", [True, False], ids=["that flows", "without a window"])
def test_a_stream_gets_a_wide_window_only_where_its_client_has_one(weir, http2_server, authority,
                                                                   flows):
    size, sent, windows = 1 << 20, [], []

    async def answer(request):
        request.head(200)
        for _ in range(size >> 10):
            windows.append(request.connection.h2.local_flow_control_window(request.stream))
            await request.data(bytes(1024))
            sent.append(1024)
        request.end()
    backend = http2_server(answer)
    one = weir(entries={"web": {}}, dynamic=backends.one_route(backends.http_service(backend)))
    window = (http2.INITIAL_WINDOW_SIZE, size if flows else 0)
    with http2.Client(one.ports["web"], settings=[window]) as client:
        client.settled()
        client.window_update(0, size)
        client.headers(1, http2.get(scheme="http"))
        if not flows:
            client.wait(lambda: client.stream(1).status)
            eventually(lambda: sum(sent) == 32 << 10, "the window is used up")
            client.roundtrip()
            assert max(windows) == sum(sent) == 32 << 10
            client.window_update(1, size)
        assert len(client.answer(1).body) == size
    assert max(windows) > 128 << 10


def test_a_slow_backend_stops_the_client(front, http2_server):
    async def answer(request):
        await request.over.wait()
    backend = http2_server(answer, consume=False)
    one = front(backend)
    with wire.Connection(one.ports["web"]) as client:
        client.send(b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1073741824\r\n\r\n")
        client.socket.settimeout(2)
        sent = 0
        with pytest.raises(TimeoutError):
            while sent < 256 << 20:
                sent += client.socket.send(bytes(1 << 18))
        assert sent < 64 << 20
        assert len(backend.requests[0].body) == 65535
        backend.answer = http2_backend.describe
        assert json.loads(wire.fetch(one.ports["web"]).body)["connection"] == 1


def test_a_client_that_has_gone_resets_its_stream(front, http2_server):
    async def answer(request):
        await request.over.wait()
    backend = http2_server(answer)
    one = front(backend)
    with wire.Connection(one.ports["web"]) as client:
        client.send(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
        eventually(lambda: backend.requests, "the request arrives")
    eventually(lambda: backend.requests[0].reset == Codes.CANCEL, "the stream is reset")
    backend.answer = http2_backend.describe
    assert json.loads(wire.fetch(one.ports["web"]).body)["connection"] == 1


# ---- ways out ----

@pytest.mark.parametrize("code", [Codes.INTERNAL_ERROR, Codes.CANCEL, Codes.NO_ERROR,
                                  Codes.ENHANCE_YOUR_CALM])
def test_a_reset_before_the_head_is_502(front, http2_server, code):
    async def answer(request):
        if request.get(":path") == "/reset":
            request.send_reset(code)
        else:
            await http2_backend.describe(request)
    backend = http2_server(answer)
    one = front(backend)
    assert wire.fetch(one.ports["web"], "/reset").status == 502
    assert [request.get(":path") for request in backend.requests] == ["/reset"]
    assert wire.fetch(one.ports["web"]).status == 200
    assert backend.connections == 1


def test_a_reset_after_the_head_cuts_the_response(front, http2_server):
    async def answer(request):
        request.head(200)
        await request.data(b"half")
        request.send_reset(Codes.INTERNAL_ERROR)
    one = front(http2_server(answer))
    with pytest.raises((wire.Closed, ConnectionResetError)):
        wire.fetch(one.ports["web"])


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_refused_stream_is_asked_again(front, http2_server, method):
    async def answer(request):
        if len(backend.requests) == 1:
            request.send_reset(Codes.REFUSED_STREAM)
        else:
            await http2_backend.describe(request)
    backend = http2_server(answer)
    one = front(backend)
    response = wire.fetch(one.ports["web"], method=method)
    assert response.status == 200
    assert json.loads(response.body)["connection"] == 2


def test_a_stream_that_is_refused_for_ever_is_502(front, http2_server):
    async def answer(request):
        request.send_reset(Codes.REFUSED_STREAM)
    backend = http2_server(answer)
    one = front(backend)
    assert wire.fetch(one.ports["web"]).status == 502
    assert len(backend.requests) == 3


def test_a_refused_stream_whose_body_has_gone_is_502(front, http2_server):
    async def answer(request):
        await request.ended.wait()
        request.send_reset(Codes.REFUSED_STREAM)
    backend = http2_server(answer)
    one = front(backend)
    assert wire.fetch(one.ports["web"], method="PUT", body=b"once").status == 502
    assert len(backend.requests) == 1


def test_goaway_below_a_stream_moves_it(front, http2_server):
    async def answer(request):
        if request.connection.number == 1 and request.stream > 1:
            request.connection.goaway(1)
        else:
            await http2_backend.describe(request)
    backend = http2_server(answer)
    one = front(backend)
    assert json.loads(wire.fetch(one.ports["web"]).body)["connection"] == 1
    assert json.loads(wire.fetch(one.ports["web"], method="POST").body)["connection"] == 2
    assert json.loads(wire.fetch(one.ports["web"]).body)["connection"] == 2
    eventually(backend.sessions[0].closed.is_set, "the old connection is closed")


def test_goaway_lets_running_streams_finish(front, http2_server):
    gone = asyncio.Event()

    async def answer(request):
        if request.get(":path") == "/slow":
            request.head(200)
            request.connection.goaway(request.stream)
            await request.data(b"one ")
            await gone.wait()
            await request.data(b"two", end=True)
        else:
            await http2_backend.describe(request)
    backend = http2_server(answer)
    one = front(backend)
    with wire.Connection(one.ports["web"]) as client:
        client.send(b"GET /slow HTTP/1.1\r\nHost: a.test\r\n\r\n")
        client.read_until(b"one ")
        assert json.loads(wire.fetch(one.ports["web"]).body)["connection"] == 2
        backend.do(gone.set)
        client.read_until(b"two")
    eventually(backend.sessions[0].closed.is_set, "the drained connection is closed")


def test_a_connection_that_closes_between_requests_is_replaced(front, http2_server):
    backend = http2_server()
    one = front(backend)
    assert wire.fetch(one.ports["web"]).status == 200
    backend.drop_connections()
    eventually(backend.sessions[0].closed.is_set, "the connection is closed")
    assert json.loads(wire.fetch(one.ports["web"]).body)["connection"] == 2


def test_a_connection_that_dies_with_a_request_is_502(front, http2_server):
    async def answer(request):
        request.connection.writer.transport.abort()
    one = front(http2_server(answer))
    assert wire.fetch(one.ports["web"]).status == 502


BROKEN = {
    "connection-specific": [(":status", "200"), ("connection", "close")],
    "transfer-encoding": [(":status", "200"), ("transfer-encoding", "chunked")],
    "upper-case": [(":status", "200"), ("X-Upper", "1")],
    "no-status": [("x", "1")],
    "switching": [(":status", "101")],
    "two-lengths": [(":status", "200"), ("content-length", "1"), ("content-length", "2")],
    "length-without-content": [(":status", "200"), ("content-length", "5")],
    "pseudo-field-behind": [("x", "1"), (":status", "200")],
    "unknown-pseudo-field": [(":status", "200"), (":path", "/")],
    "line-feed": [(":status", "200"), ("x", "a\nb: c")],
    "too-large": [(":status", "200"), ("x", "y" * 300000)],
    "too-many": [(":status", "200")] + [(f"x{n}", "y") for n in range(400)],
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_head_is_502(front, http2_server, name):
    async def answer(request):
        if request.get(":path") == "/broken":
            block = http2.literal_block(BROKEN[name])
            first, rest = block[:16000], block[16000:]
            parts = [http2.pack(http2.HEADERS, http2.END_STREAM | (0 if rest else 4),
                                request.stream, first)]
            while rest:
                piece, rest = rest[:16000], rest[16000:]
                parts.append(http2.pack(http2.CONTINUATION, 0 if rest else 4, request.stream,
                                        piece))
            request.connection.raw(b"".join(parts))
        else:
            await http2_backend.describe(request)
    one = front(http2_server(answer))
    assert wire.fetch(one.ports["web"], "/broken").status == 502
    assert wire.fetch(one.ports["web"]).status == 200


@pytest.mark.parametrize("length", [3, 5000])
def test_content_must_be_as_long_as_it_says(front, http2_server, length):
    async def answer(request):
        request.head(200, [("content-length", str(length))])
        request.connection.raw(http2.pack(http2.DATA, http2.END_STREAM, request.stream,
                                          bytes(1000)))
    one = front(http2_server(answer))
    with pytest.raises((wire.Closed, ConnectionResetError, AssertionError)):
        response = wire.fetch(one.ports["web"])
        assert response.status != 502 and len(response.body) == length


def test_a_head_takes_no_longer_than_its_timeout(front, http2_server):
    async def answer(request):
        if request.get(":path") == "/hang":
            await request.over.wait()
        else:
            await http2_backend.describe(request)
    backend = http2_server(answer)
    one = front(backend, timeouts(responseHeaderTimeout="300ms"))
    assert wire.fetch(one.ports["web"], "/hang").status == 504
    eventually(lambda: backend.requests[0].reset == Codes.CANCEL, "the stream is reset")
    assert json.loads(wire.fetch(one.ports["web"]).body)["connection"] == 1


def test_a_silent_connection_is_pinged_and_given_up(front, http2_server, loop):
    async def answer(request):
        await request.over.wait()
    backend = http2_server(answer)
    one = front(backend, timeouts(readIdleTimeout="200ms", pingTimeout="300ms"))
    done = []
    asker = threading.Thread(target=lambda: done.append(wire.fetch(one.ports["web"]).status))
    asker.start()
    eventually(lambda: any(type(event).__name__ == "PingReceived"
                           for session in backend.sessions for event in session.events),
               "a ping comes, and its answer keeps the connection")
    assert not done
    backend.do(lambda: backend.sessions[0].writer.transport.pause_reading())
    asker.join(WAIT)
    assert done == [504]


FLOODS = {"settings": http2.pack(http2.SETTINGS),
          "ping": http2.pack(http2.PING, payload=b"8 octets"),
          "priority": http2.pack(http2.PRIORITY, stream=1, payload=bytes(4) + b"\x10")}


@pytest.mark.parametrize("frame", FLOODS.values(), ids=FLOODS)
def test_a_flood_ends_the_connection_only(front, http2_server, frame):
    async def answer(request):
        if request.get(":path") != "/flood":
            await http2_backend.describe(request)
            return
        while not request.over.is_set():
            request.connection.raw(frame * 2000)
            await request.connection.writer.drain()
            await asyncio.sleep(0)
    one = front(http2_server(answer))
    assert wire.fetch(one.ports["web"], "/flood").status == 502
    one.log.wait("HTTP/2 backend exceeds a limit")
    assert wire.fetch(one.ports["web"]).status == 200


def test_a_retry_over_http1_where_the_server_wants_it(front, loop, http2_server, authority,
                                                      tmp_path, tcp_backend):
    """HTTP_1_1_REQUIRED on HTTP/2; the same port serves HTTP/1.1 to who offers only that."""
    async def answer(request):
        request.send_reset(Codes.HTTP_1_1_REQUIRED)
    backend = http2_server(answer)

    async def handle(reader, writer):
        if writer.get_extra_info("ssl_object").selected_alpn_protocol() == "h2":
            await http2_backend.Connection(backend, 1, writer).run(reader)
            return
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none")
        await writer.drain()
        await reader.read()
    context = backends.server_context(authority.issue("b.test"), tmp_path)
    context.set_alpn_protocols(["h2", "http/1.1"])
    server = tcp_backend(handle, tls=context)
    one = front(f"https://{server.address}")
    response = wire.fetch(one.ports["web"])
    assert (response.status, response.body) == (200, b"one")


def test_a_reload_keeps_the_connection_of_an_unchanged_server(front, http2_server):
    backend = http2_server()
    one = front(backend)
    assert json.loads(wire.fetch(one.ports["web"]).body)["connection"] == 1
    other = backends.one_route(backends.http_service(backend, transport="t"),
                   serversTransports={"t": {"insecureSkipVerify": True}})
    other["http"]["routers"]["more"] = {"entryPoints": ["web"], "rule": "Host(`more.test`)",
                                        "service": "s"}
    one.reload(other)
    assert json.loads(wire.fetch(one.ports["web"]).body)["connection"] == 1
    one.reload(backends.one_route(backends.http_service(http2_server())))
    assert wire.fetch(one.ports["web"]).status == 200   # wakes the worker
    eventually(backend.sessions[0].closed.is_set, "the connection of a server that is gone")


# ---- real servers ----

@pytest.fixture
def nghttpd(tmp_path, authority):
    """nghttpd, which cannot choose a port itself."""
    made = []

    def start(tls):
        root = tmp_path / "www"
        root.mkdir()
        (root / "big").write_bytes(backends.known_bytes(3 << 20))
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        command = ["nghttpd", "-a", "127.0.0.1", "-d", str(root), "--echo-upload"]
        if tls:
            paths = authority.issue("b.test").write(tmp_path, "nghttpd")
            command += [str(port), paths["keyFile"], paths["certFile"]]
        else:
            command += ["--no-tls", str(port)]
        made.append(subprocess.Popen(command, stdin=subprocess.DEVNULL,
                                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))

        def listens():
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
            except OSError:
                return False
            return True
        eventually(listens, "nghttpd listens")
        return f"{'https' if tls else 'h2c'}://127.0.0.1:{port}"

    yield start
    for one in made:
        one.terminate()
        one.wait(WAIT)


@pytest.mark.parametrize("tls", [False, True], ids=["h2c", "tls"])
def test_nghttpd_serves_and_echoes(front, nghttpd, tls):
    one = front(nghttpd(tls))
    big = backends.known_bytes(3 << 20)
    assert wire.fetch(one.ports["web"], "/big").body == big
    assert wire.fetch(one.ports["web"], "/none").status == 404
    for response in in_parallel(8, lambda _: wire.fetch(one.ports["web"], "/echo", method="POST",
                                                        body=big)):
        assert response.body == big
