# SPDX-License-Identifier: GPL-3.0-or-later
# TIMEOUT: 240
"""HTTP/2 towards clients: real ones first, then what only a hand-driven one can show."""

import asyncio
import base64
import json
import re
import struct

import pytest

import backends
import http2
import wire
from server import SANITIZE, WAIT, eventually

MANY = 4000 if SANITIZE else 20000


@pytest.fixture
def secure(authority):
    return http2.secure(authority)


def connect(one, secure, **arguments):
    return http2.Client(one.ports["websecure"], secure, **arguments)


def seen(stream):
    """The request as the backend saw it."""
    assert stream.status == 200, stream
    return json.loads(stream.body)


# ---- real clients ----

def curl(run, one, authority_file, *arguments, path="/"):
    port = one.ports["websecure"]
    return run("curl", "-sS", "--http2", "--max-time", str(WAIT), "--cacert", authority_file,
               "--resolve", f"a.test:{port}:127.0.0.1", *arguments, f"https://a.test:{port}{path}")


def test_curl_by_alpn_and_by_prior_knowledge(site, run, authority_file):
    one = site()
    answer = curl(run, one, authority_file, "-w", "%{http_version}", path="/status/200")
    assert answer.stdout == "status\n2", answer
    answer = run("curl", "-sS", "--http2-prior-knowledge", "-w", "%{http_version}",
                 f"http://127.0.0.1:{one.ports['web']}/status/200")
    assert answer.stdout == "status\n2", answer


def test_curl_uploads_and_downloads(site, run, authority_file, tmp_path):
    one = site()
    (tmp_path / "up").write_bytes(backends.known_bytes(3_000_000))
    answer = curl(run, one, authority_file, "-T", str(tmp_path / "up"), path="/sink")
    assert answer.stdout == f"3000000 {backends.known_digest(3_000_000)}\n", answer
    answer = curl(run, one, authority_file, "-o", str(tmp_path / "down"), path="/bytes/5000000")
    assert answer.returncode == 0, answer
    assert (tmp_path / "down").read_bytes() == backends.known_bytes(5_000_000)


def test_nghttp_over_h2c(site, run):
    one = site()
    answer = run("nghttp", "-v", f"http://127.0.0.1:{one.ports['web']}/status/200")
    assert ":status: 200" in answer.stdout and "status\n" in answer.stdout, answer


@pytest.mark.parametrize("path", ["/small", "/large"])
def test_h2load_with_a_hundred_streams(site, run, nginx, path):
    backend = nginx({"small": b"small\n", "large": bytes(65536)})
    one = site(backend=backend)
    count = MANY if path == "/small" else MANY // 10
    answer = run("h2load", "-c10", "-m100", "-n", str(count),
                 f"https://127.0.0.1:{one.ports['websecure']}{path}", timeout=8 * WAIT)
    assert f"{count} succeeded, 0 failed, 0 errored, 0 timeout" in answer.stdout, answer
    assert f"status codes: {count} 2xx" in answer.stdout, answer


# ---- requests and responses ----

def test_a_request_becomes_what_http1_backends_know(site, secure):
    one = site()
    with connect(one, secure) as client:
        stream = client.request(http2.get("/a?b=c", authority="A.test:8443", extra=[
            ("cookie", "a=1"), ("x-between", "1"), ("cookie", "b=2"), ("te", "trailers")]))
        seen(stream)
    request = one.backend.last
    assert request.line == "GET /a?b=c HTTP/1.1"
    assert request.all("Host") == ["A.test:8443"]
    assert request.all("Cookie") == ["a=1; b=2"]
    assert request.get("X-Forwarded-Proto") == "https"
    assert request.get("X-Forwarded-Host") == "A.test:8443"
    assert not request.all("Transfer-Encoding") and not request.all("Content-Length")


def test_a_body_keeps_its_length_or_gets_chunks(site, secure):
    one = site()
    with connect(one, secure) as client:
        client.request(http2.post("/", extra=[("content-length", "5")]), b"12345")
        assert one.backend.last.get("Content-Length") == "5"
        client.request(http2.post("/"), b"12345")
        assert one.backend.last.get("Transfer-Encoding") == "chunked"
        assert one.backend.last.body == b"12345"


def test_a_head_and_a_small_body_come_in_one_record(site, secure):
    one = site()
    with connect(one, secure) as client:
        client.settled()
        client.roundtrip()
        client.headers(1, http2.get("/status/200"))
        client.wait(lambda: client.stream(1).status is not None)
        # What is decrypted at once is one record: the DATA came along.
        assert client.buffer, "the body came in another record"
        assert client.answer(1).body == b"status\n"


def test_trailers_both_ways(site, secure):
    one = site()
    with connect(one, secure) as client:
        client.headers(1, http2.post("/sink"), end=False)
        client.data(1, b"x" * 10)
        client.headers(1, [("x-sum", "ten")], end=True)
        assert client.answer(1).status == 200
        assert ("x-sum", "ten") in [(name.lower(), value) for name, value in
                                    one.backend.last.trailers]
        client.headers(3, http2.get("/chunked"))
        stream = client.answer(3)
        assert stream.trailers, stream


def test_early_hints_and_100_continue(site, secure):
    one = site()
    with connect(one, secure) as client:
        client.headers(1, http2.get("/early"))
        stream = client.answer(1)
        assert [fields[0] for fields in stream.informational] == [(":status", "103")]
        client.headers(3, http2.post("/sink", extra=[("expect", "100-continue")]), end=False)
        client.wait(lambda: client.stream(3).informational)
        assert client.stream(3).informational[0][0] == (":status", "100")
        client.data(3, b"now", end=True)
        assert client.answer(3).body.startswith(b"3 ")


@pytest.mark.parametrize(("method", "path", "status"), [
    ("HEAD", "/bytes/1000", 200), ("GET", "/status/204", 204), ("GET", "/status/304", 304)])
def test_answers_without_a_body_end_with_their_head(site, secure, method, path, status):
    one = site()
    with connect(one, secure) as client:
        stream = client.request(http2.request(method, path))
        assert (stream.status, stream.body, stream.ended) == (status, b"", True)
        if method == "HEAD":
            assert stream.get("content-length") == "1000"


def test_nothing_of_the_connection_is_passed_on(site, secure, http_backend):
    async def respond(request, _reader, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: X-Hop\r\nX-Hop: 1\r\n"
                     b"Keep-Alive: timeout=5\r\nX-Kept: 1\r\nContent-Length: 2\r\n\r\nok")
        return True
    one = site(backend=http_backend(respond=respond))
    with connect(one, secure) as client:
        stream = client.request(http2.get())
        names = [name for name, _ in stream.headers]
        assert "x-kept" in names and not {"connection", "x-hop", "keep-alive"} & set(names)


def test_errors_and_redirects_are_as_in_http1(site, secure):
    one = site(routers={"r": {"entryPoints": ["websecure"], "rule": "Path(`/only`)",
                              "service": "one", "tls": {}}})
    with connect(one, secure) as client:
        stream = client.request(http2.get("/other"))
        assert (stream.status, stream.body) == (404, b"404 page not found\n")
        assert client.request(http2.request("CONNECT", None, "a.test:443", None)).status == 405


def test_a_host_under_other_tls_options_is_misdirected(site, secure):
    one = site(routers={
        "a": {"entryPoints": ["websecure"], "rule": "Host(`a.test`)", "service": "one",
              "tls": {}},
        "b": {"entryPoints": ["websecure"], "rule": "Host(`b.test`)", "service": "one",
              "tls": {"options": "strict"}}}, options={"strict": {"minVersion": "VersionTLS13"}})
    with connect(one, secure) as client:
        assert client.request(http2.get()).status == 200
        assert client.request(http2.get(authority="b.test")).status == 421
        assert client.request(http2.get()).status == 200


def test_many_streams_at_once(site, secure):
    one = site()
    with connect(one, secure) as client:
        numbers = range(1, 401, 2)
        client.send(b"".join(client.pack_headers(n, http2.get(f"/bytes/{n}")) for n in numbers))
        for number in numbers:
            stream = client.answer(number)
            assert (stream.status, stream.body) == (200, backends.known_bytes(number))


def test_the_access_log_names_the_version(site, secure):
    one = site(static={"accessLog": {}})
    with connect(one, secure) as client:
        client.request(http2.get("/status/200"))
    one.output.wait(r'"GET /status/200 HTTP/2.0" 200 7')


# ---- failures ----

def test_a_response_that_is_cut_resets_its_stream_alone(site, secure):
    one = site()
    with connect(one, secure) as client:
        client.headers(1, http2.get("/cut"))
        client.expect_stream_error(1, http2.INTERNAL_ERROR)
        client.headers(3, http2.get("/status/200"))
        assert client.answer(3).status == 200


def test_a_backend_that_resets_is_502(site, secure):
    one = site()
    with connect(one, secure) as client:
        assert client.request(http2.post("/reset"), b"x").status == 502
        assert client.request(http2.get("/status/200")).status == 200


def test_who_cancels_frees_the_backend(site, secure):
    one = site()
    with connect(one, secure) as client:
        client.headers(1, http2.get("/hang"))
        eventually(lambda: len(one.backend.open) == 1, "the request reaches the backend")
        client.reset(1)
        eventually(lambda: not one.backend.open, "the backend's connection is closed")
        client.headers(3, http2.get("/status/200"))
        assert client.answer(3).status == 200


def test_who_leaves_frees_all_backends(site, secure):
    one = site()
    with connect(one, secure) as client:
        for number in range(1, 20, 2):
            client.headers(number, http2.get("/hang"))
        eventually(lambda: len(one.backend.open) == 10, "ten requests at the backend")
    eventually(lambda: not one.backend.open, "all are closed")


def test_an_answer_before_the_request_has_ended_stops_it(site, secure):
    one = site(static={"weir": {"limits": {"requestBodyBytes": 1000}}})
    with connect(one, secure) as client:
        client.headers(1, http2.post("/sink"), end=False)
        client.data(1, b"x" * 2000)
        stream = client.stream(1)
        client.wait(lambda: stream.ended and stream.reset is not None)
        assert (stream.status, stream.reset) == (413, http2.NO_ERROR)
        client.headers(3, http2.get("/status/200"))
        assert client.answer(3).status == 200


def test_a_head_that_is_too_large_is_431(site, secure):
    one = site()
    with connect(one, secure) as client:
        stream = client.request(http2.get(extra=[("x-large", "y" * 900)] * 90))
        assert stream.status == 431
        assert client.request(http2.get("/status/200")).status == 200
    one.log.wait("limit=http2HeaderBytes")


# ---- flow control ----

def test_a_slow_client_slows_the_backend(site, secure):
    one = site()
    size = 64 << 20
    with connect(one, secure, quiet=True) as client:
        client.settings_frame(flags=http2.ACK)
        client.headers(1, http2.get(f"/bytes/{size}"))
        client.wait(lambda: len(client.stream(1).body) == http2.DEFAULT_WINDOW)
        before = one.memory_kb()
        client.roundtrip()
        assert one.memory_kb() - before < 8 << 10
        assert one.backend.open, "the backend still waits to send"


def test_memory_for_a_hundred_streams_that_nobody_reads_is_bounded(site, secure):
    one = site(static={"weir": {"workers": 1}})
    with connect(one, secure) as client:
        client.request(http2.get("/status/200"))
        before = one.memory_kb()
    with connect(one, secure, quiet=True) as client:
        client.settings_frame(flags=http2.ACK)
        for number in range(1, 201, 2):
            client.headers(number, http2.get(f"/bytes/{4 << 20}"))
        # The connection's window is used up, and the streams wait in Weir.
        client.wait(lambda: sum(len(one.body) for one in client.streams.values()) ==
                    http2.DEFAULT_WINDOW)
        client.roundtrip()
        grown = one.memory_kb() - before
        assert grown < (100 if SANITIZE else 8) << 10, f"{grown} KB for a hundred streams"


def test_uploads_wait_for_their_backend(site, secure, http_backend, loop):
    """A backend that does not read closes the client's window, and opens it again."""
    gate = asyncio.Event()

    async def respond(request, reader, writer):
        await gate.wait()
        await backend._read_body(reader, request)
        return backend._write(writer, request, 200, b"")

    backend = http_backend(respond=respond)
    one = site(backend=backend)
    with connect(one, secure) as client:
        client.settled()
        client.headers(1, http2.post(), end=False)
        stream, sent = client.stream(1), 0
        while limit := min(stream.window, client.window, 16384):
            client.data(1, b"u" * limit)
            stream.window -= limit
            client.window -= limit
            sent += limit
            if min(stream.window, client.window) == 0:
                client.roundtrip()  # credit that is on its way has come
        assert sent < 16 << 20, f"{sent} bytes were taken for a backend that reads nothing"

        async def open_gate():
            gate.set()
        loop.run(open_gate())
        client.body(1, b"v" * 100000)
        assert client.answer(1).status == 200
        assert backend.last.size == sent + 100000


# ---- the connection's life ----

def test_streams_beyond_the_limit_are_refused(site, secure):
    one = site(entries={"web": {}, "websecure": {"http2": {"maxConcurrentStreams": 3}}})
    with connect(one, secure) as client:
        client.settled()
        assert client.settings[http2.MAX_CONCURRENT_STREAMS] == 3
        for number in (1, 3, 5, 7):
            client.headers(number, http2.get("/hang"))
        client.expect_connection_error(http2.PROTOCOL_ERROR)


def test_a_connection_ends_after_its_requests(site, secure):
    one = site(entries={"web": {}, "websecure": {"transport": {"keepAliveMaxRequests": 3}}})
    with connect(one, secure) as client:
        for _ in range(3):
            assert client.request(http2.get("/status/200")).status == 200
        client.read_to_end()
        assert client.goaway.error_code == http2.NO_ERROR
        assert client.goaway.last_stream_id == 5


def test_an_idle_connection_is_closed_with_goaway(site, secure):
    one = site(entries={"web": {}, "websecure": {"transport": {
        "respondingTimeouts": {"idleTimeout": "300ms"}}}})
    with connect(one, secure) as client:
        assert client.request(http2.get("/status/200")).status == 200
        client.read_to_end()
        assert client.goaway.error_code == http2.NO_ERROR


def test_weir_ends_when_the_last_stream_has(site, secure):
    one = site()
    with connect(one, secure) as client, connect(one, secure) as idle:
        idle.request(http2.get("/status/200"))
        client.headers(1, http2.get("/slow/500"))
        eventually(lambda: one.backend.open, "the request reaches the backend")
        one.signal(15)
        assert client.answer(1).status == 200
        client.read_to_end()
        assert client.goaway.error_code == http2.NO_ERROR
        idle.read_to_end()
        assert idle.goaway.error_code == http2.NO_ERROR
    assert one.wait_exit() == 0


@pytest.mark.parametrize("path", ["/sink", "/hang"])
def test_a_body_that_stops_coming_is_408(site, secure, path):
    one = site(static={"weir": {"limits": {"bodyTimeout": "300ms"}}})
    with connect(one, secure) as client:
        client.headers(1, http2.post(path), end=False)
        client.data(1, b"a bit")
        assert client.answer(1).status == 408
    one.log.wait("limit=slowBody")


def test_a_body_below_the_rate_is_408_and_one_above_it_goes_on(site, secure):
    one = site(static={"weir": {"limits": {"bodyTimeout": "300ms",
                                           "bodyBytesPerSecond": 200_000}}})
    with connect(one, secure) as client:
        client.headers(1, http2.post("/sink"), end=False)
        client.headers(3, http2.post("/sink"), end=False)
        trickle, stream = client.stream(1), client.stream(3)
        sent = 0
        while not trickle.over:
            client.data(1, b"x")
            client.body(3, b"y" * 8192, end=False)
            sent += 8192
            client.roundtrip()
        assert (trickle.status, stream.over) == (408, False)
        client.data(3, end=True)
        assert client.answer(3).body.startswith(f"{sent} ".encode())
    one.log.wait("limit=slowBody")


def test_who_reads_nothing_of_a_connection_is_reset(site, secure):
    one = site(static={"weir": {"limits": {"sendTimeout": "300ms"}}})
    large = [(http2.INITIAL_WINDOW_SIZE, http2.MAX_WINDOW)]
    with connect(one, secure, settings=large) as client:
        client.window_update(0, http2.MAX_WINDOW - http2.DEFAULT_WINDOW)
        for number in (1, 3, 5):
            client.headers(number, http2.get(f"/bytes/{64 << 20}"))
        one.log.wait("limit=slowReader")
        eventually(lambda: not one.backend.open, "the backends are let go")


def test_the_whole_request_has_its_time(site, secure):
    one = site(entries={"web": {}, "websecure": {"transport": {
        "respondingTimeouts": {"readTimeout": "500ms"}}}})
    with connect(one, secure) as client:
        client.headers(1, http2.post("/sink"), end=False)
        assert client.answer(1).status == 408


def test_a_head_that_does_not_end_ends_the_connection(site, secure):
    one = site(static={"weir": {"limits": {"headerTimeout": "300ms"}}})
    with connect(one, secure, quiet=True) as client:
        client.frame(http2.HEADERS, 0, 1, client.block(http2.get()))
        client.expect_connection_error(http2.ENHANCE_YOUR_CALM)
    one.log.wait("limit=slowHeaders")


def test_a_window_that_stays_shut_ends_its_stream(site, secure):
    one = site(static={"weir": {"limits": {"sendTimeout": "600ms"}}})
    with connect(one, secure, settings=[(http2.INITIAL_WINDOW_SIZE, 0)]) as client:
        client.headers(1, http2.get("/bytes/1000"))
        client.expect_stream_error(1, http2.CANCEL)
        client.settings_frame((http2.INITIAL_WINDOW_SIZE, 65535))
        client.headers(3, http2.get("/bytes/1000"))
        assert len(client.answer(3).body) == 1000
    one.log.wait("limit=http2WindowStall")


# ---- the front's protocol detection ----

def test_the_preface_may_come_byte_by_byte(site):
    one = site()
    with http2.Client(one.ports["web"], start=False) as client:
        for byte in http2.PREFACE:
            client.send(bytes([byte]))
        client.settings_frame()
        assert client.request(http2.get("/status/200", scheme="http")).status == 200


def test_the_preface_is_no_request_on_a_used_connection(site):
    one = site()
    with wire.Connection(one.ports["web"]) as connection:
        assert connection.request("/status/200").status == 200
        connection.send(http2.PREFACE)
        assert connection.read_response().status in (400, 505)


def test_prior_knowledge_does_not_go_around_tls(site, authority):
    one = site()
    context = http2.secure(authority, protocols=("http/1.1",))
    connection = wire.Connection(one.ports["websecure"], context, "a.test")
    connection.send(http2.PREFACE)
    assert connection.read_response().status in (400, 505)


# ---- WebSocket, RFC 8441 ----

def websocket_request(path="/upgrade", **arguments):
    fields = http2.request("CONNECT", path, **arguments)
    return [fields[0], (":protocol", "websocket"), *fields[1:],
            ("sec-websocket-version", "13")]


def test_a_websocket_over_http2_reaches_a_http1_backend(site, secure):
    one = site()
    with connect(one, secure) as client:
        client.settled()
        assert client.settings[http2.ENABLE_CONNECT_PROTOCOL] == 1
        client.headers(1, websocket_request(), end=False)
        client.data(1, b"sent before the answer ")
        stream = client.stream(1)
        client.wait(lambda: stream.status is not None)
        assert stream.status == 200, stream
        assert stream.get("sec-websocket-accept") is None
        client.data(1, b"and after")
        client.wait(lambda: stream.body.endswith(b"and after"))
        assert stream.body == b"sent before the answer and after"
        # Another request goes on beside it.
        client.headers(3, http2.get("/status/200"))
        assert client.answer(3).status == 200
        client.data(1, end=True)
        client.wait(lambda: stream.over)
        assert stream.ended
    request = one.backend.requests[0]
    assert (request.method, request.get("Upgrade")) == ("GET", "websocket")
    assert len(base64.b64decode(request.get("Sec-WebSocket-Key"), validate=True)) == 16
    assert request.get("X-Forwarded-Proto") == "wss"


def test_a_websocket_that_is_refused_is_told_so(site, secure):
    one = site()
    with connect(one, secure) as client:
        client.headers(1, websocket_request("/status/403"), end=False)
        stream = client.stream(1)
        client.wait(lambda: stream.status is not None)
        assert stream.status == 403
        client.headers(3, [*websocket_request()[:1], (":protocol", "connect-udp"),
                           *websocket_request()[2:]], end=False)
        client.wait(lambda: client.stream(3).status is not None)
        assert client.stream(3).status == 501


def test_websocket_frames_of_a_real_server_pass(weir, loop, authority, secure):
    """The same server that speaks WebSocket over HTTP/1 in test_websocket.py."""
    import websockets
    from test_websocket import serve

    async def start():
        return await websockets.serve(serve, "127.0.0.1", 0, compression=None,
                                      ping_interval=None)
    server = loop.run(start())
    far = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    one = weir(dynamic={
        "http": {"routers": {"r": {"rule": "PathPrefix(`/`)", "service": "one", "tls": {}}},
                 "services": {"one": backends.http_service(far)}},
        "tls": {"certificates": [authority.issue("a.test").inline]}})
    with connect(one, secure) as client:
        client.headers(1, websocket_request("/chat"), end=False)
        stream = client.stream(1)
        client.wait(lambda: b"}" in stream.body)
        assert json.loads(stream.body[2:])["proto"] == "wss"
        text, mask = b"hello", b"\1\2\3\4"
        masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(text))
        client.data(1, struct.pack(">BB", 0x81, 0x80 | len(text)) + mask + masked)
        client.wait(lambda: stream.body.endswith(b"hello"))

    async def stop():
        server.close()
        await server.wait_closed()
    loop.run(stop())


# ---- a browser ----

PAGE = "<!doctype html><title>waiting</title><body>" + "".join(
    f'<img src="/pixel/{i}.svg" onload="n=(window.n||0)+1;if(n==200)document.title=\'all\'">'
    for i in range(200))
PIXEL = (b'<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1">'
         b'<rect width="1" height="1"/></svg>')


def test_a_browser_loads_a_page_of_200_resources(site, run, http_backend, authority, tmp_path):
    async def respond(request, _reader, writer):
        page = request.target == "/"
        body = PAGE.encode() if page else PIXEL
        kind = b"text/html" if page else b"image/svg+xml"
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: " + kind + b"\r\nContent-Length: " +
                     str(len(body)).encode() + b"\r\n\r\n" + body)
        return True
    backend = http_backend(respond=respond)
    one = site(backend=backend, static={"accessLog": {}})
    port = one.ports["websecure"]
    answer = run("chromium", "--headless", "--no-sandbox", "--disable-gpu",
                 "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
                 "--ignore-certificate-errors", f"--user-data-dir={tmp_path}/profile",
                 f"--host-resolver-rules=MAP a.test:443 127.0.0.1:{port}",
                 "--virtual-time-budget=20000", "--dump-dom", "https://a.test/",
                 timeout=6 * WAIT)
    assert "<title>all</title>" in answer.stdout, answer
    pixels = {request.target for request in backend.requests if "/pixel/" in request.target}
    assert len(pixels) == 200
    lines = [line for line in one.output.lines if "/pixel/" in line]
    assert lines and all(re.search(r'HTTP/2.0" 200', line) for line in lines)
