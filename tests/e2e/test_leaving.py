# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients that leave before they are answered, or end their side of the connection."""

import asyncio
import json
import socket
import struct

import pytest

import http2
import wire
from server import eventually

POST = "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 99999999999\r\n\r\n"
GET = "GET /hang HTTP/1.1\r\nHost: a.test\r\n\r\n"


async def read_nothing(_request, _reader, _writer):
    await asyncio.Event().wait()


class Edge:
    """A site whose access log is looked at; its backend may have a way to answer."""

    def __init__(self, site, folder, secure, backend=None):
        self.path = folder / "access.log"
        self.site = site(backend=backend, static={
            "accessLog": {"filePath": str(self.path), "format": "json"}})
        self.port = self.site.ports["websecure" if secure else "web"]
        self.context, self.backend = secure, self.site.backend

    def connect(self):
        return wire.Connection(self.port, self.context, "a.test" if self.context else None)

    def asked(self):
        eventually(lambda: self.backend.requests, "the request reaches the backend")

    def logged(self):
        """The entry of the one request there was."""
        eventually(lambda: self.path.exists() and self.path.read_text(), "the request is logged")
        lines = self.path.read_text(encoding="utf-8").splitlines()
        assert len(lines) == 1
        return json.loads(lines[0])


@pytest.fixture(params=["plain", "tls"])
def edge(request, site, trust, tmp_path):
    return Edge(site, tmp_path, trust if request.param == "tls" else None)


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
def test_a_reset_is_noticed_though_the_body_is_stopped(site, http_backend, trust, tmp_path,
                                                       secure):
    edge = Edge(site, tmp_path, trust if secure else None, http_backend(respond=read_nothing))
    connection = edge.connect()
    connection.send(POST)
    edge.asked()
    connection.socket.settimeout(1)
    with pytest.raises(TimeoutError):  # everything on the way to the backend is full
        for _ in range(1 << 10):
            connection.send(bytes(1 << 16))
    assert not edge.path.exists() or not edge.path.read_text()
    reset(connection.socket)
    assert edge.logged()["DownstreamStatus"] == 499


def test_who_leaves_http2_is_noticed_though_its_body_is_stopped(site, http_backend, authority,
                                                                tmp_path):
    edge = Edge(site, tmp_path, http2.secure(authority), http_backend(respond=read_nothing))
    with http2.Client(edge.port, edge.context) as client:
        client.settled()
        client.headers(1, http2.post(), end=False)
        edge.asked()
        stream = client.stream(1)
        while limit := min(stream.window, client.window, 16384):
            client.data(1, bytes(limit))
            stream.window -= limit
            client.window -= limit
            if min(stream.window, client.window) == 0:
                client.roundtrip()  # credit that is on its way has come
    assert edge.logged()["DownstreamStatus"] == 499


def test_who_ends_its_side_before_the_answer_has_gone_as_for_traefik(edge):
    """RFC 9112 §9.6 would let it wait; Go's server cancels the request at the EOF (its issue
    18527), and Traefik logs 499."""
    with edge.connect() as connection:
        connection.send(GET)
        edge.asked()
        connection.end()
        assert edge.logged()["DownstreamStatus"] == 499
        eventually(lambda: not edge.backend.open, "the backend is let go")
        assert b"HTTP" not in connection.read_rest()  # under TLS as it is: a close_notify


def test_a_close_notify_ends_its_side_too(site, trust, tmp_path):
    edge = Edge(site, tmp_path, trust)
    with edge.connect() as connection:
        connection.send(GET)
        edge.asked()
        connection.socket.settimeout(None)
        connection.socket.unwrap()  # returns with Weir's own
    assert edge.logged()["DownstreamStatus"] == 499
