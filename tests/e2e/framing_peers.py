# SPDX-License-Identifier: GPL-3.0-or-later
"""nginx, HAProxy and Apache as backends that show how each of them understood a request.

Each is a reverse proxy in front of a recorder of its own: what it passes on, framed afresh by
itself, is what it understood. A recorder takes nothing but HTTP/1.1 to the letter; whatever else
arrives is `malformed`. Requests are filed under the four digits in their target, or in X-Case.
"""

import asyncio
import json
import os
import re
import socket
import subprocess
import threading

from backends import Nginx, TcpBackend, http_service
from server import WAIT, Lines, Weir

TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
REQUEST_LINE = re.compile(rb"(" + TOKEN + rb") ([!-~]+) HTTP/1\.[01]")
FIELD = re.compile(rb"(" + TOKEN + rb"):[ \t]*((?:[!-~\x80-\xff][\t !-~\x80-\xff]*)?)")
CASE = re.compile(r"/(\d{4})(?:/|$)")


# What CGI and its kin would take for the fields that frame.
DISGUISED = re.compile(r"(content|transfer)_(length|encoding)", re.IGNORECASE)
# What an upgrade to would carry requests past Weir's router.
NO_UPGRADE = re.compile(r"\b(h2c?|http|tls)\b", re.IGNORECASE)


class Malformed(Exception):
    """What Weir, or a server behind it, may not send."""


class Seen:
    """A request as it arrived."""

    def __init__(self, method, target, fields):
        self.method, self.target, self.fields = method, target, fields
        self.body = b""
        self.trailers = []
        self.complete = False

    def all(self, name):
        return [value for key, value in self.fields if key.lower() == name]

    @property
    def host(self):
        return ", ".join(self.all("host"))

    @property
    def case(self):
        match = CASE.search(self.target)
        return match[1] if match else "".join(self.all("x-case"))

    @property
    def summary(self):
        return (self.method, self.target, self.host, self.body)

    def __repr__(self):
        return f"<{self.method} {self.target} {self.fields} {self.body!r} {self.complete}>"


def parse_lines(block):
    """The fields of lines that each end with CR LF."""
    fields = []
    for line in block.split(b"\r\n")[:-1]:
        match = FIELD.fullmatch(line)
        if match is None:
            raise Malformed(line)
        fields.append((match[1].decode(), match[2].rstrip(b" \t").decode("latin-1")))
    return fields


class Recorder(TcpBackend):
    """An origin that files what it is sent and answers 200."""

    def __init__(self, loop):
        self.seen = {}
        self.malformed = []
        super().__init__(loop, self._handle)
        self.url = f"http://{self.address}"

    def of(self, case):
        return self.seen.get(case, [])

    async def _handle(self, reader, writer):
        try:
            while head := await reader.read(1):
                head += await reader.readuntil(b"\r\n\r\n")
                await self._take(head, reader, writer)
        except (Malformed, ValueError) as error:
            self.malformed.append(repr(error))

    async def _take(self, head, reader, writer):
        line, rest = head[:-2].split(b"\r\n", 1)
        match = REQUEST_LINE.fullmatch(line)
        if match is None:
            raise Malformed(line)
        seen = Seen(match[1].decode(), match[2].decode(), parse_lines(rest))
        if any(DISGUISED.fullmatch(name) for name, _ in seen.fields) or any(
                NO_UPGRADE.search(value) for value in seen.all("upgrade")):
            raise Malformed(seen)
        self.seen.setdefault(seen.case, []).append(seen)
        await self._take_body(seen, reader)
        seen.complete = True
        body = b"" if seen.method == "HEAD" else b"seen\n"
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" + body)
        await writer.drain()

    async def _take_body(self, seen, reader):
        lengths, codings = seen.all("content-length"), seen.all("transfer-encoding")
        if len(lengths) + len(codings) > 1 or codings not in ([], ["chunked"]):
            raise Malformed(seen)
        if lengths:
            if not re.fullmatch(r"\d+", lengths[0]):
                raise Malformed(seen)
            seen.body = await reader.readexactly(int(lengths[0]))
        if codings:
            await self._take_chunks(seen, reader)

    @staticmethod
    async def _take_chunks(seen, reader):
        size = None
        while size != 0:
            line = await reader.readuntil(b"\n")
            if not re.fullmatch(rb"[0-9a-fA-F]{1,16}\r\n", line):
                raise Malformed(line)
            size = int(line, 16)
            if size > 0:
                seen.body += await reader.readexactly(size)
                if await reader.readexactly(2) != b"\r\n":
                    raise Malformed("the end of a chunk")
        block = b""
        while not (block == b"\r\n" or block.endswith(b"\r\n\r\n")):
            block += await reader.readuntil(b"\n")
        seen.trailers = parse_lines(block[:-2])


# ---- the three ----

NGINX = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx.log info;
events {{ worker_connections 256; }}
http {{
  access_log off; client_max_body_size 0; keepalive_requests 1000000;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  server {{
    listen 127.0.0.1:{port}{listen};
    location / {{
      proxy_pass http://{origin}; proxy_http_version 1.1; proxy_request_buffering off;
      proxy_set_header Host $http_host; proxy_set_header Connection "";
    }}
  }}
}}
"""

HAPROXY = """
global
  maxconn 256
  nbthread 1
defaults
  mode http
  timeout connect 60s
  timeout client 60s
  timeout server 60s
frontend front
  bind fd@{fd}{bind}
  default_backend back
backend back
  server origin {origin}
"""

APACHE = """
ServerRoot "{folder}"
ServerName framing.test
DefaultRuntimeDir "{folder}"
PidFile "{folder}/apache.pid"
ErrorLog /dev/stderr
{user}
{protocols}
Listen 127.0.0.1:{port}
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule proxy_module {modules}/mod_proxy.so
LoadModule proxy_http_module {modules}/mod_proxy_http.so
ServerLimit 1
StartServers 1
ThreadsPerChild 32
MaxRequestWorkers 32
MaxKeepAliveRequests 0
KeepAliveTimeout 60
AllowEncodedSlashes NoDecode
MergeSlashes Off
ProxyPreserveHost On
ProxyPass "/" "http://{origin}/" nocanon retry=0
"""
# What makes them take HTTP/2 without TLS instead, by prior knowledge.
NGINX_HTTP2 = " http2"
HAPROXY_HTTP2 = " proto h2"
APACHE_HTTP2 = "LoadModule http2_module {modules}/mod_http2.so\nProtocols h2c\nH2Direct on"
APACHE_MODULES = "/usr/lib/apache2/modules"


class Program:
    """A server in the foreground; subclasses start it on self.port."""

    def __init__(self, folder, http2=False):
        self.folder, self.http2 = str(folder), http2

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        return path

    def stop(self):
        self.process.terminate()
        self.process.wait(WAIT)


class Haproxy(Program):
    """Takes over a listening socket, so that there is nothing to wait for."""

    def __init__(self, folder, origin, http2=False):
        super().__init__(folder, http2)
        with socket.create_server(("127.0.0.1", 0), backlog=256) as listening:
            self.port = listening.getsockname()[1]
            path = self.write("haproxy.cfg", HAPROXY.format(
                fd=listening.fileno(), origin=origin.address,
                bind=HAPROXY_HTTP2 if http2 else ""))
            self.process = subprocess.Popen(
                ["haproxy", "-db", "-q", "-f", path], stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                pass_fds=[listening.fileno()])


class Apache(Program):
    """On a port that was free a moment ago; another is tried when somebody was faster."""

    def __init__(self, folder, origin, http2=False):
        super().__init__(folder, http2)
        for _ in range(5):
            with socket.create_server(("127.0.0.1", 0)) as probe:
                self.port = probe.getsockname()[1]
            if self._start(origin):
                return
        raise AssertionError("Apache does not start:\n" + self.log.text())

    def _start(self, origin):
        user = "User www-data\nGroup www-data" if os.geteuid() == 0 else ""
        path = self.write("apache.conf", APACHE.format(
            folder=self.folder, user=user, port=self.port, modules=APACHE_MODULES,
            origin=origin.address,
            protocols=APACHE_HTTP2.format(modules=APACHE_MODULES) if self.http2 else ""))
        self.process = subprocess.Popen(
            ["apache2", "-D", "FOREGROUND", "-f", path], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace")
        self.log = Lines(self.process.stderr)
        try:
            self.log.wait("resuming normal operations")
        except AssertionError:
            self.stop()
            return False
        return True


class Peers:
    """One recorder alone, and one behind each of the three; Weir speaks HTTP/1 to them, or
    HTTP/2 to the three."""

    THREE = ("nginx", "haproxy", "apache")

    def __init__(self, folder, loop, http2=False):
        self.http2 = http2
        self.names = self.THREE if http2 else ("direct", *self.THREE)
        self.origins = {name: Recorder(loop) for name in self.names}
        self.programs = {}
        folders = {name: os.path.join(str(folder), name) for name in self.THREE}
        for path in folders.values():
            os.mkdir(path)
        self.programs["nginx"] = Nginx(folders["nginx"], template=NGINX,
                                       listen=NGINX_HTTP2 if http2 else "",
                                       origin=self.origins["nginx"].address)
        self.programs["haproxy"] = Haproxy(folders["haproxy"], self.origins["haproxy"], http2)
        self.programs["apache"] = Apache(folders["apache"], self.origins["apache"], http2)

    def url(self, name):
        url = (self.programs.get(name) or self.origins[name]).url
        return url.replace("http://", "h2c://") if self.http2 else url

    def port(self, name):
        return (self.programs.get(name) or self.origins[name]).port

    def stop_programs(self):
        """What is on its way to a recorder arrives or ends."""
        for program in self.programs.values():
            program.stop()
        self.programs = {}

    def stop(self):
        self.stop_programs()
        for origin in self.origins.values():
            origin.stop()


# ---- a corpus played through Weir to all of them ----

def in_threads(call, names):
    threads = [threading.Thread(target=call, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def settle(peers, loop):
    """Ends the servers; then nothing is on its way to a recorder any more."""
    peers.stop_programs()
    tasks = {task for origin in peers.origins.values() for task in origin.tasks}
    if tasks:
        loop.run(asyncio.wait(tasks))


class Played:
    """Weir with an entry point for each peer: `name`, and `name-tls`. What came of all cases is
    in `outcomes`, by name and case; `logged` has the lines of the access log alike."""

    def __init__(self, folder, loop, settings, tls=None, http2=False):
        self.peers = Peers(folder, loop, http2)
        self.names = self.peers.names
        self.outcomes = {name: {} for name in self.names}
        self.logged = {}
        self.log_path = folder / "access.log"
        entries = [name + end for name in self.names for end in ("", "-tls")]
        routers = {entry: {"entryPoints": [entry], "rule": "PathRegexp(`.*`)",
                           "service": entry.removesuffix("-tls"),
                           **({"tls": {}} if entry.endswith("-tls") else {})}
                   for entry in entries}
        self.weir = Weir(folder, entries={entry: settings for entry in entries}, dynamic={
            "http": {"routers": routers, "services": {
                name: http_service(self.peers.url(name)) for name in self.names}},
            **({"tls": tls} if tls else {})}, static={
                "accessLog": {"filePath": str(self.log_path), "format": "json"}})

    def play(self, loop, cases, play):
        """play(ports, case, name) for each; `ports` is of the entry points."""
        def play_all(name):
            for case in cases:
                self.outcomes[name][case.number] = play(self.weir.ports, case, name)
        in_threads(play_all, self.names)
        self.weir.stop()
        settle(self.peers, loop)
        for line in self.log_path.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            match = CASE.search(entry["RequestPath"])
            key = (entry["entryPointName"].removesuffix("-tls"), match[1] if match else None)
            self.logged.setdefault(key, []).append(entry)

    def same(self, requests):
        """Summaries as they are to be compared. Over HTTP/2, HAProxy takes the default port
        off a host, as RFC 3986 §6.2.3 allows."""
        if not self.peers.http2:
            return list(requests)
        return [(method, target, re.sub(r":(80)?$", "", host), body)
                for method, target, host, body in requests]

    def blurs_ends(self, name):
        """Apache's mod_http2 may take a stream that is reset for one that has ended."""
        return self.peers.http2 and name == "apache"

    def stop(self):
        self.weir.kill()
        self.peers.stop()
