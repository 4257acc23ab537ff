# SPDX-License-Identifier: GPL-3.0-or-later
# TIMEOUT: 240
"""Which certificate a name gets, seen in real handshakes.

The table is written from the rules of Traefik's store: a certificate's key is its lower-cased
names, sorted and joined by commas; the keys are asked in reverse byte order, and the first that
holds the name, or the name with its first label replaced by `*`, wins.
"""

import datetime
import re
import socket
import ssl

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

import wire
from server import WAIT

LONG_AGO = datetime.datetime(2021, 1, 1)


def answered(port, name, context=None):
    """The certificate that a handshake for this name ends with; no name: no SNI."""
    context = context or wire.trusting()
    with socket.create_connection(("127.0.0.1", port), WAIT) as raw:
        with context.wrap_socket(raw, server_hostname=name) as tls:
            return x509.load_der_x509_certificate(tls.getpeercert(True))


def secure(**tls):
    dynamic = {"http": {
        "routers": {"r": {"entryPoints": ["websecure"], "rule": "PathPrefix(`/`)",
                          "service": "one", "tls": {}}},
        "services": {"one": {"loadBalancer": {"servers": [{"url": "http://127.0.0.1:1"}]}}}}}
    if tls:  # an empty section is an error, as in Traefik
        dynamic["tls"] = tls
    return dynamic


class Table:
    def __init__(self, server, authority):
        self.server, self.authority = server, authority
        self.default = authority.issue("default.test", common_name="the default")

    def load(self, **tls):
        tls.setdefault("stores", {"default": {"defaultCertificate": self.default.inline}})
        self.server.reload(secure(**tls))

    def load_pairs(self, *pairs, **tls):
        self.load(certificates=[pair.inline for pair in pairs], **tls)

    def ask(self, name, context=None):
        return answered(self.server.ports["websecure"], name, context).serial_number


@pytest.fixture(scope="module")
def table(tmp_path_factory, authority, binary):
    from server import Weir
    one = Weir(tmp_path_factory.mktemp("weir"), entries={"websecure": {}},
               dynamic=secure())
    yield Table(one, authority)
    try:
        one.stop()
    finally:
        one.kill()


# (what holds, the certificates' names, {SNI: index of the certificate, None for the default})
CASES = [
    ("an exact name", [["a.ex.test"], ["b.ex.test"]],
     {"a.ex.test": 0, "b.ex.test": 1, "c.ex.test": None}),
    ("a wildcard stands for one label", [["*.ex.test"]],
     {"a.ex.test": 0, "a.b.ex.test": None, "ex.test": None}),
    ("a wildcard below", [["*.b.ex.test"]],
     {"a.b.ex.test": 0, "b.ex.test": None, "a.c.ex.test": None}),
    ("exact sorts before wildcard", [["*.ex.test"], ["a.ex.test"]],
     {"a.ex.test": 1, "b.ex.test": 0}),
    ("the order of loading does not matter", [["a.ex.test"], ["*.ex.test"]],
     {"a.ex.test": 0, "b.ex.test": 1}),
    ("exact does not beat wildcard as such", [["*.ex.test", "aaa.ex.test"],
                                             ["*.ex.test", "ex.test"]],
     {"aaa.ex.test": 1, "ex.test": 1, "b.ex.test": 1}),
    ("the greater key wins", [["a.ex.test", "b.ex.test"], ["a.ex.test", "c.ex.test"]],
     {"a.ex.test": 1, "b.ex.test": 0, "c.ex.test": 1}),
    ("a longer key is greater than its beginning", [["a.ex.test"], ["a.ex.test", "z.ex.test"]],
     {"a.ex.test": 1, "z.ex.test": 1}),
    ("all names of a certificate count", [["a.ex.test", "b.other.test", "*.third.test"]],
     {"a.ex.test": 0, "b.other.test": 0, "x.third.test": 0, "third.test": None}),
    ("names are sorted within the key", [["z.ex.test", "a.ex.test"], ["m.ex.test", "a.ex.test"]],
     {"a.ex.test": 0, "m.ex.test": 1}),
    ("names are compared without case", [["A.Ex.Test"]], {"a.ex.test": 0}),
    ("many labels", [["a.b.c.d.e.f.g.h.ex.test"]], {"a.b.c.d.e.f.g.h.ex.test": 0}),
    ("a single label", [["localhost"]], {"localhost": 0}),
    ("punycode", [["xn--mnchen-3ya.test"]], {"xn--mnchen-3ya.test": 0}),
    ("a wildcard certificate for a name with an underscore", [["*.ex.test"]],
     {"_dmarc.ex.test": 0}),
    ("a wildcard label is not part of a name", [["w*.ex.test"]], {"www.ex.test": None}),
]


@pytest.mark.parametrize("holds,names,expected", CASES, ids=[case[0] for case in CASES])
def test_names(table, holds, names, expected):
    pairs = [table.authority.issue(*one) for one in names]
    table.load_pairs(*pairs)
    for name, index in expected.items():
        pair = table.default if index is None else pairs[index]
        assert table.ask(name) == pair.serial, name


def test_the_common_name_counts(table):
    only = table.authority.issue(common_name="cn.ex.test")
    both = table.authority.issue("san.ex.test", common_name="cn2.ex.test")
    table.load_pairs(only, both)
    assert table.ask("cn.ex.test") == only.serial
    assert table.ask("cn2.ex.test") == both.serial
    assert table.ask("san.ex.test") == both.serial


def test_the_first_of_equal_keys_wins(table):
    first, second = (table.authority.issue("a.ex.test", "b.ex.test"),
                     table.authority.issue("b.ex.test", "a.ex.test"))
    table.load_pairs(first, second)
    assert table.ask("a.ex.test") == first.serial


def test_case_and_trailing_dot_do_not_matter(table, run):
    pair = table.authority.issue("a.ex.test")
    table.load_pairs(pair)
    for name in ("A.EX.TEST", "a.ex.test.", "A.ex.TEST."):
        answer = run("openssl", "s_client", "-servername", name, "-connect",
                     f"127.0.0.1:{table.server.ports['websecure']}", input="")
        pem = re.search(r"-----BEGIN.*?-----END CERTIFICATE-----", answer.stdout, re.S)[0]
        assert x509.load_pem_x509_certificate(pem.encode()).serial_number == pair.serial, name


def test_without_a_name_the_address_is_one(table, run):
    pair = table.authority.issue("127.0.0.1", "ip.ex.test")
    table.load_pairs(pair)
    assert table.ask(None) == pair.serial
    assert table.ask("ip.ex.test") == pair.serial
    other = table.authority.issue("127.0.0.2")
    table.load_pairs(other)
    assert table.ask(None) == table.default.serial
    answer = run("openssl", "s_client", "-servername", "127.0.0.2", "-connect",
                 f"127.0.0.1:{table.server.ports['websecure']}", input="")
    pem = re.search(r"-----BEGIN.*?-----END CERTIFICATE-----", answer.stdout, re.S)
    assert pem, answer
    assert x509.load_pem_x509_certificate(pem[0].encode()).serial_number == other.serial


def test_an_ipv6_address_is_a_name_too(table, weir):
    pair = table.authority.issue("::1")
    one = weir(entries={"websecure": {"address": "[::1]:0"}},
               dynamic=secure(certificates=[pair.inline]))
    with socket.create_connection(("::1", one.ports["websecure"]), WAIT) as raw:
        with wire.trusting().wrap_socket(raw) as tls:
            got = x509.load_der_x509_certificate(tls.getpeercert(True))
    assert got.serial_number == pair.serial


# ---- the default ----

def test_the_default_is_not_in_the_match_list(table):
    table.load(options={"default": {"sniStrict": True}})
    with pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"):
        table.ask("default.test")


def test_sni_strict_refuses_what_does_not_match(table):
    pair = table.authority.issue("*.ex.test")
    table.load_pairs(pair, options={"default": {"sniStrict": True}})
    assert table.ask("a.ex.test") == pair.serial
    for name in ("other.test", "ex.test"):
        with pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"):
            table.ask(name)
    with pytest.raises(ssl.SSLError):
        table.ask(None)


def test_the_generated_default_stays_across_reloads(table):
    table.server.reload(secure())
    first = answered(table.server.ports["websecure"], "nobody.test")
    common_name = first.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
    assert common_name == "WEIR DEFAULT CERT"
    table.server.reload(secure(certificates=[table.authority.issue("a.ex.test").inline]))
    assert table.ask("nobody.test") == first.serial_number
    assert table.ask(None) == first.serial_number


def test_other_stores_are_never_served(table):
    pair = table.authority.issue("a.ex.test")
    table.load(certificates=[{**pair.inline, "stores": ["other"]}])
    assert table.ask("a.ex.test") == table.default.serial
    table.load(certificates=[{**pair.inline, "stores": ["other", "default"]}])
    assert table.ask("a.ex.test") == pair.serial


def test_a_new_configuration_resets_what_was_remembered(table):
    first, second = table.authority.issue("a.ex.test"), table.authority.issue("a.ex.test")
    table.load_pairs(first)
    assert table.ask("a.ex.test") == first.serial
    assert table.ask("b.ex.test") == table.default.serial
    table.load_pairs(second, table.authority.issue("b.ex.test"))
    assert table.ask("a.ex.test") == second.serial
    assert table.ask("b.ex.test") != table.default.serial


# ---- key types ----

def ciphers(names):
    context = wire.trusting(maximum=ssl.TLSVersion.TLSv1_2)
    context.set_ciphers(names)
    return context


def test_the_clients_algorithms_choose_between_ecdsa_and_rsa(table, run):
    ecdsa = table.authority.issue("a.ex.test")
    rsa = table.authority.issue("a.ex.test", kind="rsa2048")
    port = table.server.ports["websecure"]
    for pairs in ((ecdsa, rsa), (rsa, ecdsa)):
        table.load_pairs(*pairs)
        assert table.ask("a.ex.test") == ecdsa.serial
        assert table.ask("a.ex.test", ciphers("ECDHE-RSA-AES128-GCM-SHA256")) == rsa.serial
        assert table.ask("a.ex.test", ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")) == ecdsa.serial
        for algorithms, pair in (("RSA-PSS+SHA256", rsa), ("ECDSA+SHA256", ecdsa)):
            answer = run("openssl", "s_client", "-tls1_3", "-sigalgs", algorithms, "-servername",
                         "a.ex.test", "-connect", f"127.0.0.1:{port}", input="")
            pem = re.search(r"-----BEGIN.*?-----END CERTIFICATE-----", answer.stdout, re.S)
            assert pem, answer
            got = x509.load_pem_x509_certificate(pem[0].encode())
            assert got.serial_number == pair.serial, algorithms


@pytest.mark.parametrize("kind", ["p256", "p384", "rsa2048", "rsa4096", "rsa8192",
                                  "ed25519"])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_every_kind_of_key_is_served_and_verified(table, kind, version):
    table.load_pairs(table.authority.issue("a.ex.test", kind=kind))
    context = wire.trusting(table.authority, minimum=version, maximum=version)
    assert table.ask("a.ex.test", context)


@pytest.mark.parametrize("kind,encoding", [("rsa2048", "traditional"), ("p256", "traditional"),
                                           ("rsa2048", "pkcs8"), ("p384", "pkcs8")])
def test_every_encoding_of_a_key_is_read(table, kind, encoding):
    pair = table.authority.issue("a.ex.test", kind=kind, key_encoding=encoding)
    table.load_pairs(pair)
    assert table.ask("a.ex.test") == pair.serial


def test_the_chain_is_sent(table):
    from certificates import Authority
    middle = Authority("Weir test intermediate", table.authority)
    pair = middle.issue("a.ex.test")
    table.load_pairs(pair)
    assert table.ask("a.ex.test", wire.trusting(table.authority)) == pair.serial


def test_files_are_read_as_well_as_text(table, tmp_path):
    pair = table.authority.issue("a.ex.test")
    table.load(certificates=[pair.write(tmp_path, "a")])
    assert table.ask("a.ex.test") == pair.serial


# ---- what is broken ----

def test_a_broken_certificate_is_skipped_and_named(table, tmp_path):
    good = table.authority.issue("good.ex.test")
    other = table.authority.issue("other.ex.test", kind="p384")
    (tmp_path / "broken.crt").write_text("no certificate\n")
    (tmp_path / "broken.key").write_text(good.key_pem)
    since = len(table.server.log.lines)
    table.load(certificates=[
        {"certFile": str(tmp_path / "broken.crt"), "keyFile": str(tmp_path / "broken.key")},
        {"certFile": str(tmp_path / "absent.crt"), "keyFile": str(tmp_path / "absent.key")},
        {"certFile": other.pem, "keyFile": good.key_pem},
        good.inline])
    assert table.ask("good.ex.test") == good.serial
    assert table.ask("other.ex.test") == table.default.serial
    table.server.log.wait("certificate is skipped.*broken.crt", since)
    table.server.log.wait("certificate is skipped.*absent.crt", since)
    assert table.server.log.find("certificate is skipped.*does not (fit|belong|match)", since)


def test_an_expired_certificate_is_served_with_a_warning(table):
    old = table.authority.issue("old.ex.test", end=LONG_AGO)
    since = len(table.server.log.lines)
    table.load_pairs(old)
    assert table.ask("old.ex.test") == old.serial
    table.server.log.wait("expired", since)


# ---- validity ----

def soon(seconds):
    """That many seconds from now, as certificates have it: whole seconds of UTC."""
    now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0, tzinfo=None)
    return now + datetime.timedelta(seconds=seconds)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_an_expired_certificate_loses_to_a_valid_one(table, order):
    old = table.authority.issue("a.ex.test", "b.ex.test", end=LONG_AGO)
    good = table.authority.issue("a.ex.test", "b.ex.test")
    table.load_pairs(*[(old, good)[i] for i in order])
    assert table.ask("a.ex.test") == good.serial


def test_an_expired_certificate_of_other_names_or_key_loses_too(table):
    old = table.authority.issue("a.ex.test", end=LONG_AGO)
    wildcard = table.authority.issue("*.ex.test", kind="rsa2048")
    table.load_pairs(old, wildcard)
    assert table.ask("a.ex.test") == wildcard.serial
    rsa = table.authority.issue("a.ex.test", kind="rsa2048")
    table.load_pairs(old, rsa)
    assert table.ask("a.ex.test") == rsa.serial


def test_a_certificate_that_expires_while_loaded_loses_without_a_reload(table):
    ending = table.authority.issue("a.ex.test", end=soon(3))
    lasting = table.authority.issue("a.ex.test")
    table.load_pairs(ending, lasting)
    since = len(table.server.log.lines)
    assert table.ask("a.ex.test") == ending.serial
    table.server.log.wait("certificate has expired;.*notAfter", since)
    table.server.log.wait("chosen anew", since)
    assert table.ask("a.ex.test") == lasting.serial
    assert not table.server.log.find("configuration loaded", since)


def test_a_certificate_that_becomes_valid_while_loaded_wins_without_a_reload(table):
    coming = table.authority.issue("a.ex.test", begin=soon(3))
    present = table.authority.issue("a.ex.test")
    since = len(table.server.log.lines)
    table.load_pairs(coming, present)
    assert table.ask("a.ex.test") == present.serial
    table.server.log.wait("chosen anew", since)
    assert table.ask("a.ex.test") == coming.serial


# ---- other ----

def test_acme_alone_is_not_served(table):
    table.load_pairs(table.authority.issue("a.ex.test"))
    context = wire.trusting()
    context.set_alpn_protocols(["acme-tls/1"])
    with pytest.raises(ssl.SSLError):
        table.ask("a.ex.test", context)


def test_five_hundred_certificates(table):
    pairs = [table.authority.issue(f"n{i}.many.test", f"*.n{i}.many.test") for i in range(500)]
    table.load_pairs(*pairs)
    for i in (0, 1, 99, 250, 499):
        assert table.ask(f"n{i}.many.test") == pairs[i].serial
        assert table.ask(f"x.n{i}.many.test") == pairs[i].serial
    assert table.ask("n500.many.test") == table.default.serial
