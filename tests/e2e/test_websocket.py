# SPDX-License-Identifier: GPL-3.0-or-later
"""WebSocket through Weir, with a client and a server that are not ours."""

import asyncio
import json

import pytest
import websockets

import backends
import wire
from server import WAIT, eventually


async def serve(socket):
    try:
        await echo(socket)
    except websockets.ConnectionClosed:
        pass
    closed.append((socket.close_code, socket.close_reason))


async def echo(socket):
    """Echoes; some messages are orders."""
    await socket.send(json.dumps({"path": socket.path, "host": socket.request_headers["Host"],
                                  "proto": socket.request_headers["X-Forwarded-Proto"]}))
    async for message in socket:
        if message == "close":
            await socket.close(4001, "as asked")
        elif message == "ping":
            await asyncio.wait_for(await socket.ping(b"from the server"), WAIT)
            await socket.send("ponged")
        elif message == "drop":
            socket.transport.abort()
        else:
            await socket.send(message)


closed = []


@pytest.fixture
def far(loop):
    """A WebSocket server."""
    closed.clear()

    async def start():
        return await websockets.serve(serve, "127.0.0.1", 0, max_size=None, compression=None,
                                      subprotocols=["chat.v2"], ping_interval=None)
    server = loop.run(start())
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def stop():
        server.close()
        await server.wait_closed()
    loop.run(stop())


@pytest.fixture
def near(weir, far, authority):
    return weir(dynamic={
        "http": {"routers": {
            "plain": {"entryPoints": ["web"], "rule": "PathPrefix(`/`)", "service": "one"},
            "secure": {"entryPoints": ["websecure"], "rule": "PathPrefix(`/`)", "service": "one",
                       "tls": {}}},
            "services": {"one": backends.http_service(far)}},
        "tls": {"certificates": [authority.issue("a.test").inline]}})


@pytest.fixture(params=["ws", "wss"])
def connect(request, near, trust):
    """connect(path) gives a connection, as a context."""
    def start(path="/chat?room=1", **more):
        secure = request.param == "wss"
        more.setdefault("max_size", None)
        if secure:
            more["server_hostname"] = "a.test"
        return websockets.connect(
            f"{request.param}://a.test{path}", host="127.0.0.1",
            port=near.ports["websecure" if secure else "web"], ssl=trust if secure else None,
            compression=None, ping_interval=None, open_timeout=WAIT, close_timeout=WAIT, **more)
    start.scheme = request.param
    return start


def test_messages_come_back(loop, connect):
    async def talk():
        async with connect(subprotocols=["chat.v1", "chat.v2"]) as socket:
            assert socket.subprotocol == "chat.v2"
            seen = json.loads(await socket.recv())
            assert seen == {"path": "/chat?room=1", "host": "a.test", "proto": connect.scheme}
            for message in ("text", "", "äöü€😀", b"\x00\xff" * 10):
                await socket.send(message)
                assert await asyncio.wait_for(socket.recv(), WAIT) == message
    loop.run(talk())


def test_big_messages_come_back_whole(loop, connect):
    async def talk():
        async with connect() as socket:
            await socket.recv()
            for size in (125, 126, 65535, 65536, 5 << 20):
                message = backends.known_bytes(size)
                sending = asyncio.ensure_future(socket.send(message))
                assert await asyncio.wait_for(socket.recv(), 2 * WAIT) == message
                await sending
    loop.run(talk(), 4 * WAIT)


def test_the_client_closes(loop, connect):
    async def talk():
        async with connect() as socket:
            await socket.recv()
            await socket.close(4002, "enough")
            assert (socket.close_code, socket.close_reason) == (4002, "enough")
    loop.run(talk())
    assert eventually(lambda: closed, "the server sees it") == [(4002, "enough")]


def test_the_server_closes(loop, connect):
    async def talk():
        async with connect() as socket:
            await socket.recv()
            await socket.send("close")
            with pytest.raises(websockets.ConnectionClosed):
                await asyncio.wait_for(socket.recv(), WAIT)
            assert (socket.close_code, socket.close_reason) == (4001, "as asked")
    loop.run(talk())


def test_a_server_that_vanishes_is_no_orderly_end(loop, connect):
    async def talk():
        async with connect() as socket:
            await socket.recv()
            await socket.send("drop")
            with pytest.raises(websockets.ConnectionClosedError):
                await asyncio.wait_for(socket.recv(), WAIT)
            assert socket.close_code == 1006
    loop.run(talk())


def test_pings_go_both_ways(loop, connect):
    async def talk():
        async with connect() as socket:
            await socket.recv()
            await asyncio.wait_for(await socket.ping(b"from the client"), WAIT)
            await socket.send("ping")
            assert await asyncio.wait_for(socket.recv(), WAIT) == "ponged"
    loop.run(talk())


def test_many_at_once_do_not_mix(loop, connect):
    async def one(index):
        async with connect(f"/{index}") as socket:
            assert json.loads(await socket.recv())["path"] == f"/{index}"
            for round_ in range(5):
                await socket.send(f"{index} {round_}")
                assert await asyncio.wait_for(socket.recv(), 2 * WAIT) == f"{index} {round_}"

    async def all_of_them():
        await asyncio.gather(*(one(index) for index in range(20)))
    loop.run(all_of_them(), 4 * WAIT)


# ---- an upgrade that is refused ----

UPGRADE = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"),
           ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")]


@pytest.mark.parametrize("status", [200, 400, 403, 426])
def test_a_refused_upgrade_is_an_answer_like_any_other(site, status):
    one = site()
    with wire.Connection(one.ports["web"]) as connection:
        for _ in range(2):
            response = connection.request(f"/status/{status}", headers=UPGRADE)
            assert (response.status, response.body) == (status, b"status\n")
        assert one.backend.last.get("Upgrade") == "websocket"
        assert connection.request("/after").status == 200
        assert one.backend.last.get("Upgrade") is None


def test_a_client_is_told_of_a_refusal(loop, site):
    one = site()

    async def talk():
        async with websockets.connect(f"ws://127.0.0.1:{one.ports['web']}/status/403",
                                      open_timeout=WAIT):
            pass
    with pytest.raises(websockets.InvalidStatusCode) as failure:
        loop.run(talk())
    assert failure.value.status_code == 403


def test_a_server_that_refuses_the_handshake_itself(near):
    headers = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "7")]
    response = wire.fetch(near.ports["web"], headers=headers)
    assert response.status in (400, 426) and b"WebSocket" in response.body


def test_a_closed_router_gives_no_tunnel(weir, tcp_backend):
    backend = tcp_backend(backends.echo)
    one = weir(entries={"web": {}}, dynamic={"http": {
        "routers": {"r": {"rule": "PathPrefix(`/`)", "service": "s", "middlewares": ["nobody"]}},
        "services": {"s": backends.http_service(f"http://{backend.address}")}}})
    with wire.Connection(one.ports["web"]) as connection:
        assert connection.request("/", headers=UPGRADE).status == 503
        assert connection.request("/", headers=UPGRADE).status == 503
    assert backend.connections == 0
