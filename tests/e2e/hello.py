# SPDX-License-Identifier: GPL-3.0-or-later
"""ClientHellos made by hand, with whatever a well-behaved client would not send, and what comes
back, taken apart."""

import os
import struct

from cryptography.hazmat.primitives.asymmetric import x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

HANDSHAKE, ALERT, CHANGE_CIPHER_SPEC, DATA, HEARTBEAT = 22, 21, 20, 23, 24
SUITES = (0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xcca9, 0xcca8, 0xc02c, 0xc030)
GREASE = tuple(0x0a0a + 0x1010 * i for i in range(16))
RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
PRE_SHARED_KEY = 41  # a kind of extension


def vector(size, data):
    return len(data).to_bytes(size, "big") + data


def words(*values):
    return b"".join(struct.pack("!H", value) for value in values)


def extension(kind, data):
    return words(kind) + vector(2, data)


def server_name(name):
    return extension(0, vector(2, b"\0" + vector(2, name.encode())))


def groups(*values):
    return extension(10, vector(2, words(*values)))


def schemes(*values):
    return extension(13, vector(2, words(*values)))


def alpn(*names):
    return extension(16, vector(2, b"".join(vector(1, name) for name in names)))


def versions(*values):
    return extension(43, vector(1, words(*values)))


def key_share(*shares):
    return extension(51, vector(2, b"".join(words(group) + vector(2, key)
                                            for group, key in shares)))


def tickets(identities, binder=b"b" * 32):
    offered = b"".join(vector(2, one) + b"\0\0\0\1" for one in identities)
    binders = b"".join(vector(1, binder) for _ in identities)
    return extension(PRE_SHARED_KEY, vector(2, offered) + vector(2, binders))


PSK_MODES = extension(45, b"\1\1")
EARLY_DATA = extension(42, b"")
FORMATS = extension(11, b"\1\0")
SCHEMES = schemes(0x0403, 0x0804, 0x0503, 0x0805, 0x0401)


def x25519_share():
    key = x25519.X25519PrivateKey.generate().public_key()
    return 0x001d, key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def usual(name="a.test"):
    """The extensions of a client of TLS 1.3 that can do 1.2 as well."""
    return [server_name(name), groups(0x001d, 0x0017), SCHEMES, versions(0x0304, 0x0303),
            key_share(x25519_share())]


def old(name="a.test"):
    """Those of a client of TLS 1.2."""
    return [server_name(name), groups(0x001d, 0x0017), FORMATS, SCHEMES]


def client_hello(extensions=None, suites=SUITES, version=0x0303, compression=b"\0",
                 session=b"s" * 32):
    """The handshake message. extensions None: the field is not there at all."""
    body = (words(version) + os.urandom(32) + vector(1, session) + vector(2, words(*suites)) +
            vector(1, compression))
    if extensions is not None:
        body += vector(2, b"".join(extensions))
    return b"\1" + vector(3, body)


def record(data, kind=HANDSHAKE, version=0x0301):
    return struct.pack("!BH", kind, version) + vector(2, data)


def records(message, size):
    return b"".join(record(message[at:at + size]) for at in range(0, len(message), size))


def take_record(connection):
    """(type, payload) of the next record; None at the end."""
    try:
        head = connection.read_exactly(5)
        return head[0], connection.read_exactly(int.from_bytes(head[3:5], "big"))
    except (ConnectionResetError, EOFError):
        return None


def is_server_hello(answer):
    return answer is not None and answer[0] == HANDSHAKE and answer[1][0] == 2


def server_extensions(answer):
    """The kinds of extensions of a ServerHello (RFC 8446 section 4.1.3)."""
    message = answer[1]
    at = 4 + 2 + 32
    at += 1 + message[at] + 2 + 1 + 2  # session, suite, compression, length of the extensions
    kinds = []
    while at < len(message):
        kind, size = struct.unpack_from("!HH", message, at)
        kinds.append(kind)
        at += 4 + size
    assert at == len(message)
    return kinds


def is_retry(answer):
    return is_server_hello(answer) and answer[1][6:38] == RETRY


def alert_of(answer):
    """The description of a fatal alert, or None."""
    if answer is None or answer[0] != ALERT or len(answer[1]) != 2 or answer[1][0] != 2:
        return None
    return answer[1][1]
