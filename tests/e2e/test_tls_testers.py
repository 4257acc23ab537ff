# SPDX-License-Identifier: GPL-3.0-or-later
# TIMEOUT: 400
# BUILDS: release
"""Weir before those who test TLS servers for a living, testssl.sh and sslscan, and every version,
group and suite that the reference claims before the clients that know it."""

import datetime
import json
import os
import re
import shutil
import subprocess
import tempfile
import xml.etree.ElementTree

import pytest
import yaml

import backends
import server

REFERENCE = os.path.join(server.HERE, "..", "..", "docs", "reference", "configuration.md")
TLS_CLIENT = os.environ.get("WEIR_TLS_CLIENT", "")
REQUEST = "GET /status/200 HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n"


@pytest.fixture(scope="module")
def one(tmp_path_factory, loop, authority):
    """Three entry points: `usual` has the options that come by themselves, `all` everything that
    can be asked for, and `modern`, of a server of its own, the profile of that name."""
    backend = backends.HttpBackend(loop, name="one")

    def configuration(**options):
        return {
            "http": {
                "routers": {entry: {"entryPoints": [entry], "rule": "Host(`a.test`)",
                                    "service": "one", "tls": tls}
                            for entry, tls in options.items()},
                "services": {"one": backends.http_service(backend)},
            },
            "tls": {
                "certificates": [authority.issue("a.test", common_name="a.test", kind=kind,
                                                 **a_year()).inline
                                 for kind in ("p256", "rsa2048")],
                "options": {"all": {"cipherSuites": offered_suites(),
                                    "curvePreferences": claimed("curvePreferences")}},
            },
        }
    made = server.Weir(tmp_path_factory.mktemp("testers"), entries={"usual": {}, "all": {}},
                       dynamic=configuration(usual={}, all={"options": "all"}))
    modern = server.Weir(tmp_path_factory.mktemp("modern"), entries={"modern": {}},
                         static={"weir": {"tls": {"profile": "modern"}}},
                         dynamic=configuration(modern={}))
    made.ports.update(modern.ports)
    yield made
    modern.stop()
    made.stop()
    backend.stop()


def a_year():
    """testssl.sh frowns on certificates that are valid for longer than browsers allow."""
    now = datetime.datetime.now()
    return {"begin": now - datetime.timedelta(days=1), "end": now + datetime.timedelta(days=360)}


# ---- what is claimed ----

def claimed(key):
    """The choices that the reference gives for a key of tls.options."""
    with open(REFERENCE, encoding="utf-8") as file:
        text = file.read()
    row = re.search(rf"^\| `tls\.options\.<name>\.{key}` .*One of: ([^.|]*)\.", text, re.M)
    assert row, f"the reference has no row for {key}"
    return row[1].split(", ")


_offered = []


def check(options):
    """What `weir check` says of such TLS options, and whether it is content."""
    text = yaml.safe_dump({"tls": {"options": {"default": options}}})
    with tempfile.TemporaryDirectory() as folder:
        for name, content in (("dynamic.yml", text), ("weir.yml", yaml.safe_dump(
                {"entryPoints": {"web": {"address": "127.0.0.1:0"}},
                 "providers": {"file": {"filename": os.path.join(folder, "dynamic.yml")}}}))):
            path = os.path.join(folder, name)
            with open(path, "w", encoding="utf-8") as file:
                file.write(content)
        return server.run_weir("check", f"--configFile={path}")


def offered_suites():
    """Those of the claimed suites that Weir does not refuse by name as too weak."""
    if not _offered:
        for suite in claimed("cipherSuites"):
            answer = check({"cipherSuites": [suite]})
            if answer.returncode == 0:
                _offered.append(suite)
            else:
                assert "too weak" in answer.stdout + answer.stderr, answer
    return _offered


# By the reference's names: IANA's number, OpenSSL's and GnuTLS' names (None: cannot).
GROUPS = {
    "x25519": (0x001d, "X25519", "GROUP-X25519"),
    "curvep256": (0x0017, "P-256", "GROUP-SECP256R1"),
    "secp256r1": (0x0017, "P-256", "GROUP-SECP256R1"),
    "curvep384": (0x0018, "P-384", "GROUP-SECP384R1"),
    "secp384r1": (0x0018, "P-384", "GROUP-SECP384R1"),
    "curvep521": (0x0019, "P-521", "GROUP-SECP521R1"),
    "secp521r1": (0x0019, "P-521", "GROUP-SECP521R1"),
    "x25519mlkem768": (0x11ec, None, None),
    "secp256r1mlkem768": (0x11eb, None, None),
    "secp384r1mlkem1024": (0x11ed, None, None),
}


def group_choices():
    return sorted({GROUPS[name.lower()] for name in claimed("curvePreferences")})


def iana(suite):
    """Go has an older name for two of them."""
    return suite + "_SHA256" if suite.endswith("POLY1305") else suite


def is_tls13(suite):
    return "_WITH_" not in suite


def openssl_name(suite):
    """OpenSSL knows IANA's names, but does not take them for TLS 1.2."""
    text = subprocess.run(["openssl", "ciphers", "-stdname", "ALL:@SECLEVEL=0"],
                          capture_output=True, text=True, check=True).stdout
    return dict(line.split()[:3:2] for line in text.splitlines())[iana(suite)]


def gnutls_priority(version, suite=None, group=None):
    parts = ["NORMAL", "-VERS-ALL", f"+VERS-TLS1.{version}"]
    if suite:
        exchange, rest = iana(suite).removeprefix("TLS_").rsplit("WITH_", 1) \
            if not is_tls13(suite) else ("", iana(suite).removeprefix("TLS_"))
        cipher, _, mac = rest.rpartition("_")
        cipher = cipher.replace("_", "-")
        parts += ["-CIPHER-ALL", f"+{cipher}", "-MAC-ALL",
                  "+AEAD" if re.search("GCM|CHACHA", cipher) else
                  "+" + {"SHA": "SHA1"}.get(mac, mac)]
        if exchange:
            parts += ["-KX-ALL", "+" + exchange.strip("_").replace("_", "-")]
    if group:
        parts += ["-GROUP-ALL", f"+{group}"]
    return ":".join(parts)


def wolfssl(run, one, version, suite="", group=0):
    return run(TLS_CLIENT, str(one.ports["all"]), "a.test", str(version),
               iana(suite) if suite else "", str(group), REQUEST)


def openssl(run, one, *arguments, entry="all"):
    return run("openssl", "s_client", "-connect", f"127.0.0.1:{one.ports[entry]}", "-servername",
               "a.test", "-ign_eof", *arguments, input=REQUEST)


def gnutls(one, priority):
    """Whether gnutls-cli gets its answer; it ends with its input, so that stays open till then."""
    process = subprocess.Popen(
        ["gnutls-cli", "--insecure", "--sni-hostname", "a.test", "--priority", priority, "--port",
         str(one.ports["all"]), "127.0.0.1"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    output = server.Lines(process.stdout)
    try:
        output.wait("Simple Client Mode")
        process.stdin.write(REQUEST)
        process.stdin.flush()
        output.wait("HTTP/1.1 200")
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        output.thread.join(server.WAIT)
        process.stdout.close()


def answered(answer):
    return "HTTP/1.1 200" in answer.stdout


def test_every_suite_with_every_client(one, run):
    suites = offered_suites()
    assert len(suites) >= 9
    for suite in suites:
        version = 3 if is_tls13(suite) else 2
        answer = wolfssl(run, one, version, suite)
        assert answered(answer) and f" {iana(suite)} " in answer.stdout, (suite, answer)
        choice = ["-tls1_3", "-ciphersuites", suite] if version == 3 else \
            ["-tls1_2", "-cipher", f"{openssl_name(suite)}:@SECLEVEL=0"]
        answer = openssl(run, one, *choice)
        name = suite if version == 3 else openssl_name(suite)
        assert answered(answer) and f"Cipher is {name}" in answer.stdout, (suite, answer)
        gnutls(one, gnutls_priority(version, suite))


def test_every_group_with_every_client_that_knows_it(one, run):
    groups = group_choices()
    assert len(groups) >= 4
    known = run("openssl", "list", "-tls-groups").stdout.lower()
    for number, openssl_group, gnutls_group in groups:
        for version in (3, 2) if number < 0x1000 else (3,):
            answer = wolfssl(run, one, version, group=number)
            assert answered(answer), (number, version, answer)
            if gnutls_group:
                gnutls(one, gnutls_priority(version, group=gnutls_group))
            if openssl_group or hybrid_name(number).lower() in known:
                answer = openssl(run, one, f"-tls1_{version}", "-groups",
                                 openssl_group or hybrid_name(number))
                assert answered(answer), (number, version, answer)


def hybrid_name(number):
    return next(name for name in claimed("curvePreferences")
                if GROUPS[name.lower()][0] == number)


@pytest.mark.parametrize("entry, expected", [("usual", {"2", "3"}), ("modern", {"3"})])
def test_every_version_and_no_other(one, run, entry, expected):
    choices = {"10": "-tls1", "11": "-tls1_1", "12": "-tls1_2", "13": "-tls1_3"}
    for name in claimed("minVersion"):
        digits = name.removeprefix("VersionTLS")
        answer = openssl(run, one, choices[digits], "-cipher", "ALL:@SECLEVEL=0", entry=entry)
        if digits[1] in expected and digits >= "12":
            assert answered(answer), (name, answer)
        else:
            assert "alert protocol version" in answer.stderr, (name, answer)


# ---- sslscan ----

def sslscan(run, one, entry):
    answer = run("sslscan", "--sni-name=a.test", "--show-sigs", "--no-colour", "--xml=-",
                 f"127.0.0.1:{one.ports[entry]}")
    return xml.etree.ElementTree.fromstring(answer.stdout).find("ssltest")


@pytest.mark.parametrize("entry, versions", [("usual", {"1.2", "1.3"}), ("modern", {"1.3"})])
def test_sslscan_sees_nothing_weak(one, run, entry, versions):
    seen = sslscan(run, one, entry)
    on = {protocol.get("version") for protocol in seen.iter("protocol")
          if protocol.get("enabled") == "1"}
    assert on == versions
    ciphers = list(seen.iter("cipher"))
    assert {cipher.get("sslversion") for cipher in ciphers} == {f"TLSv{v}" for v in versions}
    assert {cipher.get("strength") for cipher in ciphers} <= {"strong", "acceptable"}
    assert all("GCM" in cipher.get("cipher") or "CHACHA20" in cipher.get("cipher")
               for cipher in ciphers)
    assert {test.get("vulnerable") for test in seen.iter("heartbleed")} == {"0"}
    renegotiation = seen.find("renegotiation")
    assert renegotiation.get("supported") == "0" or renegotiation.get("secure") == "1"


def test_sslscan_sees_the_groups_that_are_on(one, run):
    for version in ("TLSv1.2", "TLSv1.3"):
        groups = {group.get("name").split()[0] for group in sslscan(run, one, "usual").iter("group")
                  if group.get("sslversion") == version}
        hybrid = {name for name in groups if "mlkem" in name.lower()}
        assert groups - hybrid == {"secp256r1", "secp384r1", "x25519"}, version


# ---- testssl.sh ----

# What a test's certificate and name bring by nature.
BY_NATURE = {
    "cert_chain_of_trust": "the authority is the tests' own",
    "cert_revocation": "it names no CRL and no OCSP responder",
    "cert_notRevoked": "the same, as testssl.sh 3.2 calls it",
    "DNS_CAArecord": "a.test is in no DNS",
    "engine_problem": "about the openssl of testssl.sh, which has no GOST",
    "scanTime": "how long it took",
    "cert_expirationStatus": "a certificate of 365 days",
    "OCSP_stapling": "nobody to ask for a staple",
}


def start_testssl(one, entry, folder):
    report = os.path.join(str(folder), f"{entry}.json")
    program = shutil.which("testssl") or shutil.which("testssl.sh")
    assert program, "testssl.sh is not installed"
    process = subprocess.Popen(
        [program, "--quiet", "--color", "0", "--warnings", "off", "--openssl-timeout", "5",
         "--ip", "127.0.0.1", "--nodns", "none", "-p", "-s", "-f", "-P", "-S", "-U",
         "--jsonfile", report, f"a.test:{one.ports[entry]}"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, "TERM": "dumb"})
    return process, report


def test_testssl_finds_nothing(one, tmp_path):
    runs = {entry: start_testssl(one, entry, tmp_path) for entry in ("usual", "modern")}
    try:
        for entry, (process, report) in runs.items():
            text, _ = process.communicate(timeout=300)
            with open(report, encoding="utf-8") as file:
                findings = json.load(file)
            names = {finding["id"] for finding in findings}
            assert {"TLS1_3", "heartbleed", "FS", "PFS", "cipherlist_NULL"} & names, text
            assert len(findings) > 50, text
            bad = [finding for finding in findings
                   if finding["severity"] not in ("OK", "INFO")
                   and finding["id"].split(" ")[0] not in BY_NATURE]
            assert bad == [], entry
            assert verdict(findings, "TLS1_3") == "OK"
            assert verdict(findings, "SSLv2") == verdict(findings, "SSLv3") == "OK"
    finally:
        for process, _ in runs.values():
            process.kill()
            process.wait()


def verdict(findings, name):
    return next(finding["severity"] for finding in findings if finding["id"] == name)
