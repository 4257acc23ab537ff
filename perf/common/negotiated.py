# SPDX-License-Identifier: GPL-3.0-or-later
"""Before a server is measured: does it speak what all shall speak, and send what the backend sent?
The group is known from the load itself: perf/client offers only one."""

import hashlib
import re
import socket
import ssl
import subprocess

from common import certificates

SUITE = "TLS_AES_128_GCM_SHA256"
TIMEOUT_S = 20


def _context():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _fetch(port, path):
    with socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as plain:
        with _context().wrap_socket(plain, server_hostname=certificates.NAME) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {certificates.NAME}\r\n"
                               "Connection: close\r\n\r\n".encode())
            facts = {"version": connection.version(), "suite": connection.cipher()[0]}
            answer = b""
            while b"\r\n\r\n" not in answer:
                answer += _more(connection, answer)
            head, _, body = answer.partition(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: *(\d+)", head)
            while length is None or len(body) < int(length[1]):
                body += _more(connection, answer)
            return facts, head, body


def protocol(server, offered):
    """What the server chooses of the protocols that a client offers by ALPN."""
    context = _context()
    context.set_alpn_protocols(offered)
    with socket.create_connection(("127.0.0.1", server.port), TIMEOUT_S) as plain:
        with context.wrap_socket(plain, server_hostname=certificates.NAME) as connection:
            return connection.selected_alpn_protocol()


def _more(connection, so_far):
    data = connection.recv(65536)
    if not data:
        raise SystemExit(f"the answer ends too early: {so_far[:200]!r}")
    return data


def _session_facts(port):
    """Group and tickets, which Python's ssl does not tell."""
    text = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername",
         certificates.NAME, "-ign_eof"], check=False, capture_output=True, text=True,
        input=f"GET / HTTP/1.1\r\nHost: {certificates.NAME}\r\nConnection: close\r\n\r\n",
        timeout=TIMEOUT_S).stdout
    # As OpenSSL 3.0 says it, and as 3.5 does.
    group = re.search(r"(?:Temp Key|Negotiated TLS1.3 group): (\w+)", text)
    key = re.search(r"Peer signature type: (ecdsa|rsa)", text, re.I)
    return {"group": group[1].upper() if group else "unknown",
            "signature": key[1].lower() if key else "unknown",
            "tickets": text.count("Post-Handshake New Session Ticket arrived")}


def check(server, path, content, cert, group="X25519"):
    """What was agreed (group None: any); ends the run if it is not what the comparison rests on."""
    facts, head, body = _fetch(server.port, path)
    facts.update(_session_facts(server.port))
    wrong = []
    if not head.startswith(b"HTTP/1.1 200 "):
        wrong.append(f"answered {head[:80]!r}")
    if body != content:
        wrong.append(f"{len(body)} bytes came of {len(content)}, sha256 "
                     f"{hashlib.sha256(body).hexdigest()[:16]}")
    for key, expected in (("version", "TLSv1.3"), ("suite", SUITE), ("group", group),
                          ("tickets", 1), ("signature", cert)):
        if expected is not None and facts[key] != expected:
            wrong.append(f"{key} is {facts[key]}, not {expected}")
    if wrong:
        raise SystemExit(f"{server.peer} {path}: " + "; ".join(wrong))
    facts["sha256"] = hashlib.sha256(body).hexdigest()
    return facts
