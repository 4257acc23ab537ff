# SPDX-License-Identifier: GPL-3.0-or-later
# TIMEOUT: 180
"""OCSP stapling: what openssl's client is shown, with responders of every kind."""

import datetime
import http.server
import os
import re
import subprocess
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp

import certificates
from server import Lines, eventually

VERSIONS = ["-tls1_2", "-tls1_3"]
NAMED = "http://responder.test/ocsp"
HOUR = datetime.timedelta(hours=1)


def now():
    return datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None, microsecond=0)


class Responder:
    """Answers what `answer(request)` says: bytes, or None for status 500. `asked` counts."""

    def __init__(self, answer):
        self.answer, self.asked = answer, 0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                assert self.headers["Content-Type"] == "application/ocsp-request"
                answer = outer.answer(ocsp.load_der_ocsp_request(body))
                self.send_response(500 if answer is None else 200)
                self.send_header("Content-Length", str(len(answer or b"")))
                self.end_headers()
                self.wfile.write(answer or b"")
                outer.asked += 1

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/ocsp"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Authority(certificates.Authority):
    """Answers about what it has issued."""

    def respond(self, pair, status=ocsp.OCSPCertStatus.GOOD, begin=None, end=None, signer=None,
                shown=()):
        begin = begin or now() - HOUR
        revoked = status == ocsp.OCSPCertStatus.REVOKED
        certificate, key = signer or (self.certificate, self.key)
        builder = ocsp.OCSPResponseBuilder().add_response(
            cert=pair.certificate, issuer=self.certificate, algorithm=hashes.SHA1(),
            cert_status=status, this_update=begin, next_update=end or now() + 48 * HOUR,
            revocation_time=begin if revoked else None, revocation_reason=None)
        builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, certificate)
        if shown:
            builder = builder.certificates(list(shown))
        return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


@pytest.fixture
def ca():
    return Authority("Weir status authority")


@pytest.fixture
def responder():
    made = []

    def start(answer):
        made.append(Responder(answer))
        return made[-1]
    yield start
    for one in made:
        one.stop()


@pytest.fixture
def stapling(weir, tmp_path):
    """A Weir for one pair that asks this responder instead of the one in the certificate."""
    def start(pair, url, **tls):
        dynamic = {"http": {
            "routers": {"r": {"entryPoints": ["websecure"], "rule": "PathPrefix(`/`)",
                              "service": "one", "tls": {}}},
            "services": {"one": {"loadBalancer": {"servers": [{"url": "http://127.0.0.1:1"}]}}}},
            "tls": {"certificates": [pair.inline]}}
        return weir(entries={"websecure": {}}, dynamic=dynamic,
                    environment={"no_proxy": "*"},
                    static={"ocsp": {"responderOverrides": {NAMED: url}},
                            "weir": {"tls": tls} if tls else {}, "log": {"level": "DEBUG"}})
    return start


def status(run, one, version):
    """The status in the staple, or None."""
    answer = run("openssl", "s_client", "-connect", f"127.0.0.1:{one.ports['websecure']}",
                 "-servername", "a.test", "-status", version, input="")
    assert "Cipher is" in answer.stdout and "(NONE)" not in answer.stdout, answer
    if "OCSP response: no response sent" in answer.stdout:
        return None
    return re.search(r"Cert Status: (\w+)", answer.stdout)[1]


def pair_of(ca, **arguments):
    return ca.issue("a.test", responder=NAMED, send_issuer=True, **arguments)


@pytest.mark.parametrize("kind", ["p256", "rsa2048"])
def test_a_good_answer_is_stapled(stapling, responder, run, ca, kind):
    pair = pair_of(ca, kind=kind)
    one = stapling(pair, responder(lambda request: ca.respond(pair)).url)
    one.log.wait("OCSP staple certificate")
    for version in VERSIONS:
        assert status(run, one, version) == "good"
    plain = run("openssl", "s_client", "-connect", f"127.0.0.1:{one.ports['websecure']}",
                "-servername", "a.test", input="")
    assert "Cipher is" in plain.stdout and "OCSP" not in plain.stdout


def test_openssls_own_responder(stapling, run, ca, tmp_path):
    pair = pair_of(ca)
    files = ca.write(tmp_path), tmp_path / "ca.key", tmp_path / "index"
    files[1].write_text(certificates.key_pem(ca.key))
    serial = f"{pair.serial:X}"
    serial = serial.zfill(len(serial) + len(serial) % 2)
    files[2].write_text(f"V\t491231235959Z\t\t{serial}\tunknown\t/CN=a.test\n")
    process = subprocess.Popen(
        ["openssl", "ocsp", "-port", "0", "-index", files[2], "-CA", files[0], "-rsigner",
         files[0], "-rkey", files[1], "-ndays", "2"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=dict(os.environ))
    lines = Lines(process.stdout)
    try:
        port = lines.wait(r"ACCEPT .*:(\d+)")[1]
        one = stapling(pair, f"http://127.0.0.1:{port}/")
        one.log.wait("OCSP staple certificate")
        for version in VERSIONS:
            assert status(run, one, version) == "good"
    finally:
        process.kill()
        process.wait()


def test_an_authorised_signer_is_accepted_and_no_other(stapling, responder, run, ca):
    pair = pair_of(ca)
    purpose = x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.OCSP_SIGNING])
    good = ca.issue(common_name="signer", kind="p384", extensions=[purpose])
    bad = ca.issue(common_name="no signer", kind="p384")
    other = Authority("somebody else").issue(common_name="signer", kind="p384",
                                             extensions=[purpose])
    signers = [bad, other, good]
    answers = [ca.respond(pair, signer=(one.certificate, one.key), shown=[one.certificate])
               for one in signers]
    for answer, expected in zip(answers, [None, None, "good"]):
        one = stapling(pair, responder(lambda request, answer=answer: answer).url)
        one.log.wait("OCSP staple certificate" if expected else "signature is not of the issuer")
        assert status(run, one, "-tls1_3") == expected


@pytest.mark.parametrize("what,reason", [
    ("down", "no OCSP staple.*(connect|refused)"), ("500", "status 500"),
    ("garbage", "no OCSP response"), ("refusal", "refuses to answer"),
    ("stale", "it is stale"), ("future", "of the future"),
    ("unknown", "does not know"), ("another", "about another certificate"),
    ("stranger", "signature is not of the issuer"), ("huge", "no OCSP staple"),
    ("revoked", "the certificate is revoked")])
def test_what_is_not_good_is_not_stapled_and_disturbs_nobody(stapling, responder, run, ca, what,
                                                             reason):
    pair, statuses = pair_of(ca), ocsp.OCSPCertStatus
    answers = {
        "500": lambda: None, "garbage": lambda: b"no answer at all", "down": lambda: b"",
        "refusal": lambda: b"\x30\x03\x0a\x01\x06",
        "stale": lambda: ca.respond(pair, begin=now() - 9 * HOUR, end=now() - HOUR),
        "future": lambda: ca.respond(pair, begin=now() + HOUR),
        "unknown": lambda: ca.respond(pair, status=statuses.UNKNOWN),
        "another": lambda: ca.respond(pair_of(ca)),
        "stranger": lambda: ca.respond(pair, signer=(lambda other: (other.certificate, other.key))(
            Authority("Weir status authority"))),
        "huge": lambda: b"x" * 100000,
        "revoked": lambda: ca.respond(pair, status=statuses.REVOKED)}
    asked = responder(lambda request: answers[what]())
    if what == "down":
        asked.stop()
    one = stapling(pair, asked.url)
    one.log.wait(reason)
    for version in VERSIONS:
        assert status(run, one, version) is None


def test_a_staple_that_becomes_stale_is_not_sent_any_more(stapling, responder, run, ca):
    pair = pair_of(ca)
    one = stapling(pair, responder(
        lambda request: ca.respond(pair, end=now() + datetime.timedelta(seconds=6))).url)
    one.log.wait("OCSP staple certificate")
    assert status(run, one, "-tls1_3") == "good"
    eventually(lambda: status(run, one, "-tls1_3") is None, "it is stale")
    assert status(run, one, "-tls1_2") is None


def test_staples_survive_a_restart(stapling, responder, run, ca, tmp_path):
    pair, folder = pair_of(ca), tmp_path / "staples"
    asked = responder(lambda request: ca.respond(pair))
    one = stapling(pair, asked.url, ocspCache=str(folder))
    one.log.wait("OCSP staple certificate")
    one.stop()
    kept = folder / f"{pair.certificate.fingerprint(hashes.SHA256()).hex()}.ocsp"
    assert [kept] == list(folder.iterdir())
    asked.stop()
    again = stapling(pair, asked.url, ocspCache=str(folder))
    for version in VERSIONS:
        assert status(run, again, version) == "good"
    again.stop()
    # What is on disk is checked as if it came from the network.
    kept.write_bytes(ca.respond(pair, begin=now() - 9 * HOUR, end=now() - HOUR))
    last = stapling(pair, asked.url, ocspCache=str(folder))
    last.log.wait("no OCSP staple can be had")
    assert status(run, last, "-tls1_3") is None


def test_a_renewed_certificate_gets_a_staple_of_its_own(stapling, responder, run, ca):
    pairs = [pair_of(ca), pair_of(ca)]

    def answer(request):
        return ca.respond(next(pair for pair in pairs if pair.serial == request.serial_number))
    one = stapling(pairs[0], responder(answer).url)
    one.log.wait("OCSP staple certificate")
    since = len(one.log.lines)
    one.reload({"tls": {"certificates": [pairs[1].inline]}, "http": {
        "routers": {"r": {"entryPoints": ["websecure"], "rule": "PathPrefix(`/`)",
                          "service": "one", "tls": {}}},
        "services": {"one": {"loadBalancer": {"servers": [{"url": "http://127.0.0.1:1"}]}}}}})
    one.log.wait("OCSP staple certificate", since)
    for version in VERSIONS:
        assert status(run, one, version) == "good"


def test_without_the_issuer_or_the_section_nobody_is_asked(stapling, responder, run, ca, weir):
    pair = ca.issue("a.test", responder=NAMED)
    asked = responder(lambda request: ca.respond(pair))
    one = stapling(pair, asked.url)
    one.log.wait("no OCSP staple without the issuer")
    assert status(run, one, "-tls1_3") is None
    one.stop()
    one = weir(entries={"websecure": {}}, environment={"no_proxy": "*"}, dynamic={
        "tls": {"certificates": [ca.issue("a.test", responder=asked.url,
                                          send_issuer=True).inline]},
        "http": {"routers": {"r": {"entryPoints": ["websecure"], "rule": "PathPrefix(`/`)",
                                   "service": "one", "tls": {}}},
                 "services": {"one": {"loadBalancer": {"servers": [
                     {"url": "http://127.0.0.1:1"}]}}}}})
    assert status(run, one, "-tls1_3") is None
    assert "weir-fetch" not in one.thread_names()
    assert asked.asked == 0
