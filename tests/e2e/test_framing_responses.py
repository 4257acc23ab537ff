# SPDX-License-Identifier: GPL-3.0-or-later
# TIMEOUT: 240
"""Responses at the edges of HTTP/1's framing, from a backend that is broken or taken over.

What two parsers could read differently is 502; what breaks behind the head is cut short for the
client too; and what comes behind a response is nobody's answer: with every case POISON is sent,
and the next request, whosever it is, gets its own answer.
"""

import collections
import re

import pytest

import framing_corpus as requests
import http2
import wire
from backends import TcpBackend, http_service, one_route
from framing_corpus import show
from server import Weir, serving

POISON = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"
CANARY = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\ncanary"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
FIVE = b"Content-Length: 5\r\n"
END = b"0\r\n\r\n"
HELLO = b"5\r\nhello\r\n" + END
# ends: the backend closes behind the case, and nothing is sent in addition.
Case = collections.namedtuple("Case", "name kind data body method ends number",
                              defaults=(b"", "GET", False, None))


def answer(fields=b"", body=b"", status=b"HTTP/1.1 200 OK"):
    return status + b"\r\n" + fields + b"\r\n" + body


def good(name, data, body=b"hello", **extra):
    return Case(name, "good", data, body, **extra)


def bad(name, data, **extra):
    return Case(name, "bad", data, **extra)


def cut(name, data, **extra):
    return Case(name, "cut", data, **extra)


def heads():
    for coding in requests.BAD_CODINGS:
        field = b"Transfer-Encoding: " + coding + b"\r\n"
        yield bad(f"coding {show(coding)}", answer(field, HELLO))
        yield bad(f"length, coding {show(coding)}", answer(FIVE + field, b"hello"))
        yield bad(f"chunked, coding {show(coding)}", answer(CHUNKED + field, HELLO))
    for value in requests.BAD_LENGTHS:
        field = b"Content-Length: " + value + b"\r\n"
        yield bad(f"length {show(value)}", answer(field, b"hello"))
        yield bad(f"length {show(value)} behind a good one", answer(FIVE + field, b"hello"))
    yield bad("a length and chunks", answer(FIVE + CHUNKED, HELLO))
    yield bad("chunks and a length", answer(CHUNKED + FIVE, HELLO))
    yield bad("two equal lengths", answer(FIVE + FIVE, b"hello"))
    yield bad("two lengths", answer(FIVE + b"Content-Length: 6\r\n", b"hello!"))
    yield bad("chunked twice", answer(CHUNKED + CHUNKED, HELLO))
    yield bad("chunks in HTTP/1.0", answer(CHUNKED, HELLO, b"HTTP/1.0 200 OK"))
    for line in (b"HTTP/1.1 20 OK", b"HTTP/1.1 2000 OK", b"HTTP/1.1 099 OK", b"HTTP/2 200 OK",
                 b"HTTP/2.0 200 OK", b"HTTP/0.9 200 OK", b"ICY 200 OK", b"HTTP/1.1\t200 OK",
                 b"HTTP/1.1  200 OK", b" HTTP/1.1 200 OK", b"\r\nHTTP/1.1 200 OK",
b"HTTP/1.1 +20 OK",
                 b"http/1.1 200 OK", b"HTTP/1.1 200 O\rK", b"HTTP/1.1 200 O\nK",
b"HTTP/1.1 200 O\0K",
                 b"HTTP/1.1", b"HTTP/1.1 ", b"200 OK", b"GET / HTTP/1.1", b"\0",
b"HTTP/1.1 2\xc2\xb20"):
        yield bad(f"status line {show(line)}", answer(FIVE, b"hello", line))
    for byte in requests.CONTROLS:
        for place in (b"X-<>A: b\r\n", b"X-A<>: b\r\n", b"X-A: b<>c\r\n", b"X-A: b<>\r\n",
                      b"<>X-A: b\r\n",
                      b"Content-Length: 5<>\r\n", b"Transfer-Encoding: chunked<>\r\n"):
            if (byte, place) == (b"\n\r", b"X-A: b<>\r\n"):
                continue
            yield bad(f"{show(byte)} in {show(place)}", answer(FIVE + place.replace(b"<>", byte),
                                                              b"hello"))
    for fields in (b" X-A: b\r\n", b"X-A: b\r\n c\r\n", b"X-A: b\r\n\tc\r\n", b"X-A : b\r\n",
                   b": b\r\n",
                   b"X A: b\r\n", b"X-A\r\n", b"X-\xe9: b\r\n", b"Content-Length\t: 5\r\n",
                   b"Transfer-Encoding : chunked\r\n", b"X-A: b\n", b"X-A: b\r"):
        yield bad(f"fields {show(fields)}", answer(FIVE + fields, b"hello"))


def bodies():
    for fields, body in ((FIVE, b"hello"), (CHUNKED, HELLO), (b"content-length: 005\r\n", b"hello"),
                         (b"transfer-encoding: CHUNKED\r\n", HELLO),
                         (FIVE + b"Connection: keep-alive\r\n", b"hello"),
                         (FIVE + b"Connection: Content-Length\r\n", b"hello"),
                         (CHUNKED + b"Connection: Transfer-Encoding\r\n", HELLO),
                         (FIVE + b"Transfer_Encoding: chunked\r\n", b"hello"),
                         (FIVE + b"Upgrade: h2c\r\n", b"hello")):
        yield good(f"fields {show(fields)}", answer(fields, body))
    yield good("a length of 0", answer(b"Content-Length: 0\r\n"), b"")
    yield good("a response in the body", answer(b"Content-Length: %d\r\n" % len(POISON), POISON),
               POISON)
    yield good("a response in a chunk", answer(CHUNKED, b"%x\r\n%s\r\n" % (len(POISON), POISON) +
                                               END), POISON)
    yield good("no length", answer(b"", b"hello"), ends=True)
    yield good("no length, HTTP/1.0", answer(b"", b"hello", b"HTTP/1.0 200 OK"), ends=True)
    yield good("a length, HTTP/1.0", answer(FIVE, b"hello", b"HTTP/1.0 200 OK"))
    yield good("a length, Connection: close", answer(FIVE + b"Connection: close\r\n", b"hello"))
    for status in (b"204 No Content", b"304 Not Modified"):
        for fields in (b"", FIVE, b"Content-Length: 0\r\n", CHUNKED):
            yield good(f"{status.decode()} with {show(fields)}",
                       answer(fields, b"", b"HTTP/1.1 " + status), b"")
    for fields in (FIVE, CHUNKED, b""):
        yield good(f"HEAD with {show(fields)}", answer(fields), b"", method="HEAD")
    for early in (b"100 Continue", b"102 Processing", b"103 Early Hints", b"199 Whatever"):
        yield good(f"{early.decode()} in front", b"HTTP/1.1 " + early + b"\r\n\r\n" +
                   answer(FIVE, b"hello"))
    yield bad("a switch that nobody asked for", answer(b"Connection: upgrade\r\nUpgrade: x\r\n",
                                                       b"",
                                                       b"HTTP/1.1 101 Switching Protocols"))


def chunks():
    for size in requests.GOOD_SIZES:
        yield good(f"chunk {show(size)}", answer(CHUNKED, size + b"\r\nhello\r\n" + END))
    for size in requests.BAD_SIZES:
        yield cut(f"chunk {show(size)}", answer(CHUNKED, size + b"\r\nhello\r\n" + END))
    for end in (b"", b"\n", b"\r", b"\n\r", b"\r\r\n", b" \r\n", b"X\r\n", b"\0\r\n"):
        yield cut(f"data that ends with {show(end)}", answer(CHUNKED, b"5\r\nhello" + end + END))
    for end in (b"0\n\n", b"0\r\n\n", b"0\n\r\n", b"0\r\r\n\r\n", b"0\r\n \r\n", b"0\r\nX\r\n\r\n"):
        yield cut(f"a body that ends with {show(end)}", answer(CHUNKED, b"5\r\nhello\r\n" + end))
    for text in requests.BAD_TRAILERS:
        yield cut(f"trailer {show(text)}",
                  answer(CHUNKED, b"5\r\nhello\r\n0\r\n" + text + b"\r\n\r\n"))
    for text in (b"X-A: b", b"Content-Length: 50", b"Transfer-Encoding: gzip", b"Set-Cookie: a=b"):
        yield good(f"trailer {show(text)}",
                   answer(CHUNKED, b"5\r\nhello\r\n0\r\n" + text + b"\r\n\r\n"))
    yield cut("a length with less", answer(FIVE, b"hell"), ends=True)
    yield cut("chunks with less", answer(CHUNKED, b"5\r\nhell"), ends=True)
    yield cut("chunks that stop", answer(CHUNKED, b"5\r\nhello\r\n"), ends=True)
    yield bad("half a head", b"HTTP/1.1 200 OK\r\nContent-Le", ends=True)


def all_cases():
    unique = {}
    for group in (heads, bodies, chunks):
        for case in group():
            same = unique.setdefault((case.data, case.method), case)
            assert same.kind == case.kind, (same.name, case.name)
    return [case._replace(number=number) for number, case in enumerate(unique.values())]


CASES = all_cases()


class Backend(TcpBackend):
    """Answers /N with case N and POISON, anything else with CANARY."""

    def __init__(self, loop):
        super().__init__(loop, self._handle)
        self.url = f"http://{self.address}"

    async def _handle(self, reader, writer):
        while head := (await reader.readuntil(b"\r\n\r\n")).decode("latin-1"):
            match = re.match(r"\S+ /(\d+) ", head)
            if match is None:
                writer.write(CANARY)
                continue
            case = CASES[int(match[1])]
            writer.write(case.data + (b"" if case.ends else POISON))
            await writer.drain()
            if case.ends:
                return


@pytest.fixture(scope="module")
def target(tmp_path_factory, loop, binary):
    del binary
    backend = Backend(loop)
    with serving(Weir(tmp_path_factory.mktemp("weir"), entries={"web": {}},
                      dynamic=one_route(http_service(backend))), backend) as one:
        yield one


def parametrized(test):
    return pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.number} {case.name}")(
        test)


@parametrized
def test_a_client_of_http1_gets_the_whole_answer_or_an_end(target, case):
    with wire.Connection(target.ports["web"]) as connection:
        connection.send(f"{case.method} /{case.number} HTTP/1.1\r\nHost: a.test\r\n\r\n")
        try:
            response = connection.read_response(case.method, informational=[])
        except (wire.Closed, ConnectionResetError):
            assert case.kind == "cut"
        else:
            if case.kind == "good":
                assert response.body == case.body and response.status != 502
            else:
                assert response.status == 502, (response.status, response.body)
            if response.get("Connection") != "close":
                assert connection.request("/canary").body == b"canary"
    assert wire.fetch(target.ports["web"], "/canary").body == b"canary"


@parametrized
def test_a_client_of_http2_gets_the_whole_answer_or_a_reset(target, case):
    with http2.Client(target.ports["web"]) as client:
        one = client.request(http2.request(case.method, f"/{case.number}"))
        if case.kind == "good":
            assert one.ended and one.status != 502 and one.body == case.body, one
        elif case.kind == "bad":
            assert one.ended and one.status == 502, one
        else:
            assert (one.ended and one.status == 502) or one.reset is not None, one
        assert client.request(http2.get("/canary")).body == b"canary"
    assert wire.fetch(target.ports["web"], "/canary").body == b"canary"


@pytest.mark.parametrize("text", [POISON, b"\r\n", b"x", b"HTTP/1.1 100 Continue\r\n\r\n"],
                         ids=show)
def test_what_comes_on_an_idle_connection_ends_it(weir, tcp_backend, text):
    """A response that nobody asked for does not wait for the next request."""
    idle = []

    async def handle(reader, writer):
        while await reader.readuntil(b"\r\n\r\n"):
            idle.append(writer)
            writer.write(CANARY)

    backend = tcp_backend(handle)
    one = weir(entries={"web": {}}, dynamic={"http": {
        "routers": {"r": {"rule": "PathPrefix(`/`)", "service": "s"}},
        "services": {"s": http_service(f"http://{backend.address}")}}})
    assert wire.fetch(one.ports["web"]).body == b"canary"

    async def poison():
        idle[0].write(text)
        await idle[0].drain()

    backend.loop.run(poison())

    assert [wire.fetch(one.ports["web"]).body for _ in range(20)] == [b"canary"] * 20
    assert backend.connections >= 2
