# SPDX-License-Identifier: GPL-3.0-or-later
"""An ACME server to test against: Debian's pebble, strict, with its validation on and nonces
refused at its default rate, asking a small DNS server of ours."""

import datetime
import http.server
import json
import os
import random
import re
import socket
import ssl
import struct
import subprocess
import threading
import urllib.request

from server import Lines, WAIT, eventually

A, TXT = 1, 16


def free_port():
    """A port that nobody has just now, for pebble cannot be told to choose one; none of those
    that the kernel gives to connections, one of which might have it before its server starts."""
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
        first = int(file.read().split()[0])
    while True:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", random.randrange(10000, max(first, 20000))))
            except OSError:
                continue
            return probe.getsockname()[1]


class Dns:
    """Every name has the address `host`, but those in `refused`; TXT as in `texts`."""

    def __init__(self):
        self.texts, self.refused, self.asked, self.host = {}, set(), [], "127.0.0.1"
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while True:
            try:
                query, peer = self.socket.recvfrom(4096)
            except OSError:
                return
            if not query:  # the socket was shut down
                return
            answer = self._answer(query)
            if answer:
                self.socket.sendto(answer, peer)

    def _answer(self, query):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode("ascii", "replace").lower())
            at += 1 + query[at]
        question = query[12:at + 5]
        kind = struct.unpack(">H", query[at + 1:at + 3])[0]
        name = ".".join(labels)
        self.asked.append((name, kind))
        records, code = [], 0
        if name in self.refused:
            code = 3
        elif kind == A:
            records = [socket.inet_aton(self.host)]
        elif kind == TXT:
            records = [bytes([len(text)]) + text.encode() for text in self.texts.get(name, [])]
        head = query[:2] + struct.pack(">HHHHH", 0x8180 | code, 1, len(records), 0, 0)
        body = b"".join(struct.pack(">HHHIH", 0xc00c, kind, 1, 0, len(data)) + data
                        for data in records)
        return head + question + body

    def stop(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()


class Pebble:
    """One CA. `http` and `tls` are the ports that it validates at."""

    def __init__(self, folder, authority, dns, http, tls, port=None, validity_s=None, keys=None,
                 environment=None, start=True, own_names=("localhost", "127.0.0.1")):
        self.folder = str(folder)
        self.port, self.management = port or free_port(), free_port()
        self.directory = f"https://127.0.0.1:{self.port}/dir"
        self.dns, self.environment = dns, environment or {}
        pair = authority.issue(*own_names).write(folder, f"pebble{self.port}")
        self.authority_file = os.path.join(self.folder, f"authority{self.port}.pem")
        with open(self.authority_file, "w", encoding="ascii") as file:
            file.write(authority.pem)
        settings = {
            "listenAddress": f"127.0.0.1:{self.port}",
            "managementListenAddress": f"127.0.0.1:{self.management}",
            "certificate": pair["certFile"], "privateKey": pair["keyFile"],
            "httpPort": http, "tlsPort": tls, "ocspResponderURL": "",
            "externalAccountBindingRequired": bool(keys)}
        if keys:
            settings["externalAccountMACKeys"] = keys
        if validity_s:
            settings["certificateValidityPeriod"] = validity_s
        self.path = os.path.join(self.folder, f"pebble{self.port}.json")
        with open(self.path, "w", encoding="ascii") as file:
            json.dump({"pebble": settings}, file)
        self.context = ssl.create_default_context(cadata=authority.pem)
        self.context.check_hostname = "127.0.0.1" in own_names
        self.process = self.server = None
        if start:
            self.start()

    def start(self):
        self.process = subprocess.Popen(
            ["pebble", "-config", self.path, "-dnsserver", self.dns.address, "-strict"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            errors="replace", env={**os.environ, "PEBBLE_VA_NOSLEEP": "1",
                                   "PEBBLE_AUTHZREUSE": "0", **self.environment})
        self.log = Lines(self.process.stdout)
        self.log.wait("ACME directory available", timeout=WAIT)
        eventually(lambda: self.get(self.directory), "pebble answers")

    def get(self, url):
        try:
            with urllib.request.urlopen(url, context=self.context, timeout=5) as response:
                return response.read()
        except OSError:
            return None

    def with_renewal_info(self, authority, window):
        """The URL of a directory of the same CA that has renewal information as well, which
        pebble has not: `window(certificate's id)` gives (start, end) from now in seconds."""
        listed = json.loads(self.get(self.directory))

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                if self.path == "/dir":
                    answer = {**listed, "renewalInfo": base + "/renewal/"}
                else:
                    now = datetime.datetime.now(datetime.timezone.utc)
                    start, end = (
                        (now + datetime.timedelta(seconds=one)).strftime("%Y-%m-%dT%H:%M:%SZ")
                        for one in window(self.path.rsplit("/", 1)[1]))
                    answer = {"suggestedWindow": {"start": start, "end": end}}
                body = json.dumps(answer).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Retry-After", "21600")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        pair = authority.issue("127.0.0.1").write(self.folder, "renewal")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair["certFile"], pair["keyFile"])
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        base = f"https://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return base + "/dir"

    def root(self, number=0):
        """The root that it issues under, in PEM."""
        return self.get(f"https://127.0.0.1:{self.management}/roots/{number}").decode()

    def count(self, pattern):
        return sum(bool(re.search(pattern, line)) for line in self.log.lines)

    def stop(self):
        if self.server is not None:
            self.server.shutdown()
            self.server.server_close()
            self.server = None
        if self.process is None:
            return
        process, self.process = self.process, None
        process.terminate()
        process.wait(WAIT)
        self.log.thread.join(WAIT)
        process.stdout.close()
