# SPDX-License-Identifier: GPL-3.0-or-later
# TIMEOUT: 240
# BUILDS: release asan tsan
"""Certificates by ACME: each challenge, each kind of key, accounts, what is asked for."""

import base64
import json
import os
import socket
import ssl
import stat

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

import backends
from acme import SLOW, api, fetch, names_of, served, wait_served
from server import WAIT, eventually, run_weir


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


def test_what_nobody_asks_for_any_more_is_served_and_not_renewed(scene):
    ca = scene.ca(validity_s=20)
    one = scene.start({"le": scene.resolver(ca)}, scene.routers("Host(`a.example.test`)"))
    first = wait_served(scene.tls, "a.example.test")
    one.reload(scene.dynamic(scene.routers("Host(`a.example.test`)", resolver="")))
    assert [item["status"] for item in api(scene)[0]["certificates"]] == ["unused"]
    assert served(scene.tls, "a.example.test").serial_number == first.serial_number
    one.log.wait("certificates have expired", timeout=20 + SLOW)
    assert served(scene.tls, "a.example.test").serial_number == first.serial_number
    assert ca.count(r"There are now \d+ orders in the db") == 1


def test_a_default_certificate_is_generated(scene):
    ca = scene.ca()
    store = {"defaultGeneratedCert": {"resolver": "le", "domain": {
        "main": "default.example.test", "sans": ["more.example.test"]}}}
    scene.start({"le": scene.resolver(ca)}, scene.routers("PathPrefix(`/`)", resolver=""),
                dynamic={"tls": {"stores": {"default": store}}})
    eventually(lambda: "default.example.test" in names_of(served(scene.tls, "unknown.test")),
               "the default certificate is the obtained one", SLOW)


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
    # It knows no option for the CA's own authority: it sees another bundle of them.
    bundle = "/etc/ssl/certs/ca-certificates.crt"
    common = ["unshare", "-rm", "sh", "-c",
              f'mount --bind {ca.authority_file} {bundle} && exec uacme "$@"', "uacme",
              "-y", "-c", conf, "-a", ca.directory, "-t", "EC"]
    if run("unshare", "-rm", "true").returncode != 0:
        pytest.skip("no mount namespace can be made here")
    made = run(*common, "new")
    assert made.returncode == 0, made.stderr
    issued = run(*common, "-o", "-h", hook, "issue", "other.example.test")
    assert issued.returncode == 0, issued.stderr
