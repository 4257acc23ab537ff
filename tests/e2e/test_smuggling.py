# SPDX-License-Identifier: GPL-3.0-or-later
# TIMEOUT: 120
"""Requests that two parsers could read differently: refused, and the backend sees nothing.

Each case is a request as raw bytes, followed by a second one on the same connection. It must end
with an error status and a closed connection; neither request may reach the backend.
"""

import pytest

import wire
from backends import HttpBackend, http_service, one_route
from server import Weir, serving

HEAD = b"POST /first HTTP/1.1\r\nHost: a.test\r\n"
SECOND = b"GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"


def post(fields, body=b""):
    return HEAD + fields + b"\r\n" + body


REFUSED = {
    # ---- lengths ----
    "two different lengths": post(b"Content-Length: 5\r\nContent-Length: 6\r\n", b"hello"),
    "two equal lengths": post(b"Content-Length: 5\r\nContent-Length: 5\r\n", b"hello"),
    "a list of lengths": post(b"Content-Length: 5, 5\r\n", b"hello"),
    "a list of different lengths": post(b"Content-Length: 5, 6\r\n", b"hello"),
    "a negative length": post(b"Content-Length: -1\r\n", b"hello"),
    "a length with plus": post(b"Content-Length: +5\r\n", b"hello"),
    "a hexadecimal length": post(b"Content-Length: 0x5\r\n", b"hello"),
    "a length with a space inside": post(b"Content-Length: 1 0\r\n", b"0123456789"),
    "an empty length": post(b"Content-Length: \r\n"),
    "a length that overflows": post(b"Content-Length: 18446744073709551621\r\n", b"hello"),
    "a length with a point": post(b"Content-Length: 5.0\r\n", b"hello"),
    "a length in other digits": post("Content-Length: ٥\r\n".encode(), b"hello"),
    # ---- both ----
    "length and chunked": post(b"Content-Length: 5\r\n" + CHUNKED, b"0\r\n\r\n"),
    "chunked and length": post(CHUNKED + b"Content-Length: 5\r\n", b"0\r\n\r\n"),
    # ---- transfer encodings ----
    "an unknown encoding": post(b"Transfer-Encoding: x\r\n", b"0\r\n\r\n"),
    "gzip and chunked": post(b"Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n"),
    "chunked and gzip": post(b"Transfer-Encoding: chunked, gzip\r\n", b"0\r\n\r\n"),
    "chunked twice": post(CHUNKED + CHUNKED, b"0\r\n\r\n"),
    "chunked twice in a list": post(b"Transfer-Encoding: chunked, chunked\r\n", b"0\r\n\r\n"),
    "identity": post(b"Transfer-Encoding: identity\r\n"),
    "chunked and identity": post(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
                                 b"0\r\n\r\n"),
    "xchunked": post(b"Transfer-Encoding: xchunked\r\n", b"0\r\n\r\n"),
    "chunked with a vertical tab": post(b"Transfer-Encoding: \x0bchunked\r\n", b"0\r\n\r\n"),
    "chunked in quotes": post(b"Transfer-Encoding: \"chunked\"\r\n", b"0\r\n\r\n"),
    "chunked with a parameter": post(b"Transfer-Encoding: chunked;q=1\r\n", b"0\r\n\r\n"),
    "an empty encoding": post(b"Transfer-Encoding:\r\n", b"0\r\n\r\n"),
    "a comma before chunked": post(b"Transfer-Encoding: ,chunked\r\n", b"0\r\n\r\n"),
    "chunked in HTTP/1.0": b"POST / HTTP/1.0\r\nHost: a.test\r\n" + CHUNKED + b"\r\n0\r\n\r\n",
    # ---- field lines ----
    "a space before the colon": post(b"Content-Length : 5\r\n", b"hello"),
    "a tab before the colon": post(b"Transfer-Encoding\t: chunked\r\n", b"0\r\n\r\n"),
    "a folded line": post(b"X-A: b\r\n c\r\n"),
    "a folded encoding": post(b"Transfer-Encoding:\r\n chunked\r\n", b"0\r\n\r\n"),
    "a first line that is folded": b"GET / HTTP/1.1\r\n Host: a.test\r\n\r\n",
    "a bare LF between fields": post(b"X-A: b\nX-C: d\r\n"),
    "a bare LF hides a field": post(b"X-A: b\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"),
    "bare LFs alone": b"GET / HTTP/1.1\nHost: a.test\n\n",
    "a bare CR in a value": post(b"X-A: b\rTransfer-Encoding: chunked\r\n"),
    "a bare CR ends the head": HEAD + b"X-A: b\r\n\rX-B: c\r\n\r\n",
    "a NUL in a value": post(b"X-A: b\0c\r\n"),
    "a NUL in a name": post(b"X\0A: b\r\n"),
    "a control byte in a value": post(b"X-A: \x01\r\n"),
    "no colon": post(b"Content-Length 5\r\n", b"hello"),
    "no name": post(b": value\r\n"),
    "a space in a name": post(b"Content Length: 5\r\n", b"hello"),
    "a name with a parenthesis": post(b"X(A): b\r\n"),
    "a name beyond ASCII": post(b"X-\xe9: b\r\n"),
    # ---- the request line ----
    "two spaces": b"GET  / HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "a tab between": b"GET\t/ HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "a space in the target": b"GET /a b HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "a control byte in the target": b"GET /\x01 HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "a byte beyond ASCII in the target": b"GET /\xff HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "a fragment": b"GET /a#b HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "no version": b"GET /\r\nHost: a.test\r\n\r\n",
    "version 2": b"GET / HTTP/2.0\r\nHost: a.test\r\n\r\n",
    "version 1.10": b"GET / HTTP/1.10\r\nHost: a.test\r\n\r\n",
    "version in lower case": b"GET / http/1.1\r\nHost: a.test\r\n\r\n",
    "a method with a colon": b"GE:T / HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "no target": b"GET HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "a relative target": b"GET a HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "a space before the method": b" GET / HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "a space behind the version": b"GET / HTTP/1.1 \r\nHost: a.test\r\n\r\n",
    # ---- Host ----
    "no Host": b"GET / HTTP/1.1\r\nX: y\r\n\r\n",
    "two Hosts": b"GET / HTTP/1.1\r\nHost: a.test\r\nHost: b.test\r\n\r\n",
    "two equal Hosts": b"GET / HTTP/1.1\r\nHost: a.test\r\nHost: a.test\r\n\r\n",
    "a Host with a path": b"GET / HTTP/1.1\r\nHost: a.test/x\r\n\r\n",
    "a Host with a space": b"GET / HTTP/1.1\r\nHost: a.test b.test\r\n\r\n",
    "a Host with user information": b"GET / HTTP/1.1\r\nHost: x@a.test\r\n\r\n",
    "a Host with a comma": b"GET / HTTP/1.1\r\nHost: a.test,b.test\r\n\r\n",
    "a Host with a bad port": b"GET / HTTP/1.1\r\nHost: a.test:x\r\n\r\n",
}

CHUNKS = {
    "no size": b"\r\nhello\r\n0\r\n\r\n",
    "a negative size": b"-1\r\nhello\r\n0\r\n\r\n",
    "a size with 0x": b"0x5\r\nhello\r\n0\r\n\r\n",
    "a size with plus": b"+5\r\nhello\r\n0\r\n\r\n",
    "a size with a space in front": b" 5\r\nhello\r\n0\r\n\r\n",
    "a size that is no number": b"g\r\nhello\r\n0\r\n\r\n",
    "a size that overflows": b"10000000000000005\r\nhello\r\n0\r\n\r\n",
    "a size with a bare LF": b"5\nhello\r\n0\r\n\r\n",
    "a size with a bare CR": b"5\rXhello\r\n0\r\n\r\n",
    "data without its end": b"5\r\nhelloX\r\n0\r\n\r\n",
    "data that ends with a bare LF": b"5\r\nhello\n0\r\n\r\n",
    "a bare LF in an extension": b"5;a\nb\r\nhello\r\n0\r\n\r\n",
    "a bare CR in an extension": b"5;a\rb\r\nhello\r\n0\r\n\r\n",
    "a NUL in an extension": b"5;a\0b\r\nhello\r\n0\r\n\r\n",
    "a bad trailer": b"5\r\nhello\r\n0\r\nX A: b\r\n\r\n",
    "a folded trailer": b"5\r\nhello\r\n0\r\nX-A: b\r\n c\r\n\r\n",
    "a bare LF in the trailers": b"5\r\nhello\r\n0\r\nX-A: b\n\r\n",
    "a bare LF after the last chunk": b"5\r\nhello\r\n0\n\r\n",
}


@pytest.fixture(scope="module")
def target(tmp_path_factory, loop, binary):
    del binary
    backend = HttpBackend(loop)
    one = Weir(tmp_path_factory.mktemp("weir"), entries={"web": {}},
               dynamic=one_route(http_service(backend)))
    one.backend = backend
    with serving(one, backend):
        yield one


def all_answers(connection):
    """The statuses of what comes until the connection is closed."""
    try:
        text = connection.read_rest()
    except ConnectionResetError:
        text = connection.buffer
    return text, [int(part[1:4]) for part in text.split(b"HTTP/1.1")[1:]]


@pytest.mark.parametrize("name", REFUSED)
def test_an_ambiguous_request_is_refused(target, name):
    target.backend.requests.clear()
    with wire.Connection(target.ports["web"]) as connection:
        connection.send(REFUSED[name] + SECOND)
        text, statuses = all_answers(connection)
    assert len(statuses) == 1 and statuses[0] in (400, 431, 501, 505), text
    assert target.backend.requests == []


@pytest.mark.parametrize("name", CHUNKS)
def test_a_broken_chunk_ends_the_connection(target, name):
    """The head may be on its way already; what counts is that nothing follows."""
    target.backend.requests.clear()
    with wire.Connection(target.ports["web"]) as connection:
        connection.send(post(CHUNKED, CHUNKS[name]) + SECOND)
        text, statuses = all_answers(connection)
    assert statuses in ([], [400]), text
    assert "/smuggled" not in [request.target for request in target.backend.requests]


def test_the_rest_of_a_refused_request_is_not_a_request(target):
    target.backend.requests.clear()
    with wire.Connection(target.ports["web"]) as connection:
        connection.send(post(b"Content-Length: 5\r\nContent-Length: 50\r\n", SECOND))
        text, statuses = all_answers(connection)
    assert statuses == [400], text
    assert target.backend.requests == []


def test_a_length_hides_a_request_in_the_body(target):
    target.backend.requests.clear()
    with wire.Connection(target.ports["web"]) as connection:
        response = connection.request("/sink", method="POST", body=SECOND)
        assert response.status == 200
        assert connection.request("/").status == 200
    assert [request.target for request in target.backend.requests] == ["/sink", "/"]


def test_what_is_legal_is_written_afresh(target):
    """Odd but unambiguous requests arrive in one plain form."""
    target.backend.requests.clear()
    with wire.Connection(target.ports["web"]) as connection:
        connection.send(b"POST /sink HTTP/1.1\r\nhost:a.test\r\n"
                        b"transfer-encoding:\t CHUNKED \r\n\r\n"
                        b"0005;x=\"y;z\"\r\nhello\r\n000\r\n\r\n")
        assert connection.read_response().body.startswith(b"5 ")
        connection.send(b"\r\nPOST /sink HTTP/1.1\r\nHost: a.test\r\n"
                        b"Content-Length: 005\r\n\r\nhello")
        assert connection.read_response().body.startswith(b"5 ")
    first, second = target.backend.requests
    assert first.get("Transfer-Encoding") == "chunked"
    assert first.get("Content-Length") is None
    assert second.get("Content-Length") == "5"


UNDERSCORES = [b"X_Forwarded_For: 203.0.113.9\r\n", b"X_Real_Ip: 203.0.113.9\r\n",
               b"X_Forwarded_Proto: https\r\n"]


@pytest.mark.parametrize("field", UNDERSCORES)
def test_underscores_do_not_forge_forwarding_fields(target, field):
    target.backend.requests.clear()
    with wire.Connection(target.ports["web"]) as connection:
        connection.send(b"GET / HTTP/1.1\r\nHost: a.test\r\n" + field + b"\r\n")
        assert connection.read_response().status == 200
    request = target.backend.last
    assert field.split(b":")[0].decode() not in [name for name, _ in request.headers]


def test_a_response_cannot_be_split(target):
    """A target that decodes to CR LF stays encoded wherever it is written again."""
    target.backend.requests.clear()
    with wire.Connection(target.ports["web"]) as connection:
        assert connection.request("/a%0d%0aX-Evil:%201").status == 200
    assert target.backend.last.target == "/a%0d%0aX-Evil:%201"
    assert target.backend.last.get("X-Evil") is None
