# SPDX-License-Identifier: GPL-3.0-or-later
"""A Weir that obtains certificates from pebble, and looks at what it serves."""

import json
import os
import socket
import ssl

from cryptography import x509

import backends
import pebble
from server import PATIENCE, WAIT, eventually, merge

SLOW = 40 * PATIENCE  # seconds that several orders may take


class Scene:
    """A Weir, the CAs that it asks, and the names that it serves."""

    def __init__(self, weir, http_backend, authority, dns, tmp_path):
        self.make_weir, self.authority, self.dns, self.folder = weir, authority, dns, tmp_path
        self.backend = http_backend(name="one")
        self.http, self.tls = pebble.free_port(), pebble.free_port()
        self.cas, self.weir = [], None

    def ca(self, **arguments):
        made = pebble.Pebble(self.folder, self.authority, self.dns, self.http, self.tls,
                             **arguments)
        self.cas.append(made)
        return made

    def resolver(self, ca, challenge="http", **extra):
        challenges = {"http": {"httpChallenge": {"entryPoint": "web"}},
                      "tls": {"tlsChallenge": {}}}[challenge]
        return {"acme": {"email": "hostmaster@example.test", "caServer": ca.directory,
                         "caCertificates": [ca.authority_file], "keyType": "EC256",
                         "storage": "acme.json", **challenges, **extra}}

    def routers(self, *rules, resolver="le", **tls):
        return {f"r{i}": {"rule": rule, "service": "one", "entryPoints": ["websecure"],
                          "tls": {"certResolver": resolver, **tls}}
                for i, rule in enumerate(rules)}

    def dynamic(self, routers, **extra):
        return merge({"http": {"routers": routers,
                               "services": {"one": backends.http_service(self.backend)}}}, extra)

    def start(self, resolvers, routers, dynamic=None, entries=None, prefix=()):
        entries = merge({"web": {"address": f"127.0.0.1:{self.http}"},
                         "websecure": {"address": f"127.0.0.1:{self.tls}"}, "traefik": {}},
                        entries)
        self.weir = self.make_weir(
            entries=entries, dynamic=self.dynamic(routers, **(dynamic or {})),
            static={"certificatesResolvers": resolvers, "api": {"insecure": True},
                    "metrics": {"prometheus": {}}}, prefix=prefix)
        return self.weir

    @property
    def storage(self):
        return os.path.join(self.weir.folder, "acme.json")

    def stored(self, resolver="le"):
        with open(self.storage, encoding="ascii") as file:
            return json.load(file)[resolver]

    def stop(self):
        for ca in self.cas:
            ca.stop()


def served(port, name):
    """The certificate that is shown for a name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port), WAIT) as plain:
        with context.wrap_socket(plain, server_hostname=name) as connection:
            return x509.load_der_x509_certificate(connection.getpeercert(True))


def names_of(certificate):
    try:
        value = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return set()
    return set(value.get_values_for_type(x509.DNSName)) | {
        str(ip) for ip in value.get_values_for_type(x509.IPAddress)}


def wait_served(port, name, timeout=SLOW):
    """The first certificate that has the name."""
    def look():
        certificate = served(port, name)
        return name in names_of(certificate) and certificate
    return eventually(look, f"a certificate for {name}", timeout)


def fetch(port, name, roots):
    """One request, with everything verified."""
    context = ssl.create_default_context(cadata=roots)
    with socket.create_connection(("127.0.0.1", port), WAIT) as plain:
        with context.wrap_socket(plain, server_hostname=name) as connection:
            connection.sendall(f"GET / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n"
                               .encode())
            return int(connection.recv(65536).split(b" ")[1])


def ask_traefik(scene, path):
    """The body that the entry point of the API answers with."""
    with socket.create_connection(("127.0.0.1", scene.weir.ports["traefik"]), WAIT) as plain:
        plain.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
        data = b""
        while True:
            piece = plain.recv(65536)
            if not piece:
                return data.split(b"\r\n\r\n", 1)[1].decode()
            data += piece


def api(scene):
    """What the API says of the resolvers."""
    return json.loads(ask_traefik(scene, "/api/acme"))


def metric(scene, name):
    for line in ask_traefik(scene, "/metrics").splitlines():
        if line.startswith(name + " "):
            return float(line.split()[-1])
    return None
