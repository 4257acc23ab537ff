# SPDX-License-Identifier: GPL-3.0-or-later
# TIMEOUT: 300
"""A hundred megabytes each way, by checksum, and what memory they cost."""

import asyncio
import hashlib
import subprocess
import threading

import pytest

import backends
import wire
from server import PATIENCE, SANITIZE, WAIT, eventually

SIZE = 100 << 20
GROWTH_KB = (120 if SANITIZE else 24) * 1024


@pytest.fixture(scope="module")
def big_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("big") / "big"
    path.write_bytes(backends.known_bytes(SIZE))
    return path


@pytest.fixture
def ways(site, nginx, big_file, http_backend, authority, authority_file, tcp_backend, tmp_path):
    """A Weir with a port per way: web, websecure, and tcp for passthrough."""
    server = nginx()
    (tmp_path / "nginx0" / "www" / "big").symlink_to(big_file)
    sink = http_backend()
    inner = http_backend(tls=backends.server_context(authority.issue("x.test"), tmp_path))
    routers = {}
    for entry, tls in (("web", {}), ("websecure", {"tls": {}})):
        for service, rule in (("big", "Path(`/big`)"), ("sink", "Path(`/sink`)")):
            routers[f"{entry}-{service}"] = {"entryPoints": [entry], "rule": rule,
                                             "service": service, **tls}
    one = site(entries={"web": {}, "websecure": {}, "tcp": {}}, routers=routers)
    one.dynamic["http"]["services"] = {"big": backends.http_service(server),
                                       "sink": backends.http_service(sink)}
    one.dynamic["tcp"] = {
        "routers": {"x": {"entryPoints": ["tcp"], "rule": "HostSNI(`x.test`)", "service": "x",
                          "tls": {"passthrough": True}}},
        "services": {"x": backends.tcp_service(inner)}}
    one.reload(one.dynamic)
    one.curl = ["curl", "-sS", "--fail", "--max-time", str(20 * PATIENCE), "--cacert",
                authority_file]
    for name, entry in (("a.test", "web"), ("a.test", "websecure"), ("x.test", "tcp")):
        one.curl += ["--resolve", f"{name}:{one.ports[entry]}:127.0.0.1"]
    one.urls = {"plain": f"http://a.test:{one.ports['web']}",
                "tls": f"https://a.test:{one.ports['websecure']}",
                "passthrough": f"https://x.test:{one.ports['tcp']}"}
    return one


def download(command):
    """Digest and size of what curl prints."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    digest, size = hashlib.sha256(), 0
    while data := process.stdout.read(1 << 20):
        digest.update(data)
        size += len(data)
    process.stdout.close()
    assert process.wait(WAIT) == 0
    return size, digest.hexdigest()


@pytest.mark.parametrize("way,path", [("plain", "/big"), ("tls", "/big"),
                                      ("passthrough", f"/bytes/{SIZE}")])
def test_a_download_is_whole(ways, way, path):
    before = ways.memory_kb()
    assert download([*ways.curl, ways.urls[way] + path]) == (SIZE, backends.known_digest(SIZE))
    assert ways.memory_kb() - before < GROWTH_KB


@pytest.mark.parametrize("way", ["plain", "tls", "passthrough"])
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_an_upload_is_whole(ways, big_file, run, way, framing):
    before = ways.memory_kb()
    extra = ["-H", "Transfer-Encoding: chunked"] if framing == "chunked" else []
    answer = run(*ways.curl, "-T", str(big_file), *extra, ways.urls[way] + "/sink",
                 timeout=30 * PATIENCE)
    assert answer.stdout == f"{SIZE} {backends.known_digest(SIZE)}\n", answer
    assert ways.memory_kb() - before < GROWTH_KB


def test_downloads_side_by_side_are_whole(ways):
    results = []
    threads = [threading.Thread(target=lambda url=url: results.append(
        download([*ways.curl, url]))) for url in (
            [ways.urls["tls"] + "/big", ways.urls["plain"] + "/big"] * 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30 * PATIENCE)
    assert results == [(SIZE, backends.known_digest(SIZE))] * 4


def idle(one):
    """Whether the process used no processor time for a moment."""
    def ticks():
        with open(f"/proc/{one.pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])
    before = ticks()
    threading.Event().wait(0.3)
    return ticks() - before <= (3 if SANITIZE else 1)


@pytest.mark.parametrize("way", ["plain", "tls"])
def test_a_client_that_stops_reading_stops_the_server(ways, authority, way):
    before = ways.memory_kb()
    context = wire.trusting(authority) if way == "tls" else None
    entry = "websecure" if way == "tls" else "web"
    with wire.Connection(ways.ports[entry], context, "a.test") as connection:
        connection.send("GET /big HTTP/1.1\r\nHost: a.test\r\n\r\n")
        connection.read_until(b"\r\n\r\n")
        eventually(lambda: idle(ways), "the flow comes to a stop")
        assert ways.memory_kb() - before < GROWTH_KB
        connection.buffer = b""
        # And goes on when it reads again.
        assert len(connection.socket.recv(65536)) > 0


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_server_that_stops_reading_stops_the_client(site, http_backend, framing):
    release = threading.Event()

    async def respond(request, reader, writer):
        while not release.is_set():
            await asyncio.sleep(0.02)
        if not request.get("Content-Length"):
            return False
        left = SIZE
        while left:
            left -= len(await reader.read(1 << 18))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        return True

    one = site(entries={"web": {}}, backend=http_backend(respond=respond))
    before = one.memory_kb()
    with wire.Connection(one.ports["web"]) as connection:
        connection.socket.setblocking(False)
        head = "POST / HTTP/1.1\r\nHost: a.test\r\n"
        head += (f"Content-Length: {SIZE}\r\n\r\n" if framing == "length"
                 else "Transfer-Encoding: chunked\r\n\r\n")
        connection.socket.send(head.encode())
        piece = b"x" * 65536
        if framing == "chunked":
            piece = b"10000\r\n" + piece + b"\r\n"
        sent = 0

        def push():
            nonlocal sent
            try:
                while sent < SIZE:
                    sent += connection.socket.send(piece[sent % len(piece):])
            except BlockingIOError:
                return idle(one)
            return True

        eventually(push, "the client is held up")
        assert sent < SIZE // 2, "the whole body was taken though nobody reads it"
        assert one.memory_kb() - before < GROWTH_KB
        release.set()
        if framing == "length":
            connection.socket.settimeout(WAIT)
            while sent < SIZE:
                sent += connection.socket.send(b"x" * min(65536, SIZE - sent))
            assert connection.read_response().status == 200


def test_kernel_tls_that_is_wanted_is_used_or_warned_of(site, trust):
    one = site(static={"weir": {"tls": {"ktls": "on"}}})
    assert one.log.find("kernel TLS is used for long responses") or \
        one.log.find("WRN weir.tls.ktls is on, but TLS stays in user space reason=")
    answer = wire.fetch(one.ports["websecure"], f"/bytes/{SIZE // 10}", trust, "a.test")
    assert answer.body == backends.known_bytes(SIZE // 10)
