# SPDX-License-Identifier: GPL-3.0-or-later
"""A client that shows the bytes: HTTP/1 over a socket, strictly parsed, nothing repaired."""

import re
import socket
import ssl

from server import WAIT


class Response:
    def __init__(self, status, reason, version, headers):
        self.status, self.reason, self.version = status, reason, version
        self.headers = headers
        self.body = b""
        self.trailers = []
        self.chunked = False

    def all(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def get(self, name, default=None):
        values = self.all(name)
        assert len(values) < 2, f"{name} occurs {len(values)} times: {values}"
        return values[0] if values else default


class Closed(Exception):
    """The peer closed before the response was complete."""


class Connection:
    def __init__(self, port, context=None, name=None, host="127.0.0.1", timeout=None, source="",
                 first=b""):
        """From the address `source`; `first` goes before TLS."""
        self.socket = socket.create_connection((host, port), timeout or WAIT, (source, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.name = self.socket.getsockname()
        self.socket.sendall(first)
        if context is not None:
            self.socket = context.wrap_socket(self.socket, server_hostname=name)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode("latin-1"))

    def end(self):
        self.socket.shutdown(socket.SHUT_WR)

    def _fill(self):
        data = self.socket.recv(65536)
        self.buffer += data
        return bool(data)

    def read_until(self, mark):
        while mark not in self.buffer:
            if not self._fill():
                raise Closed(self.buffer)
        head, self.buffer = self.buffer.split(mark, 1)
        return head

    def read_exactly(self, count):
        parts, have = [self.buffer], len(self.buffer)
        while have < count:
            data = self.socket.recv(min(1 << 20, count - have + 65536))
            if not data:
                raise Closed(b"".join(parts))
            parts.append(data)
            have += len(data)
        data = b"".join(parts)
        self.buffer = data[count:]
        return data[:count]

    def read_rest(self):
        """Until the peer closes in order. A reset is an error."""
        parts, self.buffer = [self.buffer], b""
        while data := self.socket.recv(65536):
            parts.append(data)
        return b"".join(parts)

    def is_closed(self):
        """Waits for the end: True when nothing more came before it (a reset counts)."""
        try:
            return self.read_rest() == b""
        except (ConnectionResetError, ssl.SSLError):
            return True

    def _read_head(self):
        lines = self.read_until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        match = re.fullmatch(r"(HTTP/1\.[01]) (\d{3}) ?([^\r\n]*)", lines[0])
        assert match, f"bad status line {lines[0]!r}"
        headers = []
        for line in lines[1:]:
            field = re.fullmatch(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?(.*)", line)
            assert field, f"bad field {line!r}"
            headers.append((field[1], field[2]))
        return Response(int(match[2]), match[3], match[1], headers)

    def _read_chunked(self, response):
        parts = []
        while True:
            line = self.read_until(b"\r\n")
            assert re.fullmatch(rb"[0-9a-fA-F]+", line), f"bad chunk size {line!r}"
            size = int(line, 16)
            if size == 0:
                break
            parts.append(self.read_exactly(size))
            assert self.read_exactly(2) == b"\r\n"
        while True:
            line = self.read_until(b"\r\n").decode("latin-1")
            if not line:
                break
            name, value = line.split(":", 1)
            response.trailers.append((name, value.strip()))
        return b"".join(parts)

    def read_response(self, method="GET", informational=None):
        """The next final response; 1xx go to the list `informational` (101 is final)."""
        while True:
            response = self._read_head()
            if response.status >= 200 or response.status == 101:
                break
            assert informational is not None, f"unexpected {response.status}"
            informational.append(response)
        length = response.get("Content-Length")
        encoding = response.get("Transfer-Encoding")
        if method == "HEAD" or response.status in (101, 204, 304):
            return response
        if encoding is not None:
            assert encoding == "chunked" and length is None
            response.chunked = True
            response.body = self._read_chunked(response)
        elif length is not None:
            response.body = self.read_exactly(int(length))
        else:
            response.body = self.read_rest()
        return response

    def request(self, target="/", method="GET", host="a.test", headers=(), body=None):
        lines = [f"{method} {target} HTTP/1.1", f"Host: {host}"]
        lines += [f"{name}: {value}" for name, value in headers]
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        self.send("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (body or b""))
        return self.read_response(method)


def fetch(port, target="/", context=None, name=None, **arguments):
    """One request on a connection of its own."""
    with Connection(port, context, name) as connection:
        return connection.request(target, **arguments)


def exchange(port, data, context=None, name=None):
    """Sends raw bytes, then everything that comes back until the peer closes."""
    with Connection(port, context, name) as connection:
        connection.send(data)
        return connection.read_rest()


def trusting(*authorities, name_check=True, **versions):
    """A TLS context that trusts only these; with minimum= and maximum= versions."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for authority in authorities:
        context.load_verify_locations(cadata=authority.pem)
    if not authorities:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if not name_check:
        context.check_hostname = False
    if "minimum" in versions:
        context.minimum_version = versions["minimum"]
    if "maximum" in versions:
        context.maximum_version = versions["maximum"]
    return context
