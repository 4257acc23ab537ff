# SPDX-License-Identifier: GPL-3.0-or-later
# TIMEOUT: 240
"""Certificates by ACME, obtained from pebble."""

import base64
import json
import os
import socket
import ssl
import stat
import subprocess
import threading
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

import backends
import pebble
from server import PATIENCE, WAIT, eventually, run_weir, merge

SLOW = 40 * PATIENCE  # seconds that several orders may take


@pytest.fixture
def dns():
    made = pebble.Dns()
    yield made
    made.stop()


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

    def start(self, resolvers, routers, dynamic=None, entries=None, **static):
        entries = merge({"web": {"address": f"127.0.0.1:{self.http}"},
                         "websecure": {"address": f"127.0.0.1:{self.tls}"}, "traefik": {}},
                        entries)
        self.weir = self.make_weir(
            entries=entries, dynamic=self.dynamic(routers, **(dynamic or {})),
            static=merge({"certificatesResolvers": resolvers, "api": {"insecure": True},
                          "metrics": {"prometheus": {}}}, static))
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


@pytest.fixture
def scene(weir, http_backend, authority, dns, tmp_path):
    made = Scene(weir, http_backend, authority, dns, tmp_path)
    yield made
    made.stop()


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


# ---- challenges ----

@pytest.mark.parametrize("challenge", ["http", "tls"])
def test_a_router_s_names_get_one_certificate_which_clients_verify(scene, challenge):
    ca = scene.ca()
    scene.start({"le": scene.resolver(ca, challenge)},
                scene.routers("Host(`a.example.test`) || Host(`b.example.test`)",
                              "(Host(`b.example.test`) || Host(`a.example.test`)) && Path(`/x`)"))
    certificate = wait_served(scene.tls, "a.example.test")
    assert names_of(certificate) == {"a.example.test", "b.example.test"}
    assert fetch(scene.tls, "b.example.test", ca.root()) == 200
    eventually(lambda: os.path.exists(scene.storage) and scene.stored()["Certificates"],
               "it is stored")
    assert len(scene.stored()["Certificates"]) == 1
    assert not os.path.exists(scene.storage + ".orders")
    assert stat.S_IMODE(os.stat(scene.storage).st_mode) == 0o600
