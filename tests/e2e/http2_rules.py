# SPDX-License-Identifier: GPL-3.0-or-later
"""A Weir to try the rules of HTTP/2 on, as fixtures, and what is to come of a broken rule.

Entry points: `web` without TLS, `websecure`, `narrow` for two streams at once. /deaf/ is for a
backend that cannot be connected to: what is sent there stays with Weir.
"""

import pytest

import http2
from backends import Blackhole, HttpBackend, http_service
from http2 import PROTOCOL_ERROR, get, post
from server import Weir, serving


@pytest.fixture(scope="module")
def target(tmp_path_factory, loop, binary, authority):
    del binary
    backend, blackhole = HttpBackend(loop), Blackhole()
    one = Weir(tmp_path_factory.mktemp("weir"), entries={
        "web": {}, "websecure": {}, "narrow": {"http2": {"maxConcurrentStreams": 2}}},
        dynamic={"http": {
            "routers": {"plain": {"entryPoints": ["web", "narrow"], "rule": "PathPrefix(`/`)",
                                  "service": "s"},
                        "secure": {"entryPoints": ["websecure"], "rule": "PathPrefix(`/`)",
                                   "service": "s", "tls": {}},
                        "deaf": {"entryPoints": ["web"], "rule": "PathPrefix(`/deaf/`)",
                                 "service": "deaf"}},
            "services": {"s": http_service(backend), "deaf": http_service(blackhole)}},
            "tls": {"certificates": [authority.issue("a.test").inline]}})
    one.backend = backend
    with serving(one, backend, blackhole):
        yield one


@pytest.fixture
def open_client(target):
    made = []

    def start(entry="web", **arguments):
        made.append(http2.Client(target.ports[entry], **arguments))
        return made[-1]

    yield start
    for one in made:
        one.close()


@pytest.fixture
def client(open_client):
    """A client without TLS that has exchanged SETTINGS."""
    return open_client().settled()


def lives(client, number=101):
    """A later stream of the connection is served."""
    client.headers(number, get("/alive"))
    one = client.answer(number)
    assert one.status == 200 and one.ended and client.goaway is None, one


def hangs(client, number=1, **arguments):
    """An open stream, whose response never comes; its request is not ended."""
    client.headers(number, post("/hang", **arguments), end=False)
    client.roundtrip()


def breaks(client, *codes):
    goaway = client.expect_connection_error(*codes)
    assert client.closed
    return goaway


def breaks_stream(client, number, *codes, later=101):
    client.expect_stream_error(number, *codes)
    lives(client, later)


def breaks_either(client, number, *codes):
    """A stream error, or a connection error in its place (RFC 9113 §5.4.1 lets us choose)."""
    one = client.stream(number)
    client.wait(lambda: one.reset is not None or client.goaway is not None)
    if client.goaway is not None:
        return breaks(client, *codes)
    return breaks_stream(client, number, *codes)


def is_malformed(client, number, later=101):
    """§8.1.1: a stream error of the type PROTOCOL_ERROR, or a response that says so before."""
    one = client.answer(number)
    assert (one.status == 400 and one.ended) or one.reset == PROTOCOL_ERROR, one
    lives(client, later)
