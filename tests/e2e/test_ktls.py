# SPDX-License-Identifier: GPL-3.0-or-later
# TIMEOUT: 240
# BUILDS: release
# KERNEL: uml
"""Long answers over TLS that the kernel seals and splices, under a kernel that has it."""

import asyncio
import hashlib
import json
import os
import re
import select
import socket
import ssl
import subprocess

import pytest

import backends
import wire
from server import WAIT, eventually, merge

HUNDRED = 100 << 20
LONG = 12 << 20
LEAST = 4 << 20  # weir.tls.ktlsMinBytes by itself
V12 = ["AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305"]
V13 = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"]
CIPHERS = [("1.2", f"ECDHE-ECDSA-{cipher}") for cipher in V12] + [("1.3", one) for one in V13]


@pytest.fixture(scope="session")
def big_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("big") / "big"
    path.write_bytes(backends.known_bytes(HUNDRED))
    return path


@pytest.fixture
def edge(site):
    """A Weir with the API on `web` and the backend's answers on `websecure`."""
    def start(backend=None, static=None):
        routers = {
            "api": {"entryPoints": ["web"], "rule": "PathPrefix(`/api`)",
                    "service": "api@internal"},
            "secure": {"entryPoints": ["websecure"], "rule": "PathPrefix(`/`)",
                       "service": "one", "tls": {}},
        }
        one = site(routers=routers, backend=backend,
                   static=merge({"api": {}, "log": {"level": "DEBUG"}, "weir": {"workers": 1}},
                                static))
        one.counters = lambda: json.loads(wire.fetch(one.ports["web"], "/api/counters").body)
        return one
    return start


def expect_spliced(one, least, handovers=1):
    """So much was spliced, on so many connections, and no thread of the kernel's helped."""
    counters = one.counters()
    assert counters["ktls_handovers"] == handovers, counters
    assert counters["ktls_refusals"] == 0, counters
    assert counters["bytes_spliced"] >= least, counters
    names = [name for name in one.thread_names() if name.startswith("iou-wrk")]
    assert not names


def connect(one, context, timeout=None, **options):
    """A connection that notices an end without close_notify."""
    made = wire.Connection(one.ports["websecure"], timeout=timeout or 2 * WAIT)
    for name, value in options.items():
        made.socket.setsockopt(socket.SOL_SOCKET, getattr(socket, name), value)
    made.socket = context.wrap_socket(made.socket, server_hostname="a.test",
                                      suppress_ragged_eofs=False)
    return made


def digest_of(file):
    """Size and digest of what is left of a file."""
    digest, size = hashlib.sha256(), 0
    while data := file.read(1 << 20):
        digest.update(data)
        size += len(data)
    return size, digest.hexdigest()


# ---- every cipher, from curl and openssl ----

def curl(one, ca, *arguments, path="/big"):
    port = one.ports["websecure"]
    return ["curl", "-sS", "--http1.1", "--fail", "--max-time", str(4 * WAIT), "--cacert", ca,
            "--resolve", f"a.test:{port}:127.0.0.1", *arguments, f"https://a.test:{port}{path}"]


def cipher_arguments(version, cipher):
    if version == "1.3":
        return ["--tlsv1.3", "--tls13-ciphers", cipher]
    return ["--tlsv1.2", "--tls-max", "1.2", "--ciphers", cipher]


def fetch_by_curl(one, ca, version, cipher, path):
    command = curl(one, ca, *cipher_arguments(version, cipher), "-o", path)
    assert subprocess.run(command, check=False).returncode == 0
    with open(path, "rb") as file:
        return digest_of(file)


def s_client(one, ca, *arguments, stdout=subprocess.PIPE):
    return subprocess.Popen(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{one.ports['websecure']}", "-servername",
         "a.test", "-CAfile", ca, "-verify_return_error", "-read_buf", "262144", *arguments],
        stdin=subprocess.PIPE, stdout=stdout, stderr=subprocess.PIPE, bufsize=0)


def fetch_by_openssl(one, ca, version, cipher, path):
    which = ["-tls1_3", "-ciphersuites"] if version == "1.3" else ["-tls1_2", "-cipher"]
    with open(path, "wb") as file, s_client(one, ca, "-quiet", *which, cipher,
                                            stdout=file) as process:
        process.stdin.write(b"GET /big HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n")
        process.wait(4 * WAIT)
    with open(path, "rb") as file:
        assert file.readline() == b"HTTP/1.1 200 OK\r\n"
        while file.readline() != b"\r\n":
            pass
        return digest_of(file)


@pytest.mark.parametrize("fetch", [fetch_by_curl, fetch_by_openssl])
@pytest.mark.parametrize("version,cipher", CIPHERS)
def test_a_hundred_megabytes_are_spliced_whole(edge, nginx, big_file, authority_file, tmp_path,
                                               fetch, version, cipher):
    server = nginx()
    (tmp_path / "nginx0" / "www" / "big").symlink_to(big_file)
    one = edge(server)
    got = fetch(one, authority_file, version, cipher, tmp_path / "got")
    assert got == (HUNDRED, backends.known_digest(HUNDRED))
    expect_spliced(one, HUNDRED - LEAST)
    (tmp_path / "got").unlink()


# ---- what goes on before and after ----

def test_weir_says_at_its_start_that_the_kernel_seals(edge):
    assert edge().log.find("kernel TLS is used for long responses")


def test_both_connections_go_on_after_a_spliced_body(edge, trust):
    one = edge()
    with connect(one, trust) as client:
        for path, body in (("/status/200", b"status\n"),
                           (f"/bytes/{LONG}", backends.known_bytes(LONG)),
                           ("/status/404", b"status\n"),
                           ("/bytes/70000", backends.known_bytes(70000)),
                           (f"/bytes/{LONG + 1}", backends.known_bytes(LONG + 1)),
                           ("/chunked", b"onetwo and" + b"x" * 5000)):
            assert client.request(path).body == body, path
    assert one.backend.connections == 1
    expect_spliced(one, 2 * (LONG - LEAST))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_the_last_byte_and_close_notify_come_to_a_client_that_is_slow(edge, authority, version):
    one = edge()
    context = wire.trusting(authority, minimum=version, maximum=version)
    with connect(one, context, SO_RCVBUF=65536) as client:
        answer = client.request(f"/bytes/{LEAST}", headers=[("Connection", "close")])
        assert answer.body == backends.known_bytes(LEAST)
        assert client.read_rest() == b""  # raises without close_notify
    expect_spliced(one, 1)


def test_a_client_may_take_its_time(edge, authority_file, run):
    one = edge()
    answer = run(*curl(one, authority_file, "--limit-rate", "8M", "-o", "/dev/null", "-w",
                       "%{size_download}", path=f"/bytes/{LONG}"))
    assert answer.stdout == str(LONG), answer
    expect_spliced(one, LONG - LEAST)


def test_a_body_until_the_close_ends_with_close_notify(edge, http_backend, trust):
    async def respond(_request, _reader, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        for _ in range(LONG // len(backends.BLOCK)):
            writer.write(backends.BLOCK)
            await writer.drain()
        return False
    one = edge(http_backend(respond=respond))
    with connect(one, trust) as client:
        client.send("GET / HTTP/1.0\r\nHost: a.test\r\n\r\n")
        assert client.read_response().body == backends.known_bytes(LONG)
    expect_spliced(one, LONG // 2)


def test_short_bodies_and_chunks_stay_in_user_space(edge, trust):
    one = edge()
    with connect(one, trust) as client:
        assert client.request(f"/bytes/{LEAST - 1}").body == backends.known_bytes(LEAST - 1)
        assert client.request("/chunked").chunked
    assert one.counters()["ktls_handovers"] == 0


def test_off_is_off(edge, trust):
    one = edge(static={"weir": {"tls": {"ktls": "off"}}})
    with connect(one, trust) as client:
        assert client.request(f"/bytes/{LONG}").body == backends.known_bytes(LONG)
    assert one.log.find("kernel TLS is not used")
    counters = one.counters()
    assert (counters["ktls_handovers"], counters["bytes_spliced"]) == (0, 0)


def test_what_the_kernel_refuses_is_copied_and_not_tried_again(edge, authority, run):
    removed = run("modprobe", "-d", "/run/modules", "-r", "chacha20poly1305")
    assert removed.returncode == 0, removed
    try:
        one = edge()
        context = wire.trusting(authority, maximum=ssl.TLSVersion.TLSv1_2)
        context.set_ciphers("ECDHE-ECDSA-CHACHA20-POLY1305")
        with connect(one, context) as client:
            for _ in range(2):
                assert client.request(f"/bytes/{LONG}").body == backends.known_bytes(LONG)
        counters = one.counters()
        assert (counters["ktls_handovers"], counters["ktls_refusals"]) == (0, 1)
        assert counters["bytes_spliced"] == 0
        assert one.backend.connections == 1
    finally:
        run("modprobe", "-d", "/run/modules", "chacha20poly1305")


# ---- new keys, from a client in the middle of a body ----

@pytest.fixture
def halved(http_backend, loop):
    """A backend that sends half of LONG bytes, and the rest when `go_on` is called."""
    event = loop.run(_make_event())

    async def respond(request, _reader, writer):
        if request.target != "/halved":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nsmall")
            return True
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % LONG)
        writer.write(backends.known_bytes(LONG)[:LONG // 2])
        await event.wait()
        writer.write(backends.known_bytes(LONG)[LONG // 2:])
        return True

    backend = http_backend(respond=respond)
    backend.go_on = lambda: loop.loop.call_soon_threadsafe(event.set)
    return backend


async def _make_event():
    return asyncio.Event()


class Commanded:
    """openssl s_client, which takes single letters as commands."""

    def __init__(self, process):
        self.process, self.buffer = process, b""

    def fill(self):
        ready, _, _ = select.select([self.process.stdout], [], [], WAIT)
        assert ready, "openssl says nothing"
        data = os.read(self.process.stdout.fileno(), 1 << 20)
        self.buffer += data
        return bool(data)

    def read_until(self, mark):
        while mark not in self.buffer:
            assert self.fill(), f"no {mark} in {self.buffer[-200:]}"
        before, self.buffer = self.buffer.split(mark, 1)
        return before

    def read_exactly(self, count):
        while len(self.buffer) < count:
            assert self.fill(), f"{len(self.buffer)} of {count} bytes"
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def ask(self, path):
        self.process.stdin.write(f"GET {path} HTTP/1.1\r\nHost: a.test\r\n\r\n".encode())
        self.read_until(b"HTTP/1.1 200 OK\r\n")
        self.read_until(b"\r\n\r\n")

    def command(self, letter):
        self.process.stdin.write(f"{letter}\n".encode())
        while b"KEYUPDATE" not in (line := self.process.stderr.readline()):
            assert line, "no KEYUPDATE"


def ask_for_keys(one, ca, letter, use):
    with s_client(one, ca, "-tls1_3") as process:
        try:
            client = Commanded(process)
            client.ask("/halved")
            assert client.read_exactly(LONG // 2) == backends.known_bytes(LONG)[:LONG // 2]
            client.command(letter)
            use(client)
        finally:
            process.kill()


def test_a_client_may_change_its_keys_within_a_body(edge, halved, authority_file):
    one = edge(halved)

    def use(client):
        halved.go_on()
        assert client.read_exactly(LONG // 2) == backends.known_bytes(LONG)[LONG // 2:]
        client.ask("/small")  # which Weir reads with the new keys
        assert client.read_exactly(5) == b"small"
    ask_for_keys(one, authority_file, "k", use)
    expect_spliced(one, LONG - LEAST)


def test_a_client_that_asks_for_our_new_keys_is_told_no_more(edge, halved, authority_file):
    one = edge(halved)

    def use(client):
        one.log.wait("asks for new keys, which kernel TLS cannot change")
        halved.go_on()
        while client.fill():
            pass
        assert backends.BLOCK[:64] not in client.buffer  # but for words of openssl's own
    ask_for_keys(one, authority_file, "K", use)


# ---- somebody is gone ----

def test_a_client_that_goes_within_a_body_leaves_nothing_behind(edge, trust):
    one = edge()
    for _ in range(3):
        client = connect(one, trust)
        client.send(f"GET /bytes/{HUNDRED} HTTP/1.1\r\nHost: a.test\r\n\r\n")
        client.read_exactly(LEAST)
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
    # The counters' own connection is one of those that are open.
    eventually(lambda: one.counters()["connections_open"] == 1, "the connections are closed")
    eventually(lambda: not one.backend.open, "the backend's too")
    expect_spliced(one, 1, handovers=3)
    with connect(one, trust) as client:
        assert client.request("/status/200").body == b"status\n"


@pytest.mark.parametrize("how", ["closes", "resets"])
def test_a_client_notices_that_the_backend_has_gone_within_the_body(edge, http_backend, trust, how):
    async def respond(_request, _reader, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % LONG)
        writer.write(backends.known_bytes(LONG // 2))
        await writer.drain()
        if how == "resets":
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                                       b"\1\0\0\0\0\0\0\0")
        return False
    one = edge(http_backend(respond=respond))
    with connect(one, trust) as client:
        client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
        with pytest.raises(wire.Closed) as closed:
            client.read_response()
    got = closed.value.args[0]
    assert backends.known_bytes(LONG // 2).startswith(got)
    assert how == "resets" or len(got) == LONG // 2
    expect_spliced(one, 1)


# ---- TCP routers that end TLS ----

@pytest.fixture
def tunnel(edge, weir, tcp_backend, authority):
    def start(handle):
        backend = tcp_backend(handle)
        one = weir(entries={"web": {}, "websecure": {}}, static={"api": {},
                                                                 "weir": {"workers": 1}}, dynamic={
            "http": {"routers": {"api": {"entryPoints": ["web"], "rule": "PathPrefix(`/api`)",
                                         "service": "api@internal"}}},
            "tcp": {"routers": {"r": {"entryPoints": ["websecure"], "rule": "HostSNI(`a.test`)",
                                      "service": "s", "tls": {}}},
                    "services": {"s": backends.tcp_service(backend)}},
            "tls": {"certificates": [authority.issue("a.test").inline]}})
        one.counters = lambda: json.loads(wire.fetch(one.ports["web"], "/api/counters").body)
        return one
    return start


def test_a_tcp_router_splices_what_the_server_streams(tunnel, trust):
    one = tunnel(backends.source(LONG))
    with connect(one, trust) as client:
        assert client.read_rest() == backends.known_bytes(LONG)
    expect_spliced(one, LONG // 2)


def test_a_tcp_router_goes_on_both_ways_while_it_splices(tunnel, trust):
    async def handle(reader, writer):
        while word := await reader.readline():
            writer.write(backends.known_bytes(int(word)))
            await writer.drain()
    one = tunnel(handle)
    with connect(one, trust) as client:
        for size in (10, LONG, 20, LONG, 30):
            client.send(f"{size}\n")
            assert client.read_exactly(size) == backends.known_bytes(size)
    expect_spliced(one, LONG)


def test_an_upgraded_connection_is_spliced_too(edge, trust):
    one = edge()
    text = backends.known_bytes(LEAST)
    with connect(one, trust) as client:
        client.send("GET /upgrade HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\n"
                    "Upgrade: echo\r\n\r\n")
        assert client.read_response().status == 101
        for _ in range(3):
            for at in range(0, len(text), 65536):
                client.send(text[at:at + 65536])
                assert client.read_exactly(65536) == text[at:at + 65536]
    expect_spliced(one, LEAST)
