# SPDX-License-Identifier: GPL-3.0-or-later
"""A hand-driven HTTP/2 client: it sends whatever frames a test wants, legal or not.

What goes out is put together here byte by byte and never checked. What comes back is parsed by
hyperframe and hpack, which refuse what is malformed. Unless a test says `quiet`, SETTINGS and PING
are acknowledged and the credit for received DATA is given back at once.

    with http2.Client(port, context) as client:         # context=None: h2c by prior knowledge
        client.headers(1, http2.get("/"), end=True)
        stream = client.answer(1)                        # .status .headers .body .trailers
        client.frame(http2.DATA, stream=0)
        client.expect_connection_error(http2.PROTOCOL_ERROR)
"""

import socket
import ssl
import struct

import hpack
from hyperframe import frame as hyper

import wire
from server import WAIT

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

# Frame types, RFC 9113 §6, and PRIORITY_UPDATE of RFC 9218.
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, \
    CONTINUATION = range(10)
PRIORITY_UPDATE = 0x10

END_STREAM, ACK, END_HEADERS, PADDED, WITH_PRIORITY = 0x1, 0x1, 0x4, 0x8, 0x20

# Settings, §6.5.2 and RFC 8441 §3.
HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE, \
    MAX_HEADER_LIST_SIZE = range(1, 7)
ENABLE_CONNECT_PROTOCOL = 8

# Error codes, §7.
NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR, SETTINGS_TIMEOUT, STREAM_CLOSED, \
    FRAME_SIZE_ERROR, REFUSED_STREAM, CANCEL, COMPRESSION_ERROR, CONNECT_ERROR, \
    ENHANCE_YOUR_CALM, INADEQUATE_SECURITY, HTTP_1_1_REQUIRED = range(14)

DEFAULT_WINDOW = 65535
MAX_WINDOW = (1 << 31) - 1


# ---- bytes out ----

def pack(kind, flags=0, stream=0, payload=b"", length=None):
    """One frame; `length` lies about the payload's when given."""
    length = len(payload) if length is None else length
    return struct.pack(">I", length)[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def pack_settings(*pairs):
    return b"".join(struct.pack(">HI", key, value) for key, value in pairs)


def as_bytes(text):
    return text if isinstance(text, bytes) else text.encode("latin-1")


def _integer(value, prefix_bits, first=0):
    """RFC 7541 §5.1."""
    limit = (1 << prefix_bits) - 1
    if value < limit:
        return bytes([first | value])
    out, value = [first | limit], value - limit
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def literal_block(fields):
    """A field block of literals that touch no table, with any bytes in names and values."""
    parts = []
    for name, value in fields:
        name, value = as_bytes(name), as_bytes(value)
        parts.append(b"\0" + _integer(len(name), 7) + name + _integer(len(value), 7) + value)
    return b"".join(parts)


def request(method="GET", path="/", authority="a.test", scheme="https", extra=()):
    """The fields of a request; None leaves a pseudo-field out."""
    pseudo = [(":method", method), (":scheme", scheme), (":authority", authority), (":path", path)]
    return [(name, value) for name, value in pseudo if value is not None] + list(extra)


def get(path="/", **arguments):
    return request("GET", path, **arguments)


def post(path="/", **arguments):
    return request("POST", path, **arguments)


# ---- what comes back ----

class Stream:
    """What the server has said on one stream."""

    def __init__(self, number):
        self.number = number
        self.informational = []     # lists of fields
        self.headers = None         # of the final response, without :status
        self.status = None
        self.trailers = None
        self.body = b""
        self.ended = False          # by END_STREAM
        self.reset = None           # the code of RST_STREAM
        self.window = DEFAULT_WINDOW

    @property
    def over(self):
        return self.ended or self.reset is not None

    def all(self, name):
        return [value for key, value in self.headers or () if key == name]

    def get(self, name, default=None):
        values = self.all(name)
        assert len(values) < 2, f"{name} occurs {len(values)} times: {values}"
        return values[0] if values else default

    def took_fields(self, fields):
        assert not self.ended, "fields after END_STREAM"
        if self.status is not None:
            assert self.trailers is None, "two trailer sections"
            assert not any(name.startswith(":") for name, _ in fields), fields
            self.trailers = fields
            return
        assert fields and fields[0][0] == ":status", f"no :status in front: {fields}"
        assert not any(name.startswith(":") for name, _ in fields[1:]), fields
        status = int(fields[0][1])
        if status < 200:
            self.informational.append(fields)
        else:
            self.status, self.headers = status, fields[1:]

    def __repr__(self):
        return (f"<stream {self.number} status={self.status} body={self.body[:80]!r} "
                f"ended={self.ended} reset={self.reset}>")


class Closed(Exception):
    """The server closed the connection before what was waited for."""


def secure(*authorities, protocols=("h2",), **versions):
    """A TLS context that trusts these authorities and offers h2."""
    context = wire.trusting(*authorities, **versions)
    context.set_alpn_protocols(list(protocols))
    return context


class Client:
    """One connection. `settings` are pairs for the own first SETTINGS frame; start=False leaves
    preface and SETTINGS to the test; quiet=True answers nothing by itself."""

    def __init__(self, port, context=None, name="a.test", settings=(), start=True, quiet=False,
                 host="127.0.0.1", timeout=None):
        self.socket = socket.create_connection((host, port), timeout or WAIT)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context is not None:
            self.socket = context.wrap_socket(self.socket, server_hostname=name)
            assert self.socket.selected_alpn_protocol() == "h2", "the server did not choose h2"
        self.quiet = quiet
        self.buffer = b""
        self.encoder, self.decoder = hpack.Encoder(), hpack.Decoder()
        self.frames = []            # all that came, as hyperframe's objects
        self.streams = {}
        self.settings = {}          # the server's
        self.settings_acks = self.pongs = 0
        self.goaway = None          # the server's last GOAWAY frame
        self.closed = False
        self.window = DEFAULT_WINDOW
        self.frame_limit = 16384
        self._block = None          # [stream, bytes, ends it] until END_HEADERS
        self._next = 1
        if start:
            self.start(settings)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    # ---- out ----

    def send(self, data):
        """Raw bytes; a server that has hung up is noticed when reading."""
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
            pass

    def start(self, settings=()):
        for key, value in settings:
            if key == HEADER_TABLE_SIZE:
                self.decoder.max_allowed_table_size = value
            elif key == MAX_FRAME_SIZE:
                self.frame_limit = value
        self.send(PREFACE + pack(SETTINGS, payload=pack_settings(*settings)))

    def frame(self, kind, flags=0, stream=0, payload=b"", length=None):
        self.send(pack(kind, flags, stream, payload, length))

    def block(self, fields):
        """Compressed with the connection's tables. Names keep their case."""
        return self.encoder.encode([(as_bytes(name), as_bytes(value)) for name, value in fields])

    def pack_headers(self, stream, fields, end=True, literal=False):
        """HEADERS, and CONTINUATION where one frame is too small."""
        block = literal_block(fields) if literal else self.block(fields)
        pieces = [block[at:at + 16384] for at in range(0, len(block), 16384)] or [b""]
        parts = []
        for index, piece in enumerate(pieces):
            flags = END_HEADERS if index == len(pieces) - 1 else 0
            if index == 0:
                parts.append(pack(HEADERS, flags | (END_STREAM if end else 0), stream, piece))
            else:
                parts.append(pack(CONTINUATION, flags, stream, piece))
        return b"".join(parts)

    def headers(self, stream, fields, end=True, literal=False):
        self.send(self.pack_headers(stream, fields, end, literal))

    def data(self, stream, payload=b"", end=False):
        self.frame(DATA, END_STREAM if end else 0, stream, payload)

    def body(self, stream, payload, end=True):
        """DATA within the windows and the frame size that the server gave."""
        one = self.stream(stream)
        while payload and not one.over:
            limit = min(one.window, self.window, self.settings.get(MAX_FRAME_SIZE, 16384))
            if limit <= 0:
                self.read_frame()
                continue
            piece, payload = payload[:limit], payload[limit:]
            one.window -= len(piece)
            self.window -= len(piece)
            self.data(stream, piece, end and not payload)

    def settings_frame(self, *pairs, flags=0):
        self.frame(SETTINGS, flags, 0, pack_settings(*pairs))

    def window_update(self, stream, increment):
        self.frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", increment))

    def reset(self, stream, code=CANCEL):
        self.frame(RST_STREAM, 0, stream, struct.pack(">I", code))

    def ping(self, payload=b"8 octets"):
        self.frame(PING, 0, 0, payload)

    # ---- in ----

    def stream(self, number):
        if number not in self.streams:
            self.streams[number] = Stream(number)
            self.streams[number].window = self.settings.get(INITIAL_WINDOW_SIZE, DEFAULT_WINDOW)
        return self.streams[number]

    def _read(self, count):
        while len(self.buffer) < count:
            try:
                data = self.socket.recv(65536)
            except (ConnectionResetError, ssl.SSLError):
                data = b""
            if not data:
                self.closed = True
                raise Closed(f"closed; GOAWAY: {self.goaway}; streams: {self.streams}")
            self.buffer += data
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def read_frame(self):
        """The next frame, after taking it in; Closed at the end of the connection."""
        frame, length = hyper.Frame.parse_frame_header(memoryview(self._read(9)))
        assert length <= self.frame_limit, f"a frame of {length} bytes, against our SETTINGS"
        frame.parse_body(memoryview(self._read(length)))
        self.frames.append(frame)
        assert self._block is None or isinstance(frame, hyper.ContinuationFrame), frame
        handler = getattr(self, "_on_" + type(frame).__name__, None)
        if handler is not None:
            handler(frame)
        return frame

    def wait(self, condition):
        """Reads until condition() holds."""
        while not condition():
            self.read_frame()

    def settled(self):
        """Until the server's SETTINGS are here and ours acknowledged."""
        self.wait(lambda: self.settings_acks > 0 and
                  any(isinstance(one, hyper.SettingsFrame) and "ACK" not in one.flags
                      for one in self.frames))
        return self

    def answer(self, number):
        """The stream, when it is over or the connection is."""
        one = self.stream(number)
        self.wait(lambda: one.over)
        return one

    def request(self, fields, body=None):
        """A whole exchange on the next stream."""
        number, self._next = self._next, self._next + 2
        self.headers(number, fields, end=body is None)
        if body is not None:
            self.body(number, body)
            if not body:
                self.data(number, end=True)
        return self.answer(number)

    def roundtrip(self):
        """Until a PING of now is answered: what was sent before it has been dealt with."""
        before = self.pongs
        self.ping()
        self.wait(lambda: self.pongs > before)

    def read_to_end(self):
        """Takes in what comes until the server closes."""
        try:
            while True:
                self.read_frame()
        except Closed:
            return

    def expect_connection_error(self, *codes):
        """GOAWAY with one of the codes, then the end of the connection."""
        self.read_to_end()
        assert self.goaway is not None, f"closed without GOAWAY; streams: {self.streams}"
        assert self.goaway.error_code in codes, self.goaway
        return self.goaway

    def expect_stream_error(self, number, *codes):
        """RST_STREAM with one of the codes; the connection goes on."""
        one = self.stream(number)
        self.wait(lambda: one.reset is not None)
        assert one.reset in codes, f"RST_STREAM with {one.reset}, expected {codes}"
        assert self.goaway is None, self.goaway
        return one

    # ---- taking in ----

    def _on_SettingsFrame(self, frame):
        if "ACK" in frame.flags:
            self.settings_acks += 1
            return
        before = self.settings.get(INITIAL_WINDOW_SIZE, DEFAULT_WINDOW)
        self.settings.update(frame.settings)
        change = self.settings.get(INITIAL_WINDOW_SIZE, DEFAULT_WINDOW) - before
        for one in self.streams.values():
            one.window += change
        if HEADER_TABLE_SIZE in frame.settings:
            self.encoder.header_table_size = min(frame.settings[HEADER_TABLE_SIZE], 4096)
        if not self.quiet:
            self.settings_frame(flags=ACK)

    def _on_PingFrame(self, frame):
        if "ACK" in frame.flags:
            self.pongs += 1
        elif not self.quiet:
            self.frame(PING, ACK, 0, frame.opaque_data)

    def _on_GoAwayFrame(self, frame):
        self.goaway = frame

    def _on_WindowUpdateFrame(self, frame):
        if frame.stream_id == 0:
            self.window += frame.window_increment
        else:
            self.stream(frame.stream_id).window += frame.window_increment

    def _on_RstStreamFrame(self, frame):
        self.stream(frame.stream_id).reset = frame.error_code

    def _on_DataFrame(self, frame):
        one = self.stream(frame.stream_id)
        assert one.status is not None and not one.over, f"DATA at a bad time: {one}"
        one.body += frame.data
        one.ended = "END_STREAM" in frame.flags
        if frame.flow_controlled_length > 0 and not self.quiet:
            self.window_update(0, frame.flow_controlled_length)
            if not one.ended:
                self.window_update(frame.stream_id, frame.flow_controlled_length)

    def _on_HeadersFrame(self, frame):
        self._block = [frame.stream_id, frame.data, "END_STREAM" in frame.flags]
        self._block_ends(frame)

    def _on_ContinuationFrame(self, frame):
        assert self._block is not None and self._block[0] == frame.stream_id, frame
        self._block[1] += frame.data
        self._block_ends(frame)

    def _block_ends(self, frame):
        if "END_HEADERS" not in frame.flags:
            return
        (number, block, ends), self._block = self._block, None
        fields = [(name.decode("latin-1"), value.decode("latin-1"))
                  for name, value in self.decoder.decode(block, raw=True)]
        for name, _ in fields:
            assert name == name.lower(), f"a name in upper case: {name}"
        one = self.stream(number)
        one.took_fields(fields)
        one.ended = ends

    def _on_PushPromiseFrame(self, frame):
        raise AssertionError(f"the server pushes: {frame}")
