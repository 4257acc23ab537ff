# SPDX-License-Identifier: GPL-3.0-or-later
# TIMEOUT: 240
# BUILDS: release asan tsan
"""Certificates of clients: asked for, verified, revoked, passed on; curl, openssl and Python."""

import base64
import calendar
import json
import os
import socket
import ssl
import subprocess
import urllib.parse

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

import backends
import certificates
import wire
from server import WAIT, merge, run_weir

V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
REFUSED = (ssl.SSLError, ConnectionError, wire.Closed)


class Clients:
    """An authority of clients, its intermediate, and files of theirs."""

    def __init__(self, folder):
        self.folder = folder
        self.ca = certificates.Authority("Clients")
        self.other = certificates.Authority("Others")
        self.below = certificates.Authority("Below", parent=self.ca)
        self.alice = self.ca.issue("alice.test", common_name="alice")
        self.bob = self.below.issue(common_name="bob", kind="rsa2048")
        self.old = self.ca.issue(common_name="old", end=certificates.EPOCH.replace(year=2021))
        self.mallory = self.other.issue(common_name="mallory")
        self.ca_file = self.ca.write(folder, "clients")
        self.crl_file = os.path.join(str(folder), "clients.crl")

    def write_crl(self, *revoked, **arguments):
        data = self.ca.revocations(*revoked, **arguments) + self.below.revocations()
        with open(f"{self.crl_file}.new", "wb") as file:
            file.write(data)
        os.replace(f"{self.crl_file}.new", self.crl_file)

    def files(self, pair, name="pair"):
        paths = pair.write(self.folder, name)
        return paths["certFile"], paths["keyFile"]


@pytest.fixture
def clients(tmp_path):
    return Clients(tmp_path)


def options_of(clients, kind=None, files=None):
    auth = {"caFiles": files or [clients.ca_file]}
    if kind is not None:
        auth["clientAuthType"] = kind
    return {"clientAuth": auth}


@pytest.fixture
def start(site, authority, clients):
    """a.test asks for certificates, b.test does not; the API is on `admin`."""
    def make(options=None, static=None, middlewares=None, **more):
        router = {"entryPoints": ["websecure"], "service": "one"}
        named = {"middlewares": list(middlewares)} if middlewares else {}
        one = site(
            entries={"websecure": {}}, static=static,
            routers={"a": {**router, **named, "rule": "Host(`a.test`)",
                           "tls": {"options": "mutual"}},
                     "b": {**router, **named, "rule": "Host(`b.test`)", "tls": {}}},
            certificates=[authority.issue("a.test").inline, authority.issue("b.test").inline],
            options={"mutual": options or options_of(clients)}, **more)
        if middlewares:
            one.dynamic = merge(one.dynamic, {"http": {"middlewares": middlewares}})
            one.reload(one.dynamic)
        return one
    return make


def context_of(authority, clients, pair=None, version=V13, **arguments):
    context = wire.trusting(authority, minimum=version, maximum=version, **arguments)
    if pair is not None:
        context.load_cert_chain(*clients.files(pair))
    return context


def status(one, context, name="a.test", host=None):
    return wire.fetch(one.ports["websecure"], context=context, name=name,
                      host=host or name).status


def s_client(one, clients, pair, *arguments, name="a.test"):
    """What openssl makes of it: (stdout, stderr)."""
    if pair is not None:
        crt, key = clients.files(pair)
        arguments = (*arguments, "-cert", crt, "-cert_chain", crt, "-key", key)
    answer = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{one.ports['websecure']}", "-servername",
         name, "-ign_eof", *arguments],
        input=f"GET /status/200 HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n",
        capture_output=True, text=True, timeout=4 * WAIT, check=False)
    return answer.stdout, answer.stderr


# ---- who passes ----

@pytest.mark.parametrize("version", [V12, V13])
def test_only_verified_clients_pass(start, authority, clients, version):
    one = start()
    assert status(one, context_of(authority, clients, clients.alice, version)) == 200
    assert status(one, context_of(authority, clients, clients.bob, version)) == 200
    for pair in (None, clients.mallory, clients.old):
        with pytest.raises(REFUSED):
            status(one, context_of(authority, clients, pair, version))
    assert status(one, context_of(authority, clients, None, version), "b.test") == 200


@pytest.mark.parametrize("kind,files,passes", [
    ("NoClientCert", True, ["none", "alice", "mallory"]),
    ("RequestClientCert", False, ["none", "alice", "mallory", "old"]),
    ("RequireAnyClientCert", False, ["alice", "mallory", "old"]),
    ("VerifyClientCertIfGiven", True, ["none", "alice", "bob"]),
    ("RequireAndVerifyClientCert", True, ["alice", "bob"]),
])
def test_the_five_types(start, authority, clients, kind, files, passes):
    options = options_of(clients, kind) if files else {"clientAuth": {"clientAuthType": kind}}
    one = start(options)
    for name in ("none", "alice", "bob", "mallory", "old"):
        pair = None if name == "none" else getattr(clients, name)
        context = context_of(authority, clients, pair)
        if name in passes or (kind == "NoClientCert" or (not files and name != "none")):
            assert status(one, context) == 200, name
        else:
            with pytest.raises(REFUSED):
                status(one, context)


def test_several_cas_inline_and_as_files(start, authority, clients):
    one = start(options_of(clients, files=[clients.other.pem, clients.ca_file]))
    for pair in (clients.alice, clients.bob, clients.mallory):
        assert status(one, context_of(authority, clients, pair)) == 200


def test_curl_with_and_without_a_certificate(start, clients, authority_file, run):
    one = start()
    crt, key = clients.files(clients.bob)
    port = one.ports["websecure"]
    common = ["curl", "-sS", "--max-time", str(WAIT), "--cacert", authority_file, "--resolve",
              f"a.test:{port}:127.0.0.1", f"https://a.test:{port}/status/200"]
    assert run(*common, "--cert", crt, "--key", key).stdout == "status\n"
    assert run(*common).returncode in (35, 56)


def test_a_tcp_router_verifies_too(start, authority, clients, tcp_backend):
    async def echo(reader, writer):
        writer.write(await reader.read(100))
        await writer.drain()
        writer.close()

    one = start()
    backend = tcp_backend(echo)
    one.reload(merge(one.dynamic, {"tcp": {
        "routers": {"t": {"entryPoints": ["websecure"], "rule": "HostSNI(`t.test`)",
                          "service": "t", "tls": {"options": "mutual"}}},
        "services": {"t": {"loadBalancer": {"servers": [
            {"address": f"127.0.0.1:{backend.port}"}]}}}}}))
    for pair, passes in ((clients.alice, True), (None, False), (clients.mallory, False)):
        context = context_of(authority, clients, pair, name_check=False)
        context.verify_mode = ssl.CERT_NONE
        try:
            with wire.Connection(one.ports["websecure"], context, "t.test") as connection:
                connection.send(b"hello")
                assert (connection.read_rest() == b"hello") is passes
        except REFUSED:
            assert not passes


# ---- alerts and the log ----

@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
@pytest.mark.parametrize("who,alert12,alert13,reason", [
    ("none", "handshake failure", "certificate required", "no certificate came"),
    ("mallory", "unknown ca", "unknown ca", "unknown authority"),
    ("old", "certificate expired", "certificate expired", "is expired"),
    ("revoked", "certificate revoked", "certificate revoked", "is revoked"),
])
def test_the_right_alert_and_a_line_in_the_log(start, clients, version, who, alert12, alert13,
                                               reason):
    clients.write_crl(clients.alice)
    one = start(static={"weir": {"tls": {"crlFiles": [clients.crl_file]}}})
    pair = {"none": None, "revoked": clients.alice}.get(who, getattr(clients, who, None))
    since = len(one.log.lines)
    _, errors = s_client(one, clients, pair, version)
    alert = alert12 if version == "-tls1_2" else alert13
    assert f"alert {alert}" in errors, errors
    line = one.log.wait("client certificate refused", since).string
    name = {"none": "", "revoked": "CN=alice"}.get(who, f"CN={who}")
    assert "INF" in line and "client=127.0.0.1:" in line and reason in line, line
    assert f"subject={name}" in line.replace('"', ""), line
    assert len([text for text in one.log.lines[since:] if "certificate refused" in text]) == 1


@pytest.mark.parametrize("suite", ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
                                   "TLS_CHACHA20_POLY1305_SHA256"])
def test_the_alert_is_sealed_with_every_suite(start, clients, suite):
    one = start()
    _, errors = s_client(one, clients, clients.old, "-ciphersuites", suite)
    assert "alert certificate expired" in errors, errors


def test_alerts_before_certificates(start, authority, clients):
    one = start({"sniStrict": True, "minVersion": "VersionTLS13"})

    def alert(*arguments, **options):
        return s_client(one, clients, None, *arguments, **options)[1]

    assert "alert protocol version" in alert("-tls1_2")
    assert "alert handshake failure" in alert("-tls1_3", "-groups", "P-521")
    assert "alert no application protocol" in alert("-alpn", "h3")
    assert "alert handshake failure" in alert("-tls1_2", "-cipher", "AES128-SHA", name="b.test")
    one.reload(merge(one.dynamic, {"tls": {"certificates": [authority.issue("b.test").inline]}}))
    assert "unrecognized name" in alert()


# ---- files that change ----

def eventually(one, since, message="configuration loaded"):
    one.log.wait(message, since)


def begin_with_crl(start, authority, clients):
    """Weir with a revocation list that names nobody, Alice's context, a connection of hers."""
    clients.write_crl()
    one = start(static={"weir": {"tls": {"crlFiles": [clients.crl_file]}}})
    context = context_of(authority, clients, clients.alice)
    kept = wire.Connection(one.ports["websecure"], context, "a.test")
    assert kept.request("/status/200").status == 200
    return one, context, kept


def mend_crl(one, clients):
    since = len(one.log.lines)
    clients.write_crl()
    eventually(one, since)


def test_a_crl_replaced_while_running_counts_at_once(start, authority, clients):
    one, context, kept = begin_with_crl(start, authority, clients)
    since = len(one.log.lines)
    clients.write_crl(clients.alice)
    eventually(one, since)
    with pytest.raises(REFUSED):
        status(one, context)
    # What was open before is asked to come again.
    assert kept.request("/status/200").status == 421
    assert kept.is_closed()
    kept.close()
    assert status(one, context_of(authority, clients, clients.bob)) == 200
    mend_crl(one, clients)
    assert status(one, context) == 200


def test_a_crl_that_cannot_be_read_closes_what_verifies(start, authority, clients):
    one, context, kept = begin_with_crl(start, authority, clients)
    since = len(one.log.lines)
    with open(clients.crl_file, "wb") as file:
        file.write(b"rubbish\n")
    line = one.log.wait("tls.options.mutual", since).string
    assert clients.crl_file in line and "weir.tls.crlFiles" in line
    eventually(one, since)
    with pytest.raises(REFUSED):
        status(one, context)
    assert kept.request("/status/200").status == 421
    kept.close()
    assert status(one, context_of(authority, clients), "b.test") == 200
    report = run_weir("check", "--configFile=weir.yml", folder=one.folder)
    assert report.returncode == 1 and clients.crl_file in report.stdout
    mend_crl(one, clients)
    assert status(one, context) == 200


def test_a_crl_that_has_run_out_closes_too(start, authority, clients):
    clients.write_crl(days=-1)
    one = start(static={"weir": {"tls": {"crlFiles": [clients.crl_file]}}})
    since = len(one.log.lines)
    with pytest.raises(REFUSED):
        status(one, context_of(authority, clients, clients.alice))
    one.log.wait("client certificate refused.*not current", since)


def test_a_der_crl_and_an_issuer_without_one(start, authority, clients):
    path = os.path.join(str(clients.folder), "ca.crl.der")
    with open(path, "wb") as file:
        file.write(clients.ca.revocations(encoding=serialization.Encoding.DER))
    one = start(static={"weir": {"tls": {"crlFiles": [path]}}})
    assert status(one, context_of(authority, clients, clients.alice)) == 200
    with pytest.raises(REFUSED):  # no list of the intermediate
        status(one, context_of(authority, clients, clients.bob))


def test_a_ca_file_replaced_while_running_counts_at_once(start, authority, clients):
    one = start()
    alice = context_of(authority, clients, clients.alice)
    assert status(one, alice) == 200
    since = len(one.log.lines)
    clients.other.write(clients.folder, "clients")
    eventually(one, since)
    with pytest.raises(REFUSED):
        status(one, alice)
    assert status(one, context_of(authority, clients, clients.mallory)) == 200
    since = len(one.log.lines)
    os.unlink(clients.ca_file)
    one.log.wait("tls.options.mutual.*clientAuth.caFiles", since)
    eventually(one, since)
    with pytest.raises(REFUSED):
        status(one, context_of(authority, clients, clients.mallory))


def test_a_default_that_cannot_verify_never_replaces_the_one_that_can(start, authority, clients):
    one = start()
    one.reload(merge(one.dynamic, {"tls": {"options": {"default": options_of(clients)}}}))
    since = len(one.log.lines)
    os.unlink(clients.ca_file)
    one.log.wait("reload failed, the running configuration stays", since)
    assert status(one, context_of(authority, clients, clients.alice), "b.test") == 200
    with pytest.raises(REFUSED):
        status(one, context_of(authority, clients), "b.test")


def test_switched_on_it_holds_for_open_connections(start, authority, clients):
    one = start({"sniStrict": True})
    kept = wire.Connection(one.ports["websecure"], context_of(authority, clients), "a.test")
    assert kept.request("/status/200").status == 200
    one.reload(merge(one.dynamic, {"tls": {"options": {"mutual": options_of(clients)}}}))
    assert kept.request("/status/200").status == 421
    assert kept.is_closed()
    kept.close()


# ---- hosts and sessions ----

def test_another_hosts_handshake_does_not_reach_it(start, authority, clients):
    one = start()
    context = context_of(authority, clients, clients.alice)
    assert status(one, context, "b.test", "a.test") == 421
    assert status(one, context, "a.test", "b.test") == 421
    assert status(one, context, "a.test") == 200


def test_a_router_whose_host_gets_other_options_stays_closed(start, authority, clients):
    one = start()
    alice = context_of(authority, clients, clients.alice)
    path = {"entryPoints": ["websecure"], "service": "one", "tls": {"options": "mutual"}}
    since = len(one.log.lines)
    one.reload(merge(one.dynamic, {"http": {"routers": {
        # It takes b.test's options, which are the default ones.
        "p": {**path, "rule": "PathPrefix(`/private`)", "priority": 1000},
        # Two options for one host: both get the default.
        "c": {**path, "rule": "Host(`a.test`) && Path(`/other`)", "tls": {}}}}}))
    assert one.log.find("TLS options .*mutual.* are not used", since)

    def get(name, target):
        with wire.Connection(one.ports["websecure"], alice, name) as connection:
            return connection.request(target, host=name).status

    assert get("b.test", "/status/200") == 200
    assert get("b.test", "/private") == 421
    assert get("a.test", "/other") == 200
    assert get("a.test", "/status/200") == 421
    one.reload(merge(one.dynamic, {"http": {"routers": {"p": {
        **path, "rule": "PathPrefix(`/private`)", "priority": 1000}}}}))
    assert get("a.test", "/private") == 200
    assert get("b.test", "/private") == 421
    since = len(one.log.lines)
    os.unlink(clients.ca_file)
    one.log.wait("clientAuth.caFiles", since)
    one.log.wait("configuration loaded", since)
    assert get("b.test", "/private") == 503


@pytest.mark.parametrize("version", [V12, V13])
def test_no_session_leads_in(start, authority, clients, version):
    one = start()

    def connect(context, name, session=None):
        raw = socket.create_connection(("127.0.0.1", one.ports["websecure"]), WAIT)
        with context.wrap_socket(raw, server_hostname=name, session=session) as tls:
            tls.sendall(f"GET /status/200 HTTP/1.1\r\nHost: {name}\r\n\r\n".encode())
            assert tls.recv(100).startswith(b"HTTP/1.1 200")
            return tls.session_reused, tls.session

    bare = context_of(authority, clients, None, version, name_check=False)
    _, session = connect(bare, "b.test")
    assert connect(bare, "b.test", session)[0]
    with pytest.raises(REFUSED):
        connect(bare, "a.test", session)
    alice = context_of(authority, clients, clients.alice, version, name_check=False)
    _, session = connect(alice, "b.test")
    assert not connect(alice, "a.test", session)[0]
    _, session = connect(alice, "a.test")
    assert not connect(alice, "a.test", session)[0]
    assert not connect(alice, "b.test", session)[0]


# ---- what is passed on ----

FIELD = "X-Forwarded-Tls-Client-Cert"
FORGED = [(FIELD, "forged"), (f"{FIELD}-Info", "forged"), ("X_Forwarded-Tls_Client_Cert", "forged"),
          ("x-forwarded-tls-client-cert", "again")]
PASS = {"pass": {"passTLSClientCert": {
    "pem": True, "info": {"serialNumber": True, "sans": True, "notAfter": True, "notBefore": True,
                          "subject": {"commonName": True}, "issuer": {"commonName": True}}}}}


def test_the_certificate_is_passed_on_as_traefik_does(start, authority, clients):
    one = start(middlewares=PASS)
    context = context_of(authority, clients, clients.bob)
    with wire.Connection(one.ports["websecure"], context, "a.test") as connection:
        assert connection.request("/", headers=FORGED).status == 200
    request = one.backend.last
    chain = [base64.b64decode(part, validate=True) for part in request.get(FIELD).split(",")]
    certs = [x509.load_der_x509_certificate(der) for der in chain]
    assert [cert.serial_number for cert in certs] == [
        clients.bob.serial, clients.below.certificate.serial_number]
    begin, end = (calendar.timegm(when.timetuple())
                  for when in (certificates.EPOCH, certificates.FUTURE))
    info = urllib.parse.unquote_plus(request.get(f"{FIELD}-Info"))
    assert info == ",".join(
        f'Subject="CN={name}";Issuer="CN={issuer}";SerialNumber="{cert.serial_number}";'
        f'NB="{begin}";NA="{end}"' for name, issuer, cert in (
            ("bob", "Below", certs[0]), ("Below", "Clients", certs[1])))
    context = context_of(authority, clients, clients.alice)
    wire.fetch(one.ports["websecure"], context=context, name="a.test", host="a.test")
    assert urllib.parse.unquote_plus(one.backend.last.get(f"{FIELD}-Info")).endswith(
        'SAN="alice.test"')


def test_what_a_client_says_of_itself_never_passes(start, authority, clients):
    one = start(middlewares=PASS)
    for name in ("a.test", "b.test"):
        context = context_of(authority, clients, clients.alice)
        with wire.Connection(one.ports["websecure"], context, name) as connection:
            assert connection.request("/", host=name, headers=FORGED).status == 200
        assert "forged" not in str(one.backend.last.headers)
        assert len(one.backend.last.all(FIELD)) == (1 if name == "a.test" else 0)


def test_not_even_from_a_trusted_address(site, authority, clients):
    router = {"entryPoints": ["web"], "service": "one"}
    one = site(entries={"web": {"forwardedHeaders": {"insecure": True}}},
               routers={"p": {**router, "rule": "Path(`/passed`)", "middlewares": ["pass"]},
                        "q": {**router, "rule": "Path(`/plain`)"}})
    one.reload(merge(one.dynamic, {"http": {"middlewares": PASS}}))
    with wire.Connection(one.ports["web"]) as connection:
        assert connection.request("/passed", headers=FORGED[:2]).status == 200
        assert one.backend.last.all(FIELD) == [] and one.backend.last.all(f"{FIELD}-Info") == []
        # Without the middleware the proxy in front is believed, as in Traefik.
        assert connection.request("/plain", headers=FORGED[:2]).status == 200
        assert one.backend.last.get(FIELD) == "forged"


def test_the_access_log_has_the_subject(start, authority, clients, tmp_path):
    path = tmp_path / "access.log"
    one = start(static={"accessLog": {"filePath": str(path), "format": "json"}})
    assert status(one, context_of(authority, clients, clients.alice)) == 200
    assert status(one, context_of(authority, clients), "b.test") == 200
    one.stop()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert {line["RequestHost"]: line.get("TLSClientSubject") for line in lines} == {
        "a.test": "CN=alice", "b.test": None}


# ---- profiles, entry points ----

@pytest.mark.parametrize("profile,old", [("modern", False), ("intermediate", True), (None, True)])
def test_a_profile_is_for_who_says_nothing_else(start, authority, clients, profile, old):
    static = {"weir": {"tls": {"profile": profile}}} if profile else None
    one = start({"minVersion": "VersionTLS12"}, static=static)
    context = context_of(authority, clients, None, V12)
    assert status(one, context, "a.test") == 200
    if old:
        assert status(one, context, "b.test") == 200
    else:
        with pytest.raises(ssl.SSLError, match="(?i)protocol.version"):
            status(one, context, "b.test")
    assert status(one, context_of(authority, clients), "b.test") == 200


def test_an_entry_points_options_hold_for_its_routers(weir, http_backend, authority, clients):
    backend = http_backend()
    one = weir(
        entries={"mutual": {"http": {"tls": {"options": "mutual@file"}}}, "open": {}},
        dynamic={"http": {"routers": {"r": {"rule": "Host(`a.test`)", "service": "one"},
                                      "s": {"rule": "Host(`a.test`)", "service": "one",
                                            "tls": {}, "entryPoints": ["open"]}},
                          "services": {"one": backends.http_service(backend)}},
                 "tls": {"certificates": [authority.issue("a.test").inline],
                         "options": {"mutual": options_of(clients)}}})
    bare, alice = context_of(authority, clients), context_of(authority, clients, clients.alice)

    def fetch(entry, context):
        return wire.fetch(one.ports[entry], context=context, name="a.test", host="a.test").status

    assert fetch("mutual", alice) == 200
    with pytest.raises(REFUSED):
        fetch("mutual", bare)
    assert fetch("open", bare) == 200


def test_as_default_it_is_for_every_host(start, authority, clients):
    one = start()
    one.reload(merge(one.dynamic, {"tls": {"options": {"default": options_of(clients)}}}))
    for name in ("a.test", "b.test"):
        assert status(one, context_of(authority, clients, clients.alice), name) == 200
        with pytest.raises(REFUSED):
            status(one, context_of(authority, clients), name)
