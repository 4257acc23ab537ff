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


def test_challenges_are_answered_where_everything_is_redirected_to_https(scene):
    ca = scene.ca()
    scene.start({"le": scene.resolver(ca)}, scene.routers("Host(`a.example.test`)"),
                entries={"web": {"http": {"redirections": {"entryPoint": {"to": "websecure"}}}}})
    wait_served(scene.tls, "a.example.test")


def test_tcp_routers_and_addresses_get_certificates_too(scene, tcp_backend):
    async def hang_up(_reader, _writer):
        return
    ca = scene.ca()
    tcp = {"routers": {"raw": {"rule": "HostSNI(`raw.example.test`)", "service": "raw",
                               "entryPoints": ["websecure"], "tls": {"certResolver": "le"}}},
           "services": {"raw": backends.tcp_service(tcp_backend(hang_up))}}
    scene.start({"le": scene.resolver(ca, "tls")}, scene.routers("Host(`127.0.0.1`)"),
                dynamic={"tcp": tcp})
    wait_served(scene.tls, "raw.example.test")
    wait_served(scene.tls, "127.0.0.1")


def test_whoever_asks_for_acme_tls_gets_a_challenge_certificate_or_none(scene):
    ca = scene.ca()
    scene.start({"le": scene.resolver(ca, "tls")}, scene.routers("Host(`a.example.test`)"))
    wait_served(scene.tls, "a.example.test")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["acme-tls/1", "http/1.1"])
    with socket.create_connection(("127.0.0.1", scene.tls), WAIT) as plain:
        with pytest.raises(ssl.SSLError, match="no application protocol"):
            context.wrap_socket(plain, server_hostname="a.example.test")


def test_an_unknown_token_is_not_found_and_reaches_no_backend(scene):
    ca = scene.ca()
    routers = scene.routers("Host(`a.example.test`)")
    routers["all"] = {"rule": "PathPrefix(`/`)", "service": "one", "entryPoints": ["web"]}
    scene.start({"le": scene.resolver(ca)}, routers)
    wait_served(scene.tls, "a.example.test")
    with socket.create_connection(("127.0.0.1", scene.http), WAIT) as plain:
        plain.sendall(b"GET /.well-known/acme-challenge/none HTTP/1.1\r\nHost: a.example.test\r\n"
                      b"Connection: close\r\n\r\n")
        assert plain.recv(4096).startswith(b"HTTP/1.1 404")
    assert not scene.backend.requests


# ---- keys, accounts ----

def test_each_kind_of_key_from_resolvers_that_share_a_file(scene):
    kinds = {"EC256": (ec.EllipticCurvePublicKey, 256), "EC384": (ec.EllipticCurvePublicKey, 384),
             "RSA2048": (rsa.RSAPublicKey, 2048), "RSA4096": (rsa.RSAPublicKey, 4096)}
    ca, routers = scene.ca(), {}
    for kind in kinds:
        routers.update({kind: router for router in scene.routers(
            f"Host(`{kind.lower()}.example.test`)", resolver=kind.lower()).values()})
    scene.start({kind.lower(): scene.resolver(ca, keyType=kind) for kind in kinds}, routers)
    for kind, (key_class, bits) in kinds.items():
        key = wait_served(scene.tls, f"{kind.lower()}.example.test", 2 * SLOW).public_key()
        assert isinstance(key, key_class) and key.key_size == bits
    eventually(lambda: len(json.load(open(scene.storage, encoding="ascii"))) == 4, "all stored")


def test_an_account_is_bound_to_one_that_the_ca_knows(scene):
    key = base64.urlsafe_b64encode(os.urandom(32)).rstrip(b"=").decode()
    ca = scene.ca(keys={"kid-1": key})
    wrong = base64.urlsafe_b64encode(os.urandom(32)).rstrip(b"=").decode()
    scene.start({"le": scene.resolver(ca, eab={"kid": "kid-1", "hmacEncoded": key}),
                 "bad": scene.resolver(ca, eab={"kid": "kid-1", "hmacEncoded": wrong})},
                {**scene.routers("Host(`a.example.test`)"),
                 "bad": scene.routers("Host(`b.example.test`)", resolver="bad")["r0"]})
    wait_served(scene.tls, "a.example.test")
    scene.weir.log.wait("the CA cannot be used.* resolver=bad .*error=\"the account: .*"
                        "(externalAccount|unauthorized|malformed)")


def test_a_traefik_storage_carries_over_with_its_account_and_certificates(scene, authority):
    ca = scene.ca()
    account = rsa.generate_private_key(65537, 4096)
    der = account.private_bytes(serialization.Encoding.DER,
                                serialization.PrivateFormat.TraditionalOpenSSL,
                                serialization.NoEncryption())
    pair = authority.issue("old.example.test", "other.example.test")
    stored = {"le": {
        "Account": {"Email": "hostmaster@example.test", "Registration": None,
                    "PrivateKey": base64.b64encode(der).decode(), "KeyType": "4096"},
        "Certificates": [{
            "domain": {"main": "old.example.test", "sans": ["other.example.test"]},
            "certificate": base64.b64encode(pair.pem.encode()).decode(),
            "key": base64.b64encode(pair.key_pem.encode()).decode(), "Store": "default",
            "later": {"kept": True}}]}, "another": {"Account": None, "Certificates": None}}
    path = os.path.join(scene.folder, "acme.json")
    with open(path, "w", encoding="ascii", opener=lambda p, f: os.open(p, f, 0o600)) as file:
        json.dump(stored, file)
    scene.start({"le": scene.resolver(ca, storage=path)},
                scene.routers("Host(`old.example.test`)", "Host(`new.example.test`)"))
    assert served(scene.tls, "old.example.test").serial_number == pair.serial
    wait_served(scene.tls, "new.example.test")

    def both():
        with open(path, encoding="ascii") as file:
            now = json.load(file)
        return len(now["le"]["Certificates"]) == 2 and now
    now = eventually(both, "the new one is stored beside the old one")
    assert now["le"]["Certificates"][0] == stored["le"]["Certificates"][0]
    assert now["le"]["Account"]["PrivateKey"] == stored["le"]["Account"]["PrivateKey"]
    assert now["le"]["Account"]["Registration"]["uri"].startswith("https://127.0.0.1:")
    assert now["another"] == stored["another"]
    assert served(scene.tls, "old.example.test").serial_number == pair.serial
    assert ca.count("new-order|Added order") <= 2


def test_two_resolvers_ask_two_cas(scene):
    one, two = scene.ca(), scene.ca()
    scene.start({"le": scene.resolver(one), "zero": scene.resolver(two, "tls",
                                                                    storage="zero.json")},
                {**scene.routers("Host(`a.example.test`)"),
                 "z": scene.routers("Host(`b.example.test`)", resolver="zero")["r0"]})
    wait_served(scene.tls, "a.example.test")
    wait_served(scene.tls, "b.example.test")
    assert fetch(scene.tls, "a.example.test", one.root()) == 200
    assert fetch(scene.tls, "b.example.test", two.root()) == 200


# ---- what is asked for ----

def test_what_a_certificate_of_the_operator_covers_is_not_ordered(scene, authority):
    ca = scene.ca()
    own = authority.issue("*.own.test", "own.test")
    scene.start({"le": scene.resolver(ca)},
                scene.routers("Host(`a.own.test`)", "Host(`own.test`) || Host(`b.example.test`)"),
                dynamic={"tls": {"certificates": [own.inline]}})
    assert names_of(wait_served(scene.tls, "b.example.test")) == {"b.example.test"}
    assert served(scene.tls, "a.own.test").serial_number == own.serial
    assert [one["domain"] for one in eventually(
        lambda: os.path.exists(scene.storage) and scene.stored()["Certificates"],
        "stored")] == [{"main": "b.example.test"}]


def test_domains_take_the_place_of_the_rule_and_wildcards_need_dns(scene):
    ca = scene.ca()
    scene.start({"le": scene.resolver(ca)}, scene.routers(
        "Host(`x.example.test`)", domains=[
            {"main": "main.example.test", "sans": ["san.example.test"]},
            {"main": "*.wild.test"}]))
    assert names_of(wait_served(scene.tls, "san.example.test")) == {
        "main.example.test", "san.example.test"}
    scene.weir.log.wait("cannot be obtained .*wild.test.*wildcard needs")
    items = api(scene)[0]["certificates"]
    assert [(one["names"], one["status"]) for one in items if "*.wild.test" in one["names"]] == [
        (["*.wild.test"], "failing")]


def test_a_default_certificate_is_generated(scene):
    ca = scene.ca()
    store = {"defaultGeneratedCert": {"resolver": "le", "domain": {
        "main": "default.example.test", "sans": ["more.example.test"]}}}
    scene.start({"le": scene.resolver(ca)}, scene.routers("PathPrefix(`/`)", resolver=""),
                dynamic={"tls": {"stores": {"default": store}}})
    eventually(lambda: "default.example.test" in names_of(served(scene.tls, "unknown.test")),
               "the default certificate is the obtained one", SLOW)


def api(scene):
    """What the API says of the resolvers."""
    with socket.create_connection(("127.0.0.1", scene.weir.ports["traefik"]), WAIT) as plain:
        plain.sendall(b"GET /api/acme HTTP/1.0\r\n\r\n")
        data = b""
        while True:
            piece = plain.recv(65536)
            if not piece:
                break
            data += piece
    return json.loads(data.split(b"\r\n\r\n", 1)[1])


def metric(scene, name):
    with socket.create_connection(("127.0.0.1", scene.weir.ports["traefik"]), WAIT) as plain:
        plain.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        data = b""
        while True:
            piece = plain.recv(65536)
            if not piece:
                break
            data += piece
    for line in data.decode().splitlines():
        if line.startswith(name + " "):
            return float(line.split()[-1])
    return None


# ---- steadiness ----

def test_a_name_that_fails_is_marked_and_tried_again_and_others_are_not_held_up(scene):
    ca = scene.ca()
    scene.dns.refused.add("gone.example.test")
    scene.start({"le": scene.resolver(ca)},
                scene.routers("Host(`gone.example.test`)", "Host(`good.example.test`)"))
    wait_served(scene.tls, "good.example.test")
    scene.weir.log.wait("cannot be obtained resolver=le names=gone.example.test "
                        "error=\"gone.example.test: the CA could not validate")
    failing = [one for one in api(scene)[0]["certificates"] if one["status"] == "failing"]
    assert [one["names"] for one in failing] == [["gone.example.test"]]
    assert failing[0]["failures"] == 1 and "validate" in failing[0]["error"]
    assert metric(scene, 'weir_acme_failing{resolver="le"}') == 1
    assert metric(scene, 'weir_acme_orders_total{resolver="le",result="failed"}') == 1
    scene.dns.refused.clear()
    asked = run_weir("acme", "renew", "gone.example.test",
                     f"--configFile={scene.weir.static_path}", folder=scene.weir.folder)
    assert asked.returncode == 0, asked.stderr
    wait_served(scene.tls, "gone.example.test")
    assert metric(scene, 'weir_acme_failing{resolver="le"}') == 0


def test_a_ca_that_is_down_at_the_start_is_asked_until_it_is_there(scene):
    ca = scene.ca(start=False)
    scene.start({"le": scene.resolver(ca)}, scene.routers("Host(`a.example.test`)"))
    scene.weir.log.wait("the CA cannot be used: trying again .*cannot be reached")
    ca.start()
    wait_served(scene.tls, "a.example.test")


def test_a_certificate_is_renewed_in_time_and_served_while_the_ca_is_down(scene):
    ca = scene.ca(validity_s=30)
    scene.start({"le": scene.resolver(ca)}, scene.routers("Host(`a.example.test`)"))
    first = wait_served(scene.tls, "a.example.test")

    def renewed(before):
        return lambda: served(scene.tls, "a.example.test").serial_number != before.serial_number
    eventually(renewed(first), "a renewal", 30 + SLOW)
    second = served(scene.tls, "a.example.test")
    assert second.not_valid_after > first.not_valid_after
    assert len(scene.stored()["Certificates"]) == 1
    ca.stop()
    scene.weir.log.wait("the CA cannot be used: trying again", timeout=30 + SLOW)
    assert served(scene.tls, "a.example.test").serial_number == second.serial_number


def test_an_order_goes_on_after_a_crash(scene):
    ca = scene.ca()
    resolver = scene.resolver(ca)
    resolver["acme"]["httpChallenge"]["delay"] = "3s"
    one = scene.start({"le": resolver}, scene.routers("Host(`a.example.test`)"))
    orders = scene.storage + ".orders"
    eventually(lambda: os.path.exists(orders), "the order is kept", SLOW)
    assert stat.S_IMODE(os.stat(orders).st_mode) == 0o600
    one.process.kill()
    one.process.wait()
    one.start()
    one.log.wait("going on with an order resolver=le names=a.example.test")
    wait_served(scene.tls, "a.example.test")
    eventually(lambda: not os.path.exists(orders), "the order is forgotten")
    assert ca.count(r"There are now \d+ orders in the db") == 1


def test_a_storage_that_others_may_read_is_refused(scene):
    ca = scene.ca()
    path = os.path.join(scene.folder, "open.json")
    with open(path, "w", encoding="ascii") as file:
        file.write("{}")
    os.chmod(path, 0o644)
    one = scene.start({"le": scene.resolver(ca, storage=path)},
                      scene.routers("Host(`a.example.test`)"))
    one.log.wait("certificate resolver is out of service .*chmod 600")
    assert api(scene)[0]["status"] == "disabled"
    checked = run_weir("check", f"--configFile={one.static_path}", folder=one.folder)
    assert checked.returncode == 1 and "chmod 600" in checked.stdout
    assert not ca.count("POST")


def test_a_write_that_is_killed_anywhere_leaves_the_old_file_or_the_new_one(scene, run):
    ca = scene.ca(start=False)
    scene.start({"le": scene.resolver(ca)}, {}, start=False) if False else None
    folder = scene.folder
    config = os.path.join(folder, "crash.yml")
    with open(config, "w", encoding="ascii") as file:
        json.dump({"entryPoints": {"web": {"address": ":0"}}, "certificatesResolvers": {
            "le": {"acme": {"storage": os.path.join(folder, "acme.json"),
                            "tlsChallenge": {}}}}}, file)
    wishes = os.path.join(folder, "acme.json.renew")
    outcomes = set()
    calls = ("openat", "write", "fsync", "rename", "unlink", "close")
    for call in calls:
        for when in range(1, 40):
            with open(wishes, "w", encoding="ascii") as file:
                file.write("old.test\n")
            os.chmod(wishes, 0o600)
            killed = run("strace", "-f", "-qq", "-o", "/dev/null", "-P", folder, "-P", wishes,
                         "-P", wishes + ".new", "-e", f"trace={call}",
                         "-e", f"inject={call}:signal=KILL:when={when}",
                         *run_command("acme", "renew", "new.test", f"--configFile={config}"))
            with open(wishes, encoding="ascii") as file:
                text = file.read()
            outcomes.add(text)
            assert text in ("old.test\n", "old.test\nnew.test\n"), (call, when)
            if killed.returncode == 0:
                break
        else:
            raise AssertionError("it never came to an end")
    assert len(outcomes) == 2


def run_command(*arguments):
    import server
    return [server.BINARY, *arguments]


# ---- operators ----

def test_operators_list_and_revoke(scene):
    ca = scene.ca()
    one = scene.start({"le": scene.resolver(ca)}, scene.routers("Host(`a.example.test`)"))
    first = wait_served(scene.tls, "a.example.test")
    eventually(lambda: os.path.exists(scene.storage) and scene.stored()["Certificates"], "stored")
    option = f"--configFile={one.static_path}"
    listed = run_weir("acme", "list", option, folder=one.folder)
    assert listed.returncode == 0 and "a.example.test" in listed.stdout, listed
    assert "1 certificates" in listed.stdout and "/my-account/" in listed.stdout
    revoked = run_weir("acme", "revoke", "a.example.test", option, folder=one.folder)
    assert revoked.returncode == 0, revoked.stderr
    status = json.loads(ca.get(f"https://127.0.0.1:{ca.management}/cert-status-by-serial/"
                               f"{first.serial_number:x}"))
    assert status["Status"] == "Revoked"
    eventually(lambda: served(scene.tls, "a.example.test").serial_number != first.serial_number,
               "another certificate", SLOW)
    assert run_weir("acme", "revoke", "b.test", option, folder=one.folder).returncode == 1
    assert run_weir("acme", "dance", option, folder=one.folder).returncode == 2


# ---- beside others ----

def test_another_client_can_use_the_same_ca_through_routers_of_its_own(scene, run):
    """uacme, whose tokens a backend answers: allowACMEByPass leaves the path to routers."""
    ca, tokens = scene.ca(), os.path.join(scene.folder, "tokens")
    os.makedirs(tokens)

    async def respond(request, _reader, writer):
        path = os.path.join(tokens, os.path.basename(request.target))
        with open(path, "rb") as file:
            body = file.read()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        return True
    scene.backend.respond = respond
    routers = scene.routers("Host(`a.example.test`)")
    routers["own"] = {"rule": "PathPrefix(`/.well-known/acme-challenge/`) && "
                              "Host(`other.example.test`)",
                      "service": "one", "entryPoints": ["web"]}
    scene.start({"le": scene.resolver(ca)}, routers, entries={"web": {"allowACMEByPass": True}})
    wait_served(scene.tls, "a.example.test")
    hook = os.path.join(scene.folder, "hook.sh")
    with open(hook, "w", encoding="ascii", opener=lambda p, f: os.open(p, f, 0o700)) as file:
        file.write('#!/bin/sh\n[ "$2" = http-01 ] || exit 1\n'
                   f'[ "$1" != begin ] || printf %s "$5" > "{tokens}/$4"\n')
    conf = os.path.join(scene.folder, "uacme")
    environment = {**os.environ, "SSL_CERT_FILE": ca.authority_file,
                   "CURL_CA_BUNDLE": ca.authority_file}
    common = ["uacme", "-y", "-c", conf, "-a", ca.directory, "-t", "EC"]
    made = run(*common, "new", env=environment)
    if "certificate" in made.stderr.lower() and made.returncode != 0:
        pytest.skip("uacme's TLS library takes no authority from the environment")
    assert made.returncode == 0, made.stderr
    issued = run(*common, "-o", "-h", hook, "issue", "other.example.test", env=environment)
    assert issued.returncode == 0, issued.stderr


# ---- many ----

def test_two_hundred_names_at_once_while_another_is_under_load(scene, authority, run):
    ca = scene.ca()
    own = authority.issue("own.test")
    routers = {f"n{i}": scene.routers(f"Host(`n{i}.example.test`)")["r0"] for i in range(200)}
    routers["own"] = {"rule": "Host(`own.test`)", "service": "one", "entryPoints": ["websecure"],
                      "tls": {}}
    loads = {}

    def load():
        loads["wrk"] = run("wrk", "-t1", "-c8", "-d15s", "-H", "Host: own.test",
                           f"https://own.test:{scene.tls}/" if False
                           else f"https://127.0.0.1:{scene.tls}/", timeout=60 + SLOW)
    scene.start({"le": scene.resolver(ca, "tls")}, routers,
                dynamic={"tls": {"certificates": [own.inline]}})
    thread = threading.Thread(target=load)
    thread.start()
    began = time.monotonic()
    for i in range(200):
        wait_served(scene.tls, f"n{i}.example.test", 3 * SLOW)
    print("200 certificates after", round(time.monotonic() - began, 1), "seconds")
    thread.join()
    out = loads["wrk"].stdout
    assert "Requests/sec" in out, loads["wrk"]
    assert "Socket errors" not in out and "Non-2xx" not in out, out
    eventually(lambda: len(scene.stored()["Certificates"]) == 200, "all are stored")
    assert metric(scene, 'weir_acme_orders_total{resolver="le",result="obtained"}') == 200
