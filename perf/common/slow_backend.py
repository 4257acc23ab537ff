# SPDX-License-Identifier: GPL-3.0-or-later
"""slow_backend.py SECONDS: a server on loopback that takes SECONDS for the body of each request,
and answers with its length and CRC-32. Says its port on the first line."""

import re
import socket
import sys
import threading
import time
import zlib

PIECES = 200  # of a body: pauses between them make it slow


def take_body(connection, rest, length, seconds):
    started, checksum, got = time.monotonic(), zlib.crc32(rest), len(rest)
    while got < length:
        ahead = got / length * seconds - (time.monotonic() - started)
        if ahead > 0:
            time.sleep(ahead)
        data = connection.recv(min(length - got, max(length // PIECES, 4096)))
        if not data:
            return None
        checksum, got = zlib.crc32(data, checksum), got + len(data)
    return checksum


def serve(connection, seconds):
    rest = b""
    with connection:
        while True:
            while b"\r\n\r\n" not in rest:
                data = connection.recv(65536)
                if not data:
                    return
                rest += data
            head, _, rest = rest.partition(b"\r\n\r\n")
            length = int(re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)[1])
            checksum = take_body(connection, rest, length, seconds)
            if checksum is None:
                return
            rest, body = b"", f"{length} {checksum}".encode()
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" %
                               (len(body), body))


def main():
    seconds = float(sys.argv[1])
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    print(f"port {listener.getsockname()[1]}", flush=True)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve, args=(connection, seconds), daemon=True).start()


if __name__ == "__main__":
    main()
