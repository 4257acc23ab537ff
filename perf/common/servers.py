# SPDX-License-Identifier: GPL-3.0-or-later
"""Weir, its peers and the backend: started from the files in perf/peers/, loopback only."""

import os
import re
import shutil

from common import certificates, processes

PEERS_FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "peers")
READY_S = 120
FILES = {"/64k": 64 * 1024, "/1m": 1024 * 1024}
SMALL = b"hello, world\n"

# What each peer is started with; {main} is its first configuration file.
COMMANDS = {
    "weir": ["{weir}", "--configFile={main}"],
    "nginx": ["nginx", "-p", "{folder}", "-c", "{main}"],
    "haproxy": ["haproxy", "-db", "-f", "{main}"],
    "hitch": ["hitch", "--config={main}", "--user=root"],
    "caddy": ["caddy", "run", "--adapter", "caddyfile", "--config", "{main}"],
    "traefik": ["traefik", "--configFile={main}"],
}


def find(program):
    return shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin:/sbin")


def available(peer):
    return peer == "weir" or find(peer) is not None


def fill(template, values, path):
    """Writes a file of perf/peers/ with its @NAMES@ filled in."""
    with open(os.path.join(PEERS_FOLDER, template), encoding="utf-8") as file:
        text = re.sub(r"@([A-Z_]+)@", lambda match: str(values[match[1]]), file.read())
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def values_of(bench, folder, cert):
    """What the templates in perf/peers/ may name, but for the port."""
    crt, key, bundle = certificates.of(bench.folder, cert)
    return {"FOLDER": folder, "BACKEND": bench.backend.port, "BACKEND_TLS": bench.backend.port_tls,
            "CERT": crt, "KEY": key, "BUNDLE": bundle, "NAME": certificates.NAME, "WORKERS": 1,
            "GROUPS": "X25519, CurveP256", "THROTTLE": "50ms"}


class Peer(processes.Tree):
    """A running server: peer "nginx", mode "http" is perf/peers/nginx.http.in.

    Settings replace what the templates are filled with: WORKERS, GROUPS, THROTTLE, and DYNAMIC,
    a dynamic file of Weir that is written already.
    """

    def __init__(self, bench, peer, mode, cert="ecdsa", cpus=None, **settings):
        self.peer, self.port = peer, processes.free_port()
        folder = bench.make_folder(f"{peer}-{mode}")
        values = {**values_of(bench, folder, cert), "PORT": self.port, **settings}
        if peer in ("weir", "traefik"):
            if "DYNAMIC" not in values:
                values["DYNAMIC"] = fill(f"weir.{mode}.in", values, f"{folder}/dynamic.yml")
            main = fill("weir.static.in", values, f"{folder}/static.yml")
        else:
            main = fill(f"{peer}.{mode}.in", values, f"{folder}/{peer}.conf")
        environment = {
            "OPENSSL_CONF": fill("openssl.cnf.in", values, f"{folder}/openssl.cnf"),
            "GOMAXPROCS": "1", "HOME": folder, "XDG_CONFIG_HOME": folder, "XDG_DATA_HOME": folder}
        command = [word.format(weir=bench.weir, folder=folder, main=main)
                   for word in COMMANDS[peer]]
        command[0] = find(command[0]) or command[0]
        super().__init__(command, cpus or bench.server_cpus, f"{folder}/log", environment)
        try:
            if peer == "weir":
                self.wait_for("Weir is ready", READY_S)
            self.wait_for_port(self.port, READY_S)
        except BaseException:
            self.stop()
            raise


class Backend(processes.Tree):
    """nginx behind all of them, with answers of 13 bytes, 64 KB and 1 MB, plain and in TLS."""

    def __init__(self, folder, cpus):
        os.makedirs(f"{folder}/files")
        for name, size in FILES.items():
            with open(f"{folder}/files{name}", "wb") as file:
                file.write(os.urandom(size))
        self.folder = folder
        self.port, self.port_tls = processes.free_port(), processes.free_port()
        crt, key, _ = certificates.of(os.path.dirname(folder), "ecdsa")
        main = fill("backend.in", {
            "FOLDER": folder, "PORT": self.port, "PORT_TLS": self.port_tls, "CERT": crt,
            "KEY": key, "FILES": f"{folder}/files"}, f"{folder}/nginx.conf")
        super().__init__(
            [find("nginx"), "-p", folder, "-c", main], cpus, f"{folder}/log",
            {"OPENSSL_CONF": fill("openssl.cnf.in", {}, f"{folder}/openssl.cnf")})
        self.wait_for_port(self.port, READY_S)

    def content(self, path):
        if path == "/":
            return SMALL
        with open(f"{self.folder}/files{path}", "rb") as file:
            return file.read()
