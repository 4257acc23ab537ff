# SPDX-License-Identifier: GPL-3.0-or-later
# TIMEOUT: 240
# BUILDS: release asan tsan
"""TLS as clients of different families see it: curl, openssl, gnutls-cli, Python's ssl."""

import re
import socket
import ssl
import struct
import subprocess

import pytest

import wire
from server import PATIENCE, WAIT, Lines, merge

V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


@pytest.fixture
def secure(site):
    return site(entries={"websecure": {}},
                routers={"secure": {"entryPoints": ["websecure"], "rule": "PathPrefix(`/`)",
                                    "service": "one", "tls": {}}})


def curl(run, one, ca, *arguments, name="a.test", path="/"):
    port = one.ports["websecure"]
    return run("curl", "-sS", "--max-time", str(WAIT), "--cacert", ca, "--resolve",
               f"{name}:{port}:127.0.0.1", *arguments, f"https://{name}:{port}{path}")


def s_client(run, one, *arguments, name="a.test", text="", versions=()):
    return run("openssl", "s_client", "-connect", f"127.0.0.1:{one.ports['websecure']}",
               "-servername", name, *versions, *arguments, input=text)


# ---- curl ----

@pytest.mark.parametrize("version", [["--tlsv1.2", "--tls-max", "1.2"], ["--tlsv1.3"]])
def test_curl_verifies_and_gets_an_answer(secure, run, authority_file, version):
    answer = curl(run, secure, authority_file, *version, "-w", "%{http_code}", path="/status/200")
    assert (answer.stdout, answer.returncode) == ("status\n200", 0), answer
    request = secure.backend.last
    assert request.get("X-Forwarded-Proto") == "https"


@pytest.mark.parametrize(("option", "version"), [("--http2", "2"), ("--http1.1", "1.1")])
def test_curl_gets_the_version_it_asks_for(secure, run, authority_file, option, version):
    answer = curl(run, secure, authority_file, option, "-o", "/dev/null", "-w",
                  "%{http_version}")
    assert answer.stdout == version, answer


def test_curl_keeps_the_connection(secure, run, authority_file):
    url = f"https://a.test:{secure.ports['websecure']}/"
    answer = curl(run, secure, authority_file, "-o", "/dev/null", "-o", "/dev/null", "-w",
                  "%{num_connects} ", url)
    assert answer.stdout == "1 0 ", answer


def test_curl_uploads(secure, run, authority_file, tmp_path):
    (tmp_path / "up").write_bytes(b"u" * 300000)
    answer = curl(run, secure, authority_file, "-T", str(tmp_path / "up"), path="/sink")
    assert answer.stdout.startswith("300000 "), answer


# ---- openssl ----

@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_openssl_handshakes_and_speaks_http(secure, run, authority_file, version):
    answer = s_client(run, secure, "-CAfile", authority_file, "-verify_return_error",
                      "-verify_hostname", "a.test", "-alpn", "http/1.1", "-ign_eof",
                      text="GET /status/200 HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n",
                      versions=[version])
    assert "Verify return code: 0 (ok)" in answer.stdout, answer
    assert "ALPN protocol: http/1.1" in answer.stdout
    assert "HTTP/1.1 200" in answer.stdout and "\nstatus\n" in answer.stdout


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_openssl_resumes(secure, run, tmp_path, version):
    session = str(tmp_path / "session")
    request = "GET /status/200 HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n"
    first = s_client(run, secure, "-sess_out", session, "-ign_eof", text=request,
                     versions=[version])
    assert "New, TLSv1" in first.stdout, first
    second = s_client(run, secure, "-sess_in", session, "-ign_eof", text=request,
                      versions=[version])
    assert "Reused, TLSv1" in second.stdout, second.stdout
    assert "\nstatus\n" in second.stdout


@pytest.mark.parametrize("version", ["-tls1", "-tls1_1"])
def test_old_versions_are_refused(secure, run, version):
    answer = s_client(run, secure, "-cipher", "ALL:@SECLEVEL=0", versions=[version])
    assert "Cipher is (NONE)" in answer.stdout, answer
    assert "alert protocol version" in answer.stderr, answer.stderr


@pytest.mark.parametrize("group", ["X25519", "P-256", "P-384"])
def test_groups(secure, run, group):
    answer = s_client(run, secure, "-groups", group, text="Q\n")
    assert "Cipher is TLS_" in answer.stdout, answer


@pytest.mark.parametrize("suite", ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
                                   "TLS_CHACHA20_POLY1305_SHA256"])
def test_suites_of_tls13(secure, run, suite):
    answer = s_client(run, secure, "-ciphersuites", suite, versions=["-tls1_3"])
    assert f"Cipher is {suite}" in answer.stdout, answer


@pytest.mark.parametrize("suite", ["ECDHE-ECDSA-AES128-GCM-SHA256",
                                   "ECDHE-ECDSA-AES256-GCM-SHA384",
                                   "ECDHE-ECDSA-CHACHA20-POLY1305"])
def test_suites_of_tls12(secure, run, suite):
    answer = s_client(run, secure, "-cipher", suite, versions=["-tls1_2"])
    assert f"Cipher is {suite}" in answer.stdout, answer


def test_renegotiation_is_refused(secure, run):
    answer = s_client(run, secure, text="R\n", versions=["-tls1_2"])
    assert "Secure Renegotiation IS supported" in answer.stdout, answer
    assert re.search("alert (unexpected message|handshake failure|no renegotiation)",
                     answer.stderr), answer.stderr


def test_key_update_is_answered(secure, run):
    answer = s_client(run, secure, text="K\nQ\n", versions=["-tls1_3"])
    assert "KEYUPDATE" in answer.stdout + answer.stderr, answer


# ---- gnutls ----

@pytest.mark.parametrize("priority", ["NORMAL:-VERS-ALL:+VERS-TLS1.2",
                                      "NORMAL:-VERS-ALL:+VERS-TLS1.3"])
def test_gnutls_handshakes_and_resumes(secure, authority_file, priority):
    process = subprocess.Popen(
        ["gnutls-cli", "--x509cafile", authority_file, "--priority", priority,
         "--alpn", "http/1.1", "--sni-hostname", "a.test", "--verify-hostname", "a.test",
         "--resume", "--waitresumption", "--port", str(secure.ports["websecure"]), "127.0.0.1"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    output = Lines(process.stdout)
    try:
        output.wait("Status: The certificate is trusted")
        output.wait("This is a resumed session")
        output.wait("Simple Client Mode")
        process.stdin.write("GET /status/200 HTTP/1.1\nHost: a.test\nConnection: close\n\n"
                            .replace("\n", "\r\n"))
        process.stdin.flush()
        output.wait("HTTP/1.1 200")
        output.wait("^status$")
        assert process.wait(WAIT) == 0
    finally:
        process.kill()
        process.stdin.close()
        output.thread.join(WAIT)
        process.stdout.close()


# ---- Python ----

@pytest.mark.parametrize("version", [V12, V13])
def test_python_gets_an_answer(secure, authority, version):
    context = wire.trusting(authority, minimum=version, maximum=version)
    context.set_alpn_protocols(["http/1.1"])
    with wire.Connection(secure.ports["websecure"], context, "a.test") as connection:
        for size in (0, 1, 100, 16384, 16385, 200000):
            response = connection.request(f"/bytes/{size}")
            assert len(response.body) == size
        assert connection.socket.selected_alpn_protocol() == "http/1.1"


@pytest.mark.parametrize("version", [V12, V13])
def test_a_session_is_resumed_by_every_worker(secure, authority, version):
    context = wire.trusting(authority, minimum=version, maximum=version)
    with wire.Connection(secure.ports["websecure"], context, "a.test") as connection:
        connection.request("/")
        session = connection.socket.session
    # Connections spread over the workers by their ports.
    for _ in range(12):
        raw = socket.create_connection(("127.0.0.1", secure.ports["websecure"]), WAIT)
        with context.wrap_socket(raw, server_hostname="a.test", session=session) as again:
            assert again.session_reused
            again.sendall(b"GET /status/200 HTTP/1.1\r\nHost: a.test\r\n\r\n")
            assert again.recv(100).startswith(b"HTTP/1.1 200")


def test_closing_is_announced(secure, trust):
    with wire.Connection(secure.ports["websecure"], trust, "a.test") as connection:
        response = connection.request("/", headers=[("Connection", "close")])
        assert response.status == 200
        connection.socket.suppress_ragged_eofs = False
        assert connection.read_rest() == b""  # an error without close_notify


def test_no_alpn_is_http1(secure, trust):
    assert wire.fetch(secure.ports["websecure"], context=trust, name="a.test").status == 200


def test_a_protocol_that_is_not_served_is_refused(secure, authority):
    context = wire.trusting(authority)
    context.set_alpn_protocols(["h3"])
    with pytest.raises(ssl.SSLError, match="(?i)no.application.protocol"):
        wire.fetch(secure.ports["websecure"], context=context, name="a.test")


# ---- the first bytes ----

def client_hello(context, name):
    """What a client sends first, without a connection."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return tls, incoming, outgoing, outgoing.read()


def finish_handshake(raw, tls, incoming, outgoing):
    while True:
        try:
            tls.do_handshake()
            raw.sendall(outgoing.read())
            return
        except ssl.SSLWantReadError:
            raw.sendall(outgoing.read())
            data = raw.recv(65536)
            assert data, "closed in the handshake"
            incoming.write(data)


def speak(raw, tls, incoming, outgoing):
    tls.write(b"GET /status/200 HTTP/1.1\r\nHost: a.test\r\n\r\n")
    raw.sendall(outgoing.read())
    while True:
        try:
            return tls.read(100)
        except ssl.SSLWantReadError:
            incoming.write(raw.recv(65536))


@pytest.mark.parametrize("split", ["bytes", "records", "header in pieces"])
def test_a_clienthello_in_pieces_is_one(secure, trust, split):
    tls, incoming, outgoing, hello = client_hello(trust, "a.test")
    if split == "bytes":
        pieces = [hello[i:i + 1] for i in range(len(hello))]
    else:
        body, first = hello[5:], 10 if split == "records" else 1
        pieces = [struct.pack("!BHH", 22, 0x0301, len(part)) + part
                  for part in (body[:first], body[first:50], body[50:])]
    with socket.create_connection(("127.0.0.1", secure.ports["websecure"]), WAIT) as raw:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            raw.sendall(piece)
        finish_handshake(raw, tls, incoming, outgoing)
        assert speak(raw, tls, incoming, outgoing).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("data", [b"\x16\x03\x01\x00\x00" * 3, b"\x16\x03\x01\x40\x01" + b"x" * 100,
                                  b"\x16\x03\x01\x00\x04\x01\xff\xff\xff" + b"\0" * 20,
                                  b"\x16\x03\x01\x00\x05\x02\x00\x00\x01\x00", b"\x80\x2e\x01\x03"])
def test_rubbish_is_refused(secure, trust, data):
    with wire.Connection(secure.ports["websecure"]) as connection:
        connection.send(data)
        connection.end()
        try:
            answer = connection.read_rest()
        except ConnectionResetError:
            answer = b""
        assert len(answer) < 400
    assert wire.fetch(secure.ports["websecure"], context=trust, name="a.test").status == 200


def test_plain_http_on_a_tls_port_is_400(secure):
    response = wire.fetch(secure.ports["websecure"])
    assert response.status == 400
    assert b"TLS" in response.body


def test_both_on_one_port(site, trust):
    rules = {"plain": {"entryPoints": ["web"], "rule": "PathPrefix(`/`)", "service": "one"},
             "secure": {"entryPoints": ["web"], "rule": "PathPrefix(`/`)", "service": "one",
                        "tls": {}}}
    one = site(entries={"web": {}}, routers=rules)
    assert wire.fetch(one.ports["web"]).status == 200
    assert one.backend.last.get("X-Forwarded-Proto") == "http"
    assert wire.fetch(one.ports["web"], context=trust, name="a.test").status == 200
    assert one.backend.last.get("X-Forwarded-Proto") == "https"


# ---- options ----

def with_options(one, options, router=None, **more):
    dynamic = merge(one.dynamic, {"tls": {"options": options}, "http": {"routers": router or {}}})
    return merge(dynamic, more)


def test_minimum_version(secure, authority):
    secure.reload(with_options(secure, {"default": {"minVersion": "VersionTLS13"}}))
    with pytest.raises(ssl.SSLError, match="PROTOCOL_VERSION"):
        wire.fetch(secure.ports["websecure"], name="a.test",
                   context=wire.trusting(authority, maximum=V12))
    context = wire.trusting(authority)
    assert wire.fetch(secure.ports["websecure"], context=context, name="a.test").status == 200


def test_maximum_version(secure, authority):
    secure.reload(with_options(secure, {"default": {"maxVersion": "VersionTLS12"}}))
    with wire.Connection(secure.ports["websecure"], wire.trusting(authority),
                         "a.test") as connection:
        assert connection.socket.version() == "TLSv1.2"


def test_cipher_suites(secure, authority):
    secure.reload(with_options(secure, {"default": {
        "maxVersion": "VersionTLS12",
        "cipherSuites": ["TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"]}}))
    with wire.Connection(secure.ports["websecure"], wire.trusting(authority),
                         "a.test") as connection:
        assert connection.socket.cipher()[0] == "ECDHE-ECDSA-AES256-GCM-SHA384"
    context = wire.trusting(authority)
    context.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")
    with pytest.raises(ssl.SSLError, match="HANDSHAKE_FAILURE"):
        wire.fetch(secure.ports["websecure"], context=context, name="a.test")


GCM, CBC = "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA"


@pytest.fixture
def old_suites(secure):
    secure.reload(with_options(secure, {"default": {
        "alpnProtocols": ["h2", "http/1.1"],
        "cipherSuites": ["TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
                         "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"]}}))
    return secure


def old_context(authority, ciphers, *protocols):
    context = wire.trusting(authority, maximum=V12)
    context.set_ciphers(ciphers)
    context.set_alpn_protocols(protocols)
    return context


# RFC 9113 §9.2.2 and its appendix A.
@pytest.mark.parametrize(("ciphers", "suite", "protocol"), [
    (CBC, CBC, "http/1.1"), (f"{CBC}:{GCM}", GCM, "h2"), (GCM, GCM, "h2")])
def test_http2_is_not_agreed_over_a_suite_with_cbc(old_suites, authority, ciphers, suite,
                                                   protocol):
    context = old_context(authority, ciphers, "h2", "http/1.1")
    with wire.Connection(old_suites.ports["websecure"], context, "a.test") as connection:
        assert connection.socket.cipher()[0] == suite
        assert connection.socket.selected_alpn_protocol() == protocol
        if protocol == "http/1.1":
            assert connection.request("/").status == 200


def test_who_offers_http2_over_cbc_alone_is_refused(old_suites, authority):
    with pytest.raises(ssl.SSLError, match="no application protocol"):
        wire.fetch(old_suites.ports["websecure"], context=old_context(authority, CBC, "h2"),
                   name="a.test")


@pytest.mark.parametrize("first", [["http/1.1"], []], ids=["http/1.1", "without ALPN"])
def test_a_session_with_cbc_is_not_resumed_for_http2(old_suites, authority, first):
    context = wire.trusting(authority, maximum=V12)
    context.set_ciphers(CBC)
    if first:
        context.set_alpn_protocols(first)
    port = old_suites.ports["websecure"]
    with wire.Connection(port, context, "a.test") as connection:
        assert connection.request("/").status == 200
        session = connection.socket.session
    context.set_ciphers(f"{CBC}:{GCM}")
    context.set_alpn_protocols(["h2"])
    with socket.create_connection(("127.0.0.1", port), WAIT) as raw:
        with context.wrap_socket(raw, server_hostname="a.test", session=session) as tls:
            assert (tls.session_reused, tls.cipher()[0]) == (False, GCM)
            assert tls.selected_alpn_protocol() == "h2"


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_curve_preferences(secure, run, version):
    secure.reload(with_options(secure, {"default": {"curvePreferences": ["CurveP384"]}}))
    good = s_client(run, secure, "-groups", "P-256:P-384", versions=[version])
    # "Server Temp Key: ECDH, P-384", or "Peer Temp Key: ECDH, secp384r1" since OpenSSL 3.5
    assert re.search(r"Temp Key: ECDH, \S*384", good.stdout), good
    bad = s_client(run, secure, "-groups", "P-256:X25519", versions=[version])
    assert "Cipher is (NONE)" in bad.stdout, bad


def test_tickets_can_be_switched_off(secure, authority):
    secure.reload(with_options(secure, {"default": {"disableSessionTickets": True}}))
    for version in (V12, V13):
        context = wire.trusting(authority, minimum=version, maximum=version)
        with wire.Connection(secure.ports["websecure"], context, "a.test") as connection:
            connection.request("/")
            session = connection.socket.session
        raw = socket.create_connection(("127.0.0.1", secure.ports["websecure"]), WAIT)
        with context.wrap_socket(raw, server_hostname="a.test", session=session) as again:
            assert not again.session_reused


def two_hosts(one, authority, options):
    def router(name, tls):
        return {"entryPoints": ["websecure"], "rule": f"Host(`{name}.test`)", "service": "one",
                "tls": tls}
    return {"http": {"routers": {"a": router("a", {}), "b": router("b", {"options": "b"})},
                     "services": one.dynamic["http"]["services"]},
            "tls": {"certificates": [authority.issue("a.test", "b.test").inline],
                    "options": {"b": options}}}


def test_options_belong_to_a_host(secure, authority):
    secure.reload(two_hosts(secure, authority, {"minVersion": "VersionTLS13"}))
    port, old = secure.ports["websecure"], wire.trusting(authority, maximum=V12)
    assert wire.fetch(port, context=old, name="a.test").status == 200
    with pytest.raises(ssl.SSLError, match="PROTOCOL_VERSION"):
        wire.fetch(port, context=old, name="b.test", host="b.test")
    new = wire.trusting(authority)
    assert wire.fetch(port, context=new, name="b.test", host="b.test").status == 200


def test_a_host_under_other_options_is_421(secure, authority):
    secure.reload(two_hosts(secure, authority, {"minVersion": "VersionTLS13"}))
    response = wire.fetch(secure.ports["websecure"], context=wire.trusting(authority),
                          name="a.test", host="b.test")
    assert response.status == 421


def test_a_session_does_not_cross_options(secure, authority):
    secure.reload(two_hosts(secure, authority, {"minVersion": "VersionTLS13"}))
    context = wire.trusting(authority, name_check=False)
    with wire.Connection(secure.ports["websecure"], context, "a.test") as connection:
        connection.request("/")
        session = connection.socket.session
    raw = socket.create_connection(("127.0.0.1", secure.ports["websecure"]), WAIT)
    with context.wrap_socket(raw, server_hostname="b.test", session=session) as again:
        assert not again.session_reused


def test_unknown_options_close_the_connection(secure, authority):
    dynamic = two_hosts(secure, authority, {})
    dynamic["http"]["routers"]["b"]["tls"]["options"] = "absent"
    secure.reload(dynamic)
    port, context = secure.ports["websecure"], wire.trusting(authority)
    with pytest.raises((ssl.SSLError, OSError)):
        wire.fetch(port, context=context, name="b.test", host="b.test")
    assert wire.fetch(port, context=context, name="a.test").status == 200


def test_one_host_with_different_options_gets_the_default(secure, authority):
    dynamic = two_hosts(secure, authority, {"minVersion": "VersionTLS13"})
    dynamic["http"]["routers"]["a"]["rule"] = "Host(`b.test`) && Path(`/x`)"
    secure.reload(dynamic)
    old = wire.trusting(authority, maximum=V12)
    assert wire.fetch(secure.ports["websecure"], context=old, name="b.test",
                      host="b.test").status == 200


# ---- under load ----

def test_h2load_handshakes_without_error(secure, run):
    count = 400 // PATIENCE
    answer = run("h2load", "--h1", "-n", str(count), "-c", str(count // 4),
                 f"https://127.0.0.1:{secure.ports['websecure']}/status/200")
    assert f"{count} succeeded, 0 failed, 0 errored" in answer.stdout, answer
    assert re.search(r"TLS Protocol: TLSv1\.3", answer.stdout)
