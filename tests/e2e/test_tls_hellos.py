# SPDX-License-Identifier: GPL-3.0-or-later
# TIMEOUT: 240
# BUILDS: release asan
"""First bytes that no ordinary client sends: hellos cut to pieces, hellos with too much or too
little in them, and what is no hello at all."""

import socket
import ssl
import subprocess

import pytest

import backends
import hello
import server
import wire

UNEXPECTED, BAD_MAC, FAILURE, ILLEGAL, DECODE, VERSION, FALLBACK = 10, 20, 40, 47, 50, 70, 86
LIMIT = 16384  # weir.limits.clientHelloBytes


@pytest.fixture(scope="module")
def site_of(tmp_path_factory, loop, authority):
    """site_of(weir section) is a server for a.test with one entry point."""
    made = []

    def start(options=None, **limits):
        backend = backends.HttpBackend(loop, name="one")
        one = server.Weir(
            tmp_path_factory.mktemp("hellos"), entries={"websecure": {}},
            static={"log": {"level": "DEBUG"}, **({"weir": {"limits": limits}} if limits else {})},
            dynamic={"http": {"routers": {"secure": {"entryPoints": ["websecure"],
                                                     "rule": "PathPrefix(`/`)", "service": "one",
                                                     "tls": {}}},
                              "services": {"one": backends.http_service(backend)}},
                     "tls": {"certificates": [authority.issue("a.test").inline],
                             "options": {"default": options or {}}}})
        made.extend((backend, one))
        return one

    yield start
    for thing in reversed(made):
        thing.stop()


@pytest.fixture(scope="module")
def shared(site_of):
    return site_of()


@pytest.fixture
def port(shared, trust):
    """Whatever was sent: afterwards others are served."""
    yield shared.ports["websecure"]
    assert wire.fetch(shared.ports["websecure"], context=trust, name="a.test").status == 200


def answer_to(port, *pieces):
    """The first record that comes back."""
    with wire.Connection(port) as connection:
        for piece in pieces:
            connection.send(piece)
        try:
            return hello.take_record(connection)
        except wire.Closed:
            return None


def text_for(port, data):
    try:
        return wire.exchange(port, data)
    except ConnectionResetError:
        return b""


# ---- in pieces ----

def test_a_hello_in_two_segments_wherever_it_is_cut(port):
    data = hello.record(hello.client_hello(hello.usual()))
    for at in range(1, len(data)):
        assert hello.is_server_hello(answer_to(port, data[:at], data[at:])), at


def test_a_hello_in_two_records_wherever_it_is_cut(port):
    message = hello.client_hello(hello.usual())
    for at in range(1, len(message)):
        data = hello.record(message[:at]) + hello.record(message[at:])
        assert hello.is_server_hello(answer_to(port, data)), at


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("kind", ["usual", "old"])
def test_a_hello_in_many_records(port, size, kind):
    message = hello.client_hello(getattr(hello, kind)())
    assert hello.is_server_hello(answer_to(port, hello.records(message, size)))


def test_a_message_behind_the_hello_in_its_record_is_unexpected(port):
    message = hello.client_hello(hello.usual())
    joined = hello.record(message[:9]) + hello.record(message[9:] + b"\x0b\0\0\0")
    assert hello.alert_of(answer_to(port, joined)) == UNEXPECTED
    assert hello.alert_of(answer_to(port, hello.record(message + b"\x0b\0\0\0"))) == UNEXPECTED


@pytest.mark.parametrize("at", [0, 40])
def test_an_empty_record_is_malformed(port, at):
    message = hello.client_hello(hello.usual())
    data = hello.record(message[:at]) + hello.record(b"") + hello.record(message[at:])
    if at == 0:
        data = data[5:]
    assert hello.alert_of(answer_to(port, data)) == DECODE


# ---- long ones ----

def padded(size, extensions):
    """A hello whose message has exactly so many bytes."""
    short = len(hello.client_hello([*extensions, hello.extension(21, b"")]))
    return hello.client_hello([*extensions, hello.extension(21, bytes(size - short))])


@pytest.mark.parametrize("kind", ["usual", "old"])
def test_a_hello_may_be_as_long_as_the_limit_says(port, kind):
    extensions = getattr(hello, kind)()
    longest = padded(LIMIT - 5, extensions)
    assert hello.is_server_hello(answer_to(port, hello.record(longest)))
    longer = padded(LIMIT - 4, extensions)
    assert hello.alert_of(answer_to(port, hello.record(longer))) == DECODE


@pytest.mark.parametrize("size", [16384, 16385, 18000])
def test_a_limit_above_a_record_is_for_hellos_of_several(site_of, size):
    one = site_of(clientHelloBytes=65536)
    data = hello.records(padded(size, hello.usual()), 16000)
    assert hello.is_server_hello(answer_to(one.ports["websecure"], data))


def test_more_suites_than_anybody_has(port):
    many = tuple(range(0xc100, 0xc100 + 600)) + hello.SUITES
    for extensions in (hello.usual(), hello.old()):
        message = hello.client_hello(extensions, suites=many)
        assert hello.is_server_hello(answer_to(port, hello.record(message)))


# ---- too much in them ----

def test_grease_is_passed_over_wherever_it_may_be(port):
    grease = hello.GREASE
    extensions = [
        hello.extension(grease[0], b""), hello.server_name("a.test"),
        hello.groups(grease[1], 0x001d, grease[2]), hello.FORMATS,
        hello.schemes(grease[3], 0x0403, grease[4]), hello.alpn(b"\x1a\x1a", b"http/1.1"),
        hello.versions(grease[5], 0x0304, grease[6], 0x0303), hello.extension(45, b"\2\x1a\1"),
        hello.key_share((grease[1], b"\0"), hello.x25519_share()),
        hello.extension(grease[7], b"\0"), *(hello.extension(one, b"g") for one in grease[8:]),
    ]
    message = hello.client_hello(extensions, suites=(*grease, *hello.SUITES))
    assert hello.is_server_hello(answer_to(port, hello.record(message)))


def test_compression_is_not_taken(port):
    """TLS 1.2 may offer it and gets none; in TLS 1.3 the offer is illegal (RFC 8446 §4.1.2)."""
    kind, data = answer_to(port, hello.record(
        hello.client_hello(hello.old(), compression=b"\1\0")))
    assert (kind, data[0]) == (hello.HANDSHAKE, 2)
    session = data[38]
    assert data[39 + session + 2] == 0
    assert hello.alert_of(answer_to(port, hello.record(
        hello.client_hello(hello.usual(), compression=b"\1\0")))) == ILLEGAL


def test_heartbeats_are_not_spoken(port):
    extensions = [*hello.old(), hello.extension(15, b"\1")]
    data = hello.record(hello.client_hello(extensions))
    beat = hello.record(b"\1\x40\0", kind=hello.HEARTBEAT)
    answer = text_for(port, data + beat)
    assert answer[0] == hello.HANDSHAKE
    assert hello.words(15, 1) not in answer[:200]
    assert bytes((hello.HEARTBEAT, 3, 3)) not in answer[-64:]


@pytest.mark.parametrize("identities, served", [
    ([b"x"], True), ([b"x" * 10000], True), ([bytes([i]) * 100 for i in range(8)], True),
    ([bytes([i]) * 10 for i in range(9)], False), ([bytes([i]) for i in range(255)], False)])
def test_tickets_that_are_garbage(port, identities, served):
    extensions = [*hello.usual(), hello.PSK_MODES, hello.tickets(identities)]
    answer = answer_to(port, hello.record(hello.client_hello(extensions)))
    if served:
        assert hello.is_server_hello(answer)
        assert hello.PRE_SHARED_KEY not in hello.server_extensions(answer)  # a full handshake
    else:
        assert hello.alert_of(answer) == FAILURE


@pytest.mark.parametrize("size", [0, 1, 16, 300, 10000])
def test_a_ticket_of_tls12_that_is_garbage(port, size):
    extensions = [*hello.old(), hello.extension(35, b"t" * size)]
    assert hello.is_server_hello(answer_to(port, hello.record(hello.client_hello(extensions))))


# ---- too little, or the wrong ----

def test_tls12_without_any_extension(port):
    for extensions in (None, []):
        answer = answer_to(port, hello.record(hello.client_hello(extensions)))
        assert hello.is_server_hello(answer)


@pytest.mark.parametrize("version", [0x0300, 0x0301, 0x0302])
def test_versions_that_are_too_old(port, version):
    suites = (0xc009, 0xc013, 0x002f)
    for extensions in (None, [hello.server_name("a.test"), hello.groups(0x17), hello.FORMATS]):
        message = hello.client_hello(extensions, version=version, suites=suites)
        assert hello.alert_of(answer_to(port, hello.record(message))) == VERSION


@pytest.mark.parametrize("offered", [(0x0305,), (0x0a0a,), (0x7f1c, 0x0302)])
def test_supported_versions_counts_and_not_the_old_field(port, offered):
    extensions = [*hello.old(), hello.versions(*offered)]
    assert hello.alert_of(answer_to(port, hello.record(hello.client_hello(extensions)))) == VERSION


def test_a_fallback_that_was_not_needed_is_refused(port):
    message = hello.client_hello(hello.old(), suites=(*hello.SUITES, 0x5600))
    assert hello.alert_of(answer_to(port, hello.record(message))) == FALLBACK
    message = hello.client_hello(hello.usual(), suites=(*hello.SUITES, 0x5600))
    assert hello.is_server_hello(answer_to(port, hello.record(message)))


@pytest.mark.parametrize("group, key", [(0x001e, b"k" * 56), (0x0100, b"k" * 256), (0x6a6a, b"k")])
def test_no_group_in_common_is_a_failure_and_no_retry(port, group, key):
    extensions = [hello.server_name("a.test"), hello.groups(group), hello.SCHEMES,
                  hello.versions(0x0304), hello.key_share((group, key))]
    assert hello.alert_of(answer_to(port, hello.record(hello.client_hello(extensions)))) == FAILURE


def test_the_highest_bit_of_an_x25519_key_does_not_matter(port):
    """RFC 7748 §5"""
    group, key = hello.x25519_share()
    key = key[:31] + bytes([key[31] | 0x80])
    extensions = [*hello.usual()[:-1], hello.key_share((group, key))]
    assert hello.is_server_hello(answer_to(port, hello.record(hello.client_hello(extensions))))


@pytest.mark.parametrize("key", [bytes(32), b"\1" + bytes(31), bytes(31) + b"\x80", b"k" * 31])
def test_a_key_share_that_is_none_is_refused(port, key):
    extensions = [*hello.usual()[:-1], hello.key_share((0x001d, key))]
    answer = answer_to(port, hello.record(hello.client_hello(extensions)))
    assert hello.alert_of(answer) in (FAILURE, ILLEGAL, DECODE)


def test_a_retry_is_asked_for_once(port):
    extensions = [hello.server_name("a.test"), hello.groups(0x0017), hello.SCHEMES,
                  hello.versions(0x0304), hello.key_share()]
    with wire.Connection(port) as connection:
        connection.send(hello.record(hello.client_hello(extensions)))
        assert hello.is_retry(hello.take_record(connection))
        connection.send(hello.record(hello.client_hello(extensions)))
        rest = connection.read_rest()
        assert bytes((hello.HANDSHAKE, 3, 3)) not in rest, "another retry"


# ---- change_cipher_spec (RFC 8446 appendix D.4) ----

CCS = hello.record(b"\1", kind=hello.CHANGE_CIPHER_SPEC, version=0x0303)


def test_a_change_cipher_spec_behind_the_hello_is_dropped(port, authority):
    """Behind the first hello, where compatible clients of TLS 1.3 put it."""
    context = wire.trusting(authority, minimum=ssl.TLSVersion.TLSv1_3)
    context.options &= ~ssl.OP_ENABLE_MIDDLEBOX_COMPAT  # sends none of its own
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname="a.test")
    with wire.Connection(port) as connection:
        with pytest.raises(ssl.SSLWantReadError):
            tls.do_handshake()
        connection.send(outgoing.read() + CCS)
        finish(connection, tls, incoming, outgoing)
        tls.write(b"GET /status/200 HTTP/1.1\r\nHost: a.test\r\n\r\n")
        connection.send(outgoing.read())
        assert read(connection, tls, incoming).startswith(b"HTTP/1.1 200")
        connection.send(CCS)  # after the handshake it is an error
        with pytest.raises((ssl.SSLError, ConnectionResetError, EOFError)):
            read(connection, tls, incoming)


def finish(connection, tls, incoming, outgoing):
    while True:
        try:
            tls.do_handshake()
            connection.send(outgoing.read())
            return
        except ssl.SSLWantReadError:
            connection.send(outgoing.read())
            feed(connection, incoming)


def feed(connection, incoming):
    data = connection.socket.recv(65536)
    if not data:
        raise EOFError
    incoming.write(data)


def read(connection, tls, incoming):
    while True:
        try:
            return tls.read(100)
        except ssl.SSLWantReadError:
            feed(connection, incoming)


def test_a_change_cipher_spec_of_another_value_is_unexpected(port):
    data = hello.record(hello.client_hello(hello.usual()))
    wrong = hello.record(b"\2", kind=hello.CHANGE_CIPHER_SPEC, version=0x0303)
    with wire.Connection(port) as connection:
        connection.send(data + wrong)
        assert hello.is_server_hello(hello.take_record(connection))
        try:
            connection.read_rest()  # ends
        except ConnectionResetError:
            pass


# ---- early data ----

@pytest.mark.parametrize("groups", ["X25519", "P-521:P-384"], ids=["at once", "after a retry"])
def test_early_data_is_refused_and_the_handshake_goes_on(site_of, run, authority, tmp_path, groups):
    """With a ticket of another server, which promised to take it (RFC 8446 §4.2.10)."""
    curves = ["X25519"] if groups == "X25519" else ["CurveP384"]
    one = site_of(options={"curvePreferences": curves})
    files = authority.issue("a.test").write(tmp_path, "other")
    session, early = str(tmp_path / "session"), tmp_path / "early"
    early.write_bytes(b"GET /early HTTP/1.1\r\nHost: a.test\r\n\r\n" * 100)
    with Talking("openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", files["certFile"],
                 "-key", files["keyFile"], "-max_early_data", "16384", "-www") as other:
        port = other.wait(r"^ACCEPT .*:(\d+)$")[1]
        answer = run("openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername",
                     "a.test", "-tls1_3", "-sess_out", session, "-ign_eof",
                     input="GET / HTTP/1.0\r\n\r\n")
        assert "Max Early Data: 16384" in answer.stdout, answer
    answer = run("openssl", "s_client", "-connect", f"127.0.0.1:{one.ports['websecure']}",
                 "-servername", "a.test", "-tls1_3", "-groups", groups, "-sess_in", session,
                 "-early_data", str(early), "-ign_eof",
                 input="GET /status/200 HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n")
    assert "Early data was rejected" in answer.stdout, answer
    assert "HTTP/1.1 200" in answer.stdout, (answer, one.log.text())
    assert "/early" not in one.log.text()


def test_a_ticket_is_good_after_a_retry_too(site_of, run, tmp_path):
    one = site_of(options={"curvePreferences": ["CurveP384"]})
    session = str(tmp_path / "session")
    for more, word in ((["-sess_out", session], "New, TLSv1.3"),
                       (["-sess_in", session], "Reused, TLSv1.3")):
        answer = run("openssl", "s_client", "-connect", f"127.0.0.1:{one.ports['websecure']}",
                     "-servername", "a.test", "-groups", "P-521:P-384", "-ign_eof", *more,
                     input="GET /status/200 HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n")
        assert word in answer.stdout and "HTTP/1.1 200" in answer.stdout, answer


class Talking:
    """A program whose output is watched, and whose input stays open."""

    def __init__(self, *command):
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        stdin=subprocess.PIPE, text=True)
        self.output = server.Lines(self.process.stdout)

    def __enter__(self):
        return self.output

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.output.thread.join(server.WAIT)
        self.process.stdout.close()


# ---- no hello at all ----

@pytest.mark.parametrize("data", [
    b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0",
    b"SSH-2.0-OpenSSH_9.2p1\r\n", b"EHLO a.test\r\n"],
    ids=["http", "http2", "ssh", "smtp"])
def test_plain_text_is_told_what_the_port_speaks(port, data):
    assert text_for(port, data).startswith(b"HTTP/1.1 400 Bad Request\r\n")


@pytest.mark.parametrize("data", [
    hello.record(b"\2\x28", kind=hello.ALERT), hello.record(b"\1\0", kind=hello.ALERT), CCS,
    hello.record(b"GET / HTTP/1.1\r\n\r\n", kind=hello.DATA)],
    ids=["fatal alert", "close_notify", "change_cipher_spec", "data"])
def test_another_record_first_is_unexpected(port, data):
    assert hello.alert_of(answer_to(port, data)) == UNEXPECTED


def test_a_hello_of_sslv2_is_of_the_wrong_version(port):
    data = bytes.fromhex("802e0103010015000000100100800300800700c006004002008004008000002f") + \
        b"c" * 16
    assert hello.alert_of(answer_to(port, data)) == VERSION
    assert hello.alert_of(answer_to(port, b"\x80\x2e\1\0\2" + data[5:])) == VERSION


def test_a_client_that_says_nothing_is_dropped(site_of):
    one = site_of(clientHelloTimeout="1s")
    with socket.create_connection(("127.0.0.1", one.ports["websecure"]), server.WAIT) as raw:
        assert raw.recv(1) == b""


def drip(raw, data):
    """Sends byte after byte, a tenth of a second apart, till the server ends; how many it took."""
    raw.settimeout(0.1)
    for sent in range(len(data)):
        try:
            raw.sendall(data[sent:sent + 1])
            while raw.recv(4096):
                pass
            return sent
        except TimeoutError:
            continue
        except (BrokenPipeError, ConnectionResetError):
            return sent
    return len(data)


def test_a_hello_byte_by_byte_does_not_stretch_its_time(site_of):
    """The time is that of the whole hello, not of each piece."""
    one = site_of(clientHelloTimeout="1s")
    data = hello.record(hello.client_hello(hello.usual()))
    with socket.create_connection(("127.0.0.1", one.ports["websecure"]), server.WAIT) as raw:
        assert 0 < drip(raw, data) < len(data) // 2


def test_a_handshake_byte_by_byte_does_not_stretch_its_time(site_of):
    one = site_of(handshakeTimeout="1s")
    with socket.create_connection(("127.0.0.1", one.ports["websecure"]), server.WAIT) as raw:
        raw.sendall(hello.record(hello.client_hello(hello.usual())))
        assert raw.recv(5)[0] == hello.HANDSHAKE
        assert drip(raw, CCS + hello.record(bytes(100), kind=hello.DATA)) < 50
