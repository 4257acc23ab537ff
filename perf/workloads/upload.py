# SPDX-License-Identifier: GPL-3.0-or-later
"""Bodies that come faster than the backend takes them: who holds them back, and who keeps them?"""

import os
import socket
import ssl
import statistics
import sys
import threading
import zlib

from common import certificates, processes, servers
from common.workload import HTTP_PEERS, verdict

SLOW_BACKEND = os.path.join(os.path.dirname(os.path.abspath(servers.__file__)), "slow_backend.py")
FEW, MANY = 8, 40  # uploads at a time: what all share has its full size with FEW
MB = 1024 * 1024
BODY, BODY_SHORT = 64 * MB, 16 * MB
SLOW_S, SLOW_SHORT_S = 8, 1.5
LIMIT_KB = 256
PIECE = os.urandom(MB)
TIMEOUT_S = 60


def _answer(connection):
    text = b""
    while True:
        head, found, body = text.partition(b"\r\n\r\n")
        if found and head.startswith(b"HTTP/1.1 200 ") and len(body.split()) == 2:
            return body.split()
        data = connection.recv(4096)
        if not data or (found and not head.startswith(b"HTTP/1.1 200 ")):
            raise OSError(f"answered {text[:120]!r}")
        text += data


def _upload(port, size):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    piece = PIECE[:min(size, MB)]
    with socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as plain:
        with context.wrap_socket(plain, server_hostname=certificates.NAME) as connection:
            connection.sendall(f"POST / HTTP/1.1\r\nHost: {certificates.NAME}\r\n"
                               f"Content-Length: {size}\r\nConnection: close\r\n\r\n".encode())
            checksum = 0
            for _ in range(size // len(piece)):
                connection.sendall(piece)
                checksum = zlib.crc32(piece, checksum)
            if _answer(connection) != [b"%d" % size, b"%d" % checksum]:
                raise OSError("the backend got another body")


def _upload_all(port, size, count):
    wrong = []

    def run():
        try:
            _upload(port, size)
        except OSError as error:
            wrong.append(str(error))
    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if wrong:
        raise SystemExit("; ".join(wrong[:3]))


def _measure(bench, peer, port, size):
    server = servers.Peer(bench, peer, "http", BACKEND=port)
    try:
        _upload_all(server.port, size, FEW)
        few, spent = server.memory_kb("VmHWM"), server.cpu_ns()
        _upload_all(server.port, size, MANY)
        many = server.memory_kb("VmHWM")
        return {"kb_each": (many - few) / (MANY - FEW), "peak_kb": many,
                "cpu_us_per_mb": (server.cpu_ns() - spent) / 1000 / (MANY * size / MB)}
    except SystemExit as failure:
        raise SystemExit(f"{peer}: {failure}") from failure
    finally:
        server.stop()


class Upload:
    name = "upload"
    title = f"uploads of 64 MB to a backend that is slow, {MANY} at a time"

    def run(self, bench):
        size, slow = (BODY_SHORT, SLOW_SHORT_S) if bench.short else (BODY, SLOW_S)
        folder = bench.make_folder("upload")
        backend = processes.Tree([sys.executable, "-B", SLOW_BACKEND, str(slow)],
                                 bench.client_cpus, f"{folder}/log")
        try:
            port = int(backend.wait_for(r"port (\d+)", 10)[1])
            taken = [{peer: _measure(bench, peer, port, size)
                      for peer in ("weir", *HTTP_PEERS) if peer in bench.peers}
                     for _ in range(min(bench.rounds, 3))]
        finally:
            backend.stop()
        rows = {peer: {key: statistics.median(one[peer][key] for one in taken)
                       for key in taken[0][peer]} for peer in taken[0]}
        return {"rows": rows, "rounds": taken, "notes": [
            f"{size // MB} MB in {slow} s each; KB each: how much higher the peak is with {MANY} "
            f"at a time than with {FEW}, for each more; user space only"],
                "verdicts": [verdict("peak of each", rows["weir"]["kb_each"], LIMIT_KB, "KB")]}


WORKLOADS = (Upload(),)
