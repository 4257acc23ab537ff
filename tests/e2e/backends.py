# SPDX-License-Identifier: GPL-3.0-or-later
"""Backends for Weir to talk to: HTTP/1.1 with knobs, plain TCP, nginx.

They run on one asyncio loop in a thread of the test. An HTTP backend keeps what it was sent, raw,
so that a test can look at what Weir makes of a request. What it answers is chosen by the path:

  /status/N      that status              /chunked     chunked, with a trailer
  /bytes/N       N bytes of a known text  /until-close no length, ended by closing
  /cut           half of the promised     /slow/MS     waits so long
  /hang          never                    /reset       closes with RST before answering
  /upgrade       101, then an echo        /early       103, then 200
  /sink          digest of the body       anything else: the request as JSON
"""

import asyncio
import hashlib
import json
import os
import socket
import ssl
import struct
import subprocess
import threading

from server import WAIT

BLOCK = bytes(range(256)) * 256


def known_bytes(count):
    """The text of /bytes/N."""
    whole, rest = divmod(count, len(BLOCK))
    return BLOCK * whole + BLOCK[:rest]


def known_digest(count):
    digest = hashlib.sha256()
    whole, rest = divmod(count, len(BLOCK))
    for _ in range(whole):
        digest.update(BLOCK)
    digest.update(BLOCK[:rest])
    return digest.hexdigest()


class Loop:
    """The asyncio loop and its thread."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def run(self, coroutine, timeout=None):
        future = asyncio.run_coroutine_threadsafe(coroutine, self.loop)
        return future.result(timeout or WAIT)

    def stop(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(WAIT)


class Request:
    def __init__(self, connection, line, headers):
        self.connection = connection
        self.line = line
        self.method, self.target, self.version = line.split(" ")
        self.headers = headers
        self.trailers = []
        self.size = 0
        self.digest = hashlib.sha256()
        self.body = b""

    def all(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def get(self, name, default=None):
        values = self.all(name)
        assert len(values) < 2, f"{name} occurs {len(values)} times"
        return values[0] if values else default

    def took(self, data):
        self.size += len(data)
        self.digest.update(data)
        if self.size <= 1 << 20:
            self.body += data


class TcpBackend:
    """Accepts and calls `handle(reader, writer)` for each connection."""

    def __init__(self, loop, handle, tls=None, host="127.0.0.1", port=0):
        self.loop, self.handle = loop, handle
        self.connections = 0
        self.open = set()
        self.tasks = set()
        self.server = loop.run(self._start(tls, host, port))
        self.port = self.server.sockets[0].getsockname()[1]
        self.address = f"{host}:{self.port}"

    async def _start(self, tls, host, port):
        return await asyncio.start_server(self._serve, host, port, ssl=tls, limit=1 << 20,
                                          backlog=1024)

    async def _serve(self, reader, writer):
        self.connections += 1
        self.open.add(writer)
        self.tasks.add(asyncio.current_task())
        try:
            await self.handle(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError,
                asyncio.CancelledError):
            pass
        finally:
            self.open.discard(writer)
            self.tasks.discard(asyncio.current_task())
            writer.close()

    def drop_connections(self):
        """Closes what is open, in order."""
        async def drop():
            for writer in list(self.open):
                writer.close()
        self.loop.run(drop())

    def stop(self):
        async def close():
            self.server.close()
            for task in list(self.tasks):
                task.cancel()
            if self.tasks:
                await asyncio.wait(set(self.tasks), timeout=5)
        self.loop.run(close())


class HttpBackend(TcpBackend):
    def __init__(self, loop, tls=None, name="", respond=None, **where):
        self.name = name
        self.requests = []
        self.respond = respond
        self.scheme = "https" if tls else "http"
        super().__init__(loop, self._handle, tls, **where)
        self.url = f"{self.scheme}://{self.address}"

    @property
    def last(self):
        return self.requests[-1]

    async def _read_head(self, reader, connection):
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return None
        lines = head[:-4].decode("latin-1").split("\r\n")
        headers = []
        for line in lines[1:]:
            name, value = line.split(":", 1)
            headers.append((name, value.strip()))
        return Request(connection, lines[0], headers)

    async def _read_body(self, reader, request):
        if request.get("Transfer-Encoding") == "chunked":
            while True:
                size = int(await reader.readuntil(b"\r\n"), 16)
                if size == 0:
                    break
                request.took((await reader.readexactly(size + 2))[:-2])
            while True:
                line = (await reader.readuntil(b"\r\n"))[:-2].decode("latin-1")
                if not line:
                    return
                name, value = line.split(":", 1)
                request.trailers.append((name, value.strip()))
        left = int(request.get("Content-Length", "0"))
        while left > 0:
            data = await reader.read(min(left, 1 << 18))
            if not data:
                raise asyncio.IncompleteReadError(b"", left)
            request.took(data)
            left -= len(data)

    async def _handle(self, reader, writer):
        connection = self.connections
        while True:
            request = await self._read_head(reader, connection)
            if request is None:
                return
            self.requests.append(request)
            if request.get("Expect", "").lower() == "100-continue":
                writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            if self.respond is not None:
                keep = await self.respond(request, reader, writer)
            else:
                keep = await self._answer(request, reader, writer)
            await writer.drain()
            if not keep or request.get("Connection", "").lower() == "close":
                return

    async def _answer(self, request, reader, writer):
        path = request.target.split("?")[0]
        word, _, argument = path[1:].partition("/")
        if word not in ("upgrade", "reset", "hang"):
            await self._read_body(reader, request)
        special = getattr(self, "_serve_" + word.replace("-", "_"), None)
        if special is not None:
            return await special(request, argument, reader, writer)
        text = json.dumps({"backend": self.name, "method": request.method,
                           "target": request.target, "headers": request.headers,
                           "connection": request.connection, "size": request.size,
                           "sha256": request.digest.hexdigest()}).encode()
        return self._write(writer, request, 200, text, [("Content-Type", "application/json")])

    @staticmethod
    def _write(writer, request, status, body, headers=()):
        fields = [*headers, ("Content-Length", str(len(body)))]
        head = f"HTTP/1.1 {status} Whatever\r\n" + "".join(f"{k}: {v}\r\n" for k, v in fields)
        writer.write(head.encode("latin-1") + b"\r\n" + (body if request.method != "HEAD" else b""))
        return True

    async def _serve_status(self, request, argument, _reader, writer):
        status = int(argument)
        if status in (204, 304):
            writer.write(f"HTTP/1.1 {status} Whatever\r\nX-Status: yes\r\n\r\n".encode())
            return True
        return self._write(writer, request, status, b"status\n")

    async def _serve_bytes(self, request, argument, _reader, writer):
        left = int(argument)
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {left}\r\n\r\n".encode())
        if request.method == "HEAD":
            return True
        while left > 0:
            writer.write(BLOCK[:left])
            left -= min(left, len(BLOCK))
            await writer.drain()
        return True

    async def _serve_chunked(self, _request, _argument, _reader, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-After\r\n\r\n")
        for piece in (b"one", b"two and", b"x" * 5000):
            writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            await writer.drain()
        writer.write(b"0\r\nX-After: end\r\n\r\n")
        return True

    async def _serve_until_close(self, _request, _argument, _reader, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end")
        return False

    async def _serve_cut(self, _request, _argument, _reader, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"x" * 500)
        return False

    async def _serve_cutchunked(self, _request, _argument, _reader, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        return False

    async def _serve_slow(self, request, argument, _reader, writer):
        await asyncio.sleep(int(argument) / 1000)
        return self._write(writer, request, 200, b"slow\n")

    async def _serve_hang(self, _request, _argument, reader, _writer):
        await reader.read()
        return False

    async def _serve_reset(self, _request, _argument, _reader, writer):
        raw = writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False

    async def _serve_early(self, request, _argument, _reader, writer):
        writer.write(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n")
        return self._write(writer, request, 200, b"late\n")

    async def _serve_upgrade(self, request, _argument, reader, writer):
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: " +
                     request.get("Upgrade", "none").encode() + b"\r\n\r\n")
        while True:
            data = await reader.read(1 << 16)
            if not data:
                return False
            writer.write(data)
            await writer.drain()

    async def _serve_sink(self, request, _argument, _reader, writer):
        text = f"{request.size} {request.digest.hexdigest()}\n".encode()
        return self._write(writer, request, 200, text)


async def echo(reader, writer):
    """Sends back what comes, keeps half-close."""
    while True:
        data = await reader.read(1 << 16)
        if not data:
            break
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()


def greeting(text):
    """A server that speaks first, then echoes."""
    async def handle(reader, writer):
        writer.write(text)
        await writer.drain()
        await echo(reader, writer)
    return handle


async def digest_sink(reader, writer):
    """Reads to the end of the stream, then answers with count and digest."""
    digest, count = hashlib.sha256(), 0
    while True:
        data = await reader.read(1 << 18)
        if not data:
            break
        digest.update(data)
        count += len(data)
    writer.write(f"{count} {digest.hexdigest()}\n".encode())
    await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()


def source(count):
    """Sends the known bytes and closes."""
    async def handle(reader, writer):
        left = count
        while left > 0:
            writer.write(BLOCK[:left])
            left -= min(left, len(BLOCK))
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
            await reader.read()
    return handle


def server_context(pair, folder, name="backend", **versions):
    """A server's TLS context for a certificates.Pair."""
    paths = pair.write(folder, name)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(paths["certFile"], paths["keyFile"])
    if "maximum" in versions:
        context.maximum_version = versions["maximum"]
    return context


class Refusing:
    """A port where nobody listens, and nobody else will."""

    def __init__(self):
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self.url = f"http://{self.address}"

    def stop(self):
        self.socket.close()


class Blackhole(Refusing):
    """A port where connecting takes for ever: its backlog is full."""

    def __init__(self):
        super().__init__()
        self.socket.listen(0)
        self.fillers = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", self.port))
            self.fillers.append(filler)

    def stop(self):
        for filler in self.fillers:
            filler.close()
        super().stop()


NGINX = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx.log info;
events {{ worker_connections 4096; }}
http {{
  access_log off; sendfile on; default_type text/plain; root {folder}/www;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5; client_max_body_size 0;
  keepalive_requests 1000000;
  server {{
    listen 127.0.0.1:{port};
    location / {{ }}
    location /small {{ return 200 "small\\n"; }}
  }}
}}
"""


class Nginx:
    """nginx on a free port, serving files from `www` of its folder, or what `template` says."""

    def __init__(self, folder, files=None, template=NGINX, **values):
        self.folder = str(folder)
        www = os.path.join(self.folder, "www")
        os.makedirs(www, exist_ok=True)
        for name, data in (files or {}).items():
            with open(os.path.join(www, name), "wb") as file:
                file.write(data)
        os.chmod(self.folder, 0o755)
        # nginx cannot choose a port; it takes over a socket as in an upgrade of itself.
        listening = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = listening.getsockname()[1]
        path = os.path.join(self.folder, "nginx.conf")
        with open(path, "w", encoding="ascii") as file:
            user = "user root;" if os.geteuid() == 0 else ""
            file.write(user + template.format(folder=self.folder, port=self.port, **values))
        self.process = subprocess.Popen(
            ["nginx", "-e", os.path.join(self.folder, "nginx.log"), "-c", path],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            pass_fds=[listening.fileno()], env={**os.environ, "NGINX": f"{listening.fileno()};"})
        listening.close()
        self.url = f"http://127.0.0.1:{self.port}"
        # The socket listens already: what connects waits until nginx is ready.

    def stop(self):
        self.process.terminate()
        self.process.wait(WAIT)


def http_service(*backends, transport=None, **extra):
    """A loadBalancer section for these backends (or URLs)."""
    servers = [{"url": getattr(backend, "url", backend)} for backend in backends]
    balancer = {"servers": servers, **extra}
    if transport:
        balancer["serversTransport"] = transport
    return {"loadBalancer": balancer}


def one_route(service, **http):
    """A dynamic configuration that sends all of `web` to the service."""
    return {"http": {"routers": {"r": {"entryPoints": ["web"], "rule": "PathPrefix(`/`)",
                                       "service": "s"}},
                     "services": {"s": service}, **http}}


def tcp_service(*backends, **extra):
    servers = [{"address": getattr(backend, "address", backend)} for backend in backends]
    return {"loadBalancer": {"servers": servers, **extra}}
