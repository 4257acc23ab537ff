# SPDX-License-Identifier: GPL-3.0-or-later
# TIMEOUT: 240
"""The rules of RFC 9113 for frames and streams, a test for each, named after its section: what
breaks one ends the stream or the connection with the code that the section says; what is allowed
has no effect on other streams. Where the RFC leaves the choice, either is right.
"""

import struct

import pytest

import http2
from backends import http_service, known_bytes
from http2 import (ACK, COMPRESSION_ERROR, CONTINUATION, DATA, END_HEADERS, END_STREAM,
                   FLOW_CONTROL_ERROR, FRAME_SIZE_ERROR, GOAWAY, HEADERS, INITIAL_WINDOW_SIZE,
                   MAX_WINDOW, PADDED, PING, PRIORITY, PROTOCOL_ERROR, PUSH_PROMISE, REFUSED_STREAM,
                   RST_STREAM, SETTINGS, STREAM_CLOSED, WINDOW_UPDATE, WITH_PRIORITY, get, pack,
                   pack_settings, post)
# The fixtures are found by their names.
from http2_rules import (breaks, breaks_either, breaks_stream, client, hangs, lives, open_client,
                         target)

assert client and open_client and target


# ---- 3: starting ----

def test_3_4_the_servers_preface_is_settings(client):
    first = client.frames[0]
    assert type(first).__name__ == "SettingsFrame" and "ACK" not in first.flags


def test_3_4_settings_are_acknowledged(client):
    assert client.settings_acks == 1


def test_3_4_requests_need_not_wait_for_the_servers_settings(open_client):
    client = open_client(start=False)
    client.send(http2.PREFACE + pack(SETTINGS) + client.pack_headers(1, get("/early-bird")))
    assert client.answer(1).status == 200


def test_3_4_a_preface_in_pieces_is_a_preface(open_client):
    client = open_client(start=False)
    for byte in http2.PREFACE:
        client.send(bytes([byte]))
    client.send(pack(SETTINGS))
    lives(client.settled(), 1)


def test_3_4_a_wrong_preface_ends_the_connection(open_client, authority):
    client = open_client("websecure", context=http2.secure(authority), start=False)
    client.send(b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n" + pack(SETTINGS))
    client.read_to_end()
    assert client.streams == {}


def test_3_4_http1_on_a_connection_of_http2_ends_it(target, open_client, authority):
    target.backend.requests.clear()
    client = open_client("websecure", context=http2.secure(authority), start=False)
    client.send(b"GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n")
    client.read_to_end()
    assert target.backend.requests == []


@pytest.mark.parametrize("frame", [
    pack(PING, payload=b"8 octets"), pack(WINDOW_UPDATE, payload=b"\0\0\0\1"),
    pack(HEADERS, END_HEADERS | END_STREAM, 1, http2.literal_block(get("/")))],
    ids=["PING", "WINDOW_UPDATE", "HEADERS"])
def test_3_4_the_clients_first_frame_is_settings(open_client, frame):
    client = open_client(start=False)
    client.send(http2.PREFACE + frame)
    breaks(client, PROTOCOL_ERROR)


def test_3_4_the_first_settings_are_no_acknowledgement(open_client):
    client = open_client(start=False)
    client.send(http2.PREFACE + pack(SETTINGS, ACK))
    breaks(client, PROTOCOL_ERROR)


# ---- 4: frames ----

@pytest.mark.parametrize("kind", [0x0b, 0x2a, 0xff])
@pytest.mark.parametrize("stream", [0, 1, 3])
def test_4_1_unknown_frames_are_ignored(client, kind, stream):
    hangs(client)
    client.frame(kind, 0xff, stream, b"whatever")
    client.roundtrip()
    assert not client.stream(1).over
    lives(client)


def test_4_1_unknown_flags_are_ignored(client):
    client.frame(PING, 0xfe, 0, b"8 octets")
    client.wait(lambda: client.pongs == 1)
    client.send(pack(HEADERS, END_HEADERS | END_STREAM | 0xc2, 1, client.block(get("/"))))
    assert client.answer(1).status == 200


def test_4_1_the_reserved_bit_is_ignored(client):
    client.send(pack(HEADERS, END_HEADERS | END_STREAM, 1 | 1 << 31, client.block(get("/"))))
    assert client.answer(1).status == 200


def test_4_2_a_frame_of_16384_bytes_is_taken(client):
    client.headers(1, post("/sink"), end=False)
    client.data(1, b"x" * 16384, end=True)
    assert client.answer(1).body.startswith(b"16384 ")


@pytest.mark.parametrize("kind,stream", [
    (DATA, 1), (HEADERS, 3), (SETTINGS, 0), (CONTINUATION, 1), (PING, 0), (0xfe, 0), (GOAWAY, 0)])
def test_4_2_a_frame_beyond_the_limit_is_a_frame_size_error(client, kind, stream):
    hangs(client)
    client.frame(kind, 0, stream, b"\0" * 16385)
    breaks(client, FRAME_SIZE_ERROR)


def test_4_2_a_frame_that_says_16_megabytes_is_not_waited_for(client):
    client.send(pack(DATA, 0, 1, length=(1 << 24) - 1))
    breaks(client, FRAME_SIZE_ERROR)


BAD_BLOCKS = {
    "index 0": b"\x80",
    "an index beyond the tables": b"\xff\x80\x01",
    "a name of an index beyond the tables": b"\x7f\x80\x01\x01x",
    "an integer without end": b"\xff" + b"\xff" * 20,
    "an integer that overflows": b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
    "a name that is cut short": b"\0\x7fab",
    "a value that is cut short": b"\0\x01x\x05ab",
    "nothing behind a literal": b"\0",
    "Huffman's EOS": b"\0\x01x\x84\xff\xff\xff\xff",
    "Huffman padding that is too long": b"\0\x01x\x83\x1c\x64\xff",
    "Huffman padding of zeros": b"\0\x01x\x81\x00",
    "a table larger than allowed": b"\x3f\xff\xff\x7f",
    "a table size behind a field": b"\x82\x20",
}


@pytest.mark.parametrize("name", BAD_BLOCKS)
def test_4_3_a_bad_field_block_is_a_compression_error(client, name):
    client.send(pack(HEADERS, END_HEADERS | END_STREAM, 1, BAD_BLOCKS[name]))
    breaks(client, COMPRESSION_ERROR)


@pytest.mark.parametrize("name", ["index 0", "a value that is cut short"])
def test_4_3_a_bad_block_of_trailers_is_a_compression_error(client, name):
    hangs(client)
    client.send(pack(HEADERS, END_HEADERS | END_STREAM, 1, BAD_BLOCKS[name]))
    breaks(client, COMPRESSION_ERROR)


def crowd(open_client):
    """A client that has as many streams as it may, and has not acknowledged that limit yet."""
    client = open_client("narrow", quiet=True)
    client.wait(lambda: client.settings_acks > 0)
    hangs(client, 1)
    hangs(client, 3)
    return client


def test_4_3_a_bad_block_of_a_refused_stream_is_a_compression_error(open_client):
    client = crowd(open_client)
    client.send(pack(HEADERS, END_HEADERS | END_STREAM, 5, b"\x80"))
    breaks(client, COMPRESSION_ERROR)


def test_4_3_the_table_lives_on_after_a_refused_stream(open_client):
    client = crowd(open_client)
    client.headers(5, get("/", extra=[("x-in-the-table", "from a refused stream")]))
    client.expect_stream_error(5, REFUSED_STREAM)
    client.reset(1)
    client.roundtrip()
    client.headers(7, get("/", extra=[("x-in-the-table", "from a refused stream")]))
    assert b"from a refused stream" in client.answer(7).body


@pytest.mark.parametrize("between", [
    pack(PRIORITY, 0, 1, b"\0\0\0\0\x10"), pack(PING, payload=b"8 octets"), pack(SETTINGS),
    pack(HEADERS, END_HEADERS | END_STREAM, 3, http2.literal_block(get("/"))),
    pack(CONTINUATION, END_HEADERS, 3), pack(DATA, END_STREAM, 1), pack(0xfe, 0, 1, b"x"),
    pack(WINDOW_UPDATE, payload=b"\0\0\0\1"), pack(RST_STREAM, 0, 1, b"\0\0\0\x08")],
    ids=["PRIORITY", "PING", "SETTINGS", "HEADERS", "CONTINUATION of another", "DATA", "unknown",
         "WINDOW_UPDATE", "RST_STREAM"])
def test_4_3_nothing_comes_between_the_frames_of_a_block(client, between):
    block = client.block(get("/"))
    client.send(pack(HEADERS, END_STREAM, 1, block[:5]) + between +
                pack(CONTINUATION, END_HEADERS, 1, block[5:]))
    breaks(client, PROTOCOL_ERROR)


# ---- 5: streams ----

@pytest.mark.parametrize("frame", [
    pack(DATA, END_STREAM, 1, b"x"), pack(RST_STREAM, 0, 1, b"\0\0\0\x08"),
    pack(WINDOW_UPDATE, 0, 1, b"\0\0\0\1"), pack(CONTINUATION, END_HEADERS, 1)],
    ids=["DATA", "RST_STREAM", "WINDOW_UPDATE", "CONTINUATION"])
def test_5_1_idle_streams_take_headers_and_priority_only(client, frame):
    client.send(frame)
    breaks(client, PROTOCOL_ERROR)


def test_5_1_idle_streams_take_priority(client):
    client.frame(PRIORITY, 0, 1, b"\0\0\0\0\x10")
    lives(client, 1)


def ended(client, path="/hang"):
    client.headers(1, get(path))
    client.roundtrip()


@pytest.mark.parametrize("kind", ["DATA", "HEADERS"])
def test_5_1_nothing_comes_behind_the_end_of_a_stream(client, kind):
    ended(client)
    if kind == "DATA":
        client.data(1, b"x", end=True)
    else:
        client.headers(1, get("/"))
    breaks_either(client, 1, STREAM_CLOSED)


LATE = {"WINDOW_UPDATE": pack(WINDOW_UPDATE, 0, 1, b"\0\0\0\x08"),
        "PRIORITY": pack(PRIORITY, 0, 1, b"\0\0\0\0\x10"),
        "RST_STREAM": pack(RST_STREAM, 0, 1, b"\0\0\0\x08")}


@pytest.mark.parametrize("kind", LATE)
def test_5_1_an_ended_stream_takes_what_concerns_the_answer(client, kind):
    ended(client)
    client.send(LATE[kind])
    lives(client)


def smuggle(client, kind):
    if kind == "DATA":
        client.data(1, b"x", end=True)
    else:
        client.headers(1, get("/smuggled"))


def is_not_served(target, client):
    """What the connection gets for it is our choice (§5.1: MAY); a request it is not."""
    one = client.stream(1)
    before = one.status
    try:
        lives(client)
    except http2.Closed:
        assert client.goaway.error_code in (STREAM_CLOSED, PROTOCOL_ERROR)
    assert one.status == before
    assert "/smuggled" not in [one.target for one in target.backend.requests]


@pytest.mark.parametrize("kind", ["DATA", "HEADERS"])
def test_5_1_a_stream_that_both_ended_is_closed(target, client, kind):
    ended(client, "/")
    client.answer(1)
    smuggle(client, kind)
    is_not_served(target, client)


@pytest.mark.parametrize("kind", LATE)
def test_5_1_late_frames_on_a_closed_stream_are_ignored(client, kind):
    ended(client, "/")
    client.answer(1)
    client.send(LATE[kind])
    lives(client)


@pytest.mark.parametrize("kind", ["DATA", "HEADERS"])
def test_5_1_the_client_sends_nothing_behind_its_reset(target, client, kind):
    hangs(client)
    client.reset(1)
    client.roundtrip()
    smuggle(client, kind)
    is_not_served(target, client)


def test_5_1_data_on_its_way_when_we_reset_is_ignored(client):
    """And counted: the connection's window is given back."""
    client.headers(1, post("/reset"), end=False)
    client.answer(1)
    before = client.window
    for _ in range(100):
        client.frame(DATA, 0, 1, b"x" * 16000)
        client.window -= 16000
        client.wait(lambda: client.window > 16000)
    assert before > 16000
    lives(client)


@pytest.mark.parametrize("number", [2, 1 << 30])
def test_5_1_1_streams_of_clients_are_odd(client, number):
    client.headers(number, get("/"))
    breaks(client, PROTOCOL_ERROR)


def test_5_1_1_stream_numbers_only_grow(target, client):
    """A lower number is an error or ignored, as it may be of a stream that we have reset."""
    lives(client, 5)
    client.headers(1, get("/smuggled"))
    is_not_served(target, client)


def test_5_1_1_numbers_may_be_left_out(client):
    for number in (1, 7, 1001, (1 << 31) - 1):
        lives(client, number)


def test_5_1_2_streams_beyond_the_limit_are_refused(open_client):
    client = crowd(open_client)
    assert client.settings[http2.MAX_CONCURRENT_STREAMS] == 2
    client.headers(5, get("/"))
    client.expect_stream_error(5, REFUSED_STREAM)
    client.reset(1)
    lives(client, 7)
    assert not client.stream(3).over


def test_5_1_2_who_has_acknowledged_the_limit_keeps_it(open_client):
    client = open_client("narrow").settled()
    hangs(client, 1)
    hangs(client, 3)
    client.headers(5, get("/"))
    breaks_either(client, 5, PROTOCOL_ERROR, REFUSED_STREAM)


def test_5_3_priorities_are_taken_and_not_followed(client):
    block = client.block(get("/"))
    client.send(pack(HEADERS, END_HEADERS | END_STREAM | WITH_PRIORITY, 1,
                     b"\x80\0\0\0\xff" + block))
    assert client.answer(1).status == 200
    client.frame(PRIORITY, 0, 3, b"\0\0\0\1\x10")
    lives(client)


def test_5_3_1_a_priority_that_depends_on_itself_is_no_harm(client):
    """RFC 7540 made it an error; RFC 9113 took the scheme away."""
    client.frame(PRIORITY, 0, 1, b"\0\0\0\1\x10")
    lives(client)


def test_5_3_1_headers_that_depend_on_themselves_are_served_or_an_error(client):
    client.send(pack(HEADERS, END_HEADERS | END_STREAM | WITH_PRIORITY, 1,
                     b"\0\0\0\1\x10" + client.block(get("/"))))
    one = client.stream(1)
    client.wait(lambda: one.over or client.goaway is not None)
    if client.goaway is not None:
        breaks(client, PROTOCOL_ERROR)
    else:
        assert one.status == 200 or one.reset == PROTOCOL_ERROR


def test_5_4_1_goaway_names_the_last_stream(client):
    lives(client, 7)
    client.frame(DATA, 0, 0, b"x")
    assert breaks(client, PROTOCOL_ERROR).last_stream_id == 7


def test_5_4_2_other_streams_survive_a_stream_error(client):
    client.headers(1, get("/slow/300"))
    hangs(client, 3)
    client.window_update(3, MAX_WINDOW)
    client.expect_stream_error(3, FLOW_CONTROL_ERROR)
    assert client.answer(1).body == b"slow\n"


# ---- 6.1: DATA ----

def test_6_1_data_on_stream_zero_is_a_protocol_error(client):
    client.frame(DATA, 0, 0, b"x")
    breaks(client, PROTOCOL_ERROR)


@pytest.mark.parametrize("payload", [b"\x01", b"\x06hello", b"\xffhello"])
def test_6_1_padding_longer_than_the_payload_is_a_protocol_error(client, payload):
    hangs(client)
    client.frame(DATA, PADDED, 1, payload)
    breaks(client, PROTOCOL_ERROR)


def test_6_1_padded_data_without_a_length_is_a_frame_size_error(client):
    hangs(client)
    client.frame(DATA, PADDED, 1)
    breaks(client, FRAME_SIZE_ERROR, PROTOCOL_ERROR)


@pytest.mark.parametrize("padding", [0, 1, 255])
def test_6_1_padding_is_taken_off(client, padding):
    client.headers(1, post("/sink"), end=False)
    client.frame(DATA, PADDED | END_STREAM, 1, bytes([padding]) + b"hello" + b"\0" * padding)
    assert client.answer(1).body.startswith(b"5 ")


def test_6_1_padding_counts_for_the_windows(client):
    """All of them are given back, else the stream would stop."""
    client.headers(1, post("/sink"), end=False)
    one, sent = client.stream(1), 0
    for _ in range(600):
        client.wait(lambda: min(one.window, client.window) > 300)
        client.frame(DATA, PADDED, 1, b"\xff" + b"x" * 2 + b"\0" * 255)
        one.window -= 258
        client.window -= 258
        sent += 2
    client.data(1, end=True)
    assert client.answer(1).body.startswith(b"%d " % sent)


# ---- 6.2: HEADERS ----

def test_6_2_headers_on_stream_zero_are_a_protocol_error(client):
    client.headers(0, get("/"))
    breaks(client, PROTOCOL_ERROR)


def test_6_2_padding_longer_than_the_payload_is_a_protocol_error(client):
    client.frame(HEADERS, PADDED | END_HEADERS | END_STREAM, 1, b"\xff" + client.block(get("/")))
    breaks(client, PROTOCOL_ERROR)


def test_6_2_padding_is_taken_off(client):
    client.frame(HEADERS, PADDED | END_HEADERS | END_STREAM, 1,
                 b"\x0a" + client.block(get("/")) + b"\0" * 10)
    assert client.answer(1).status == 200


@pytest.mark.parametrize("payload", [b"", b"\0\0", b"\0\0\0\0"])
def test_6_2_a_priority_that_does_not_fit_is_a_frame_size_error(client, payload):
    client.frame(HEADERS, WITH_PRIORITY | END_HEADERS | END_STREAM, 1, payload)
    breaks(client, FRAME_SIZE_ERROR, PROTOCOL_ERROR)


# ---- 6.3: PRIORITY ----

def test_6_3_priority_on_stream_zero_is_a_protocol_error(client):
    client.frame(PRIORITY, 0, 0, b"\0\0\0\1\x10")
    breaks(client, PROTOCOL_ERROR)


@pytest.mark.parametrize("size", [0, 4, 6])
def test_6_3_a_priority_not_of_5_bytes_is_a_frame_size_error(client, size):
    hangs(client)
    client.frame(PRIORITY, 0, 1, b"\0" * size)
    breaks_either(client, 1, FRAME_SIZE_ERROR)


# ---- 6.4: RST_STREAM ----

def test_6_4_a_reset_of_stream_zero_is_a_protocol_error(client):
    client.reset(0)
    breaks(client, PROTOCOL_ERROR)


@pytest.mark.parametrize("size", [0, 3, 5])
def test_6_4_a_reset_not_of_4_bytes_is_a_frame_size_error(client, size):
    hangs(client)
    client.frame(RST_STREAM, 0, 1, b"\0" * size)
    breaks(client, FRAME_SIZE_ERROR)


@pytest.mark.parametrize("code", [0, 8, 0xe, 0xffffffff])
def test_6_4_a_reset_is_not_answered(client, code):
    hangs(client)
    client.reset(1, code)
    lives(client)
    assert client.stream(1).reset is None and client.stream(1).status is None


# ---- 6.5: SETTINGS ----

def test_6_5_settings_of_a_stream_are_a_protocol_error(client):
    hangs(client)
    client.frame(SETTINGS, 0, 1)
    breaks(client, PROTOCOL_ERROR)


def test_6_5_an_acknowledgement_with_a_payload_is_a_frame_size_error(client):
    client.settings_frame((http2.ENABLE_PUSH, 0), flags=ACK)
    breaks(client, FRAME_SIZE_ERROR)


@pytest.mark.parametrize("size", [1, 5, 7])
def test_6_5_settings_not_of_6_bytes_each_are_a_frame_size_error(client, size):
    client.frame(SETTINGS, 0, 0, b"\0" * size)
    breaks(client, FRAME_SIZE_ERROR)


@pytest.mark.parametrize("key,value,code", [
    (http2.ENABLE_PUSH, 2, PROTOCOL_ERROR),
    (http2.ENABLE_PUSH, 0xffffffff, PROTOCOL_ERROR),
    (INITIAL_WINDOW_SIZE, 1 << 31, FLOW_CONTROL_ERROR),
    (INITIAL_WINDOW_SIZE, 0xffffffff, FLOW_CONTROL_ERROR),
    (http2.MAX_FRAME_SIZE, 0, PROTOCOL_ERROR),
    (http2.MAX_FRAME_SIZE, 16383, PROTOCOL_ERROR),
    (http2.MAX_FRAME_SIZE, 1 << 24, PROTOCOL_ERROR)])
def test_6_5_2_values_out_of_range_are_errors(client, key, value, code):
    client.settings_frame((key, value))
    breaks(client, code)


@pytest.mark.parametrize("pairs", [
    [(http2.HEADER_TABLE_SIZE, 0)], [(http2.HEADER_TABLE_SIZE, 0xffffffff)],
    [(http2.ENABLE_PUSH, 1)], [(http2.MAX_CONCURRENT_STREAMS, 0)],
    [(INITIAL_WINDOW_SIZE, MAX_WINDOW)], [(http2.MAX_FRAME_SIZE, (1 << 24) - 1)],
    [(http2.MAX_HEADER_LIST_SIZE, 0xffffffff)], [(0, 1)], [(0xffff, 0xffffffff)],
    [(0x42, 1), (INITIAL_WINDOW_SIZE, 100000)],
    [(INITIAL_WINDOW_SIZE, 0), (INITIAL_WINDOW_SIZE, 65535)]], ids=str)
def test_6_5_2_values_within_range_and_unknown_ones_are_taken(open_client, pairs):
    client = open_client(settings=pairs).settled()
    lives(client, 1)
    client.settings_frame(*pairs)
    client.wait(lambda: client.settings_acks == 2)
    lives(client)


def test_6_5_2_frames_are_no_longer_than_allowed(open_client):
    """The client's own check does not let a longer one pass."""
    client = open_client(settings=[(INITIAL_WINDOW_SIZE, 1 << 20)]).settled()
    client.window_update(0, 1 << 20)
    assert client.request(get("/bytes/500000")).body == known_bytes(500000)


def test_6_5_3_each_settings_frame_is_acknowledged(client):
    client.send(pack(SETTINGS) * 3 + pack(SETTINGS, payload=pack_settings((0x99, 1))))
    client.wait(lambda: client.settings_acks == 5)
    lives(client)


def test_6_5_3_an_acknowledgement_that_nobody_asked_for_is_an_error_or_nothing(client):
    client.settings_frame(flags=ACK)
    try:
        lives(client)
    except http2.Closed:
        assert client.goaway.error_code == PROTOCOL_ERROR


# ---- 6.6 to 6.8: PUSH_PROMISE, PING, GOAWAY ----

@pytest.mark.parametrize("stream", [0, 1])
def test_6_6_clients_do_not_push(client, stream):
    hangs(client)
    client.frame(PUSH_PROMISE, END_HEADERS, stream, b"\0\0\0\2" + client.block(get("/")))
    breaks(client, PROTOCOL_ERROR)


def test_6_7_a_ping_is_answered_with_its_payload(client):
    client.ping(b"\0\1\2\3\xff\xfe\xfd\xfc")
    client.wait(lambda: client.pongs == 1)
    assert client.frames[-1].opaque_data == b"\0\1\2\3\xff\xfe\xfd\xfc"


def test_6_7_an_answer_is_not_answered(client):
    client.frame(PING, ACK, 0, b"8 octets")
    client.roundtrip()
    assert client.pongs == 1


def test_6_7_a_ping_of_a_stream_is_a_protocol_error(client):
    client.frame(PING, 0, 1, b"8 octets")
    breaks(client, PROTOCOL_ERROR)


@pytest.mark.parametrize("size", [0, 7, 9])
def test_6_7_a_ping_not_of_8_bytes_is_a_frame_size_error(client, size):
    client.frame(PING, 0, 0, b"x" * size)
    breaks(client, FRAME_SIZE_ERROR)


def test_6_8_goaway_of_a_stream_is_a_protocol_error(client):
    hangs(client)
    client.frame(GOAWAY, 0, 1, b"\0" * 8)
    breaks(client, PROTOCOL_ERROR)


@pytest.mark.parametrize("size", [0, 7])
def test_6_8_a_goaway_that_is_too_short_is_a_frame_size_error(client, size):
    client.frame(GOAWAY, 0, 0, b"\0" * size)
    breaks(client, FRAME_SIZE_ERROR)


def test_6_8_what_runs_is_finished_after_the_clients_goaway(client):
    client.headers(1, get("/slow/200"))
    client.frame(GOAWAY, 0, 0, struct.pack(">II", 0, 0) + b"bye")
    assert client.answer(1).body == b"slow\n"


def test_6_8_an_end_in_order_finishes_what_runs(weir, http_backend):
    """GOAWAY with NO_ERROR, and the number of the last stream that is served."""
    backend = http_backend()
    one = weir(entries={"web": {}}, dynamic={"http": {
        "routers": {"r": {"rule": "PathPrefix(`/`)", "service": "s"}},
        "services": {"s": http_service(backend)}}})
    with http2.Client(one.ports["web"]) as client:
        client.settled()
        client.headers(1, get("/slow/500"))
        client.roundtrip()
        one.signal(15)
        assert client.answer(1).body == b"slow\n"
        client.read_to_end()
        assert client.goaway.error_code == http2.NO_ERROR and client.goaway.last_stream_id == 1
    assert one.wait_exit() == 0


# ---- 6.9: WINDOW_UPDATE ----

def test_6_9_an_increment_of_zero_is_a_stream_error(client):
    hangs(client)
    client.window_update(1, 0)
    breaks_either(client, 1, PROTOCOL_ERROR)


def test_6_9_an_increment_of_zero_for_the_connection_is_its_error(client):
    client.window_update(0, 0)
    breaks(client, PROTOCOL_ERROR)


@pytest.mark.parametrize("stream", [0, 1])
@pytest.mark.parametrize("size", [0, 3, 5])
def test_6_9_an_update_not_of_4_bytes_is_a_frame_size_error(client, stream, size):
    hangs(client)
    client.frame(WINDOW_UPDATE, 0, stream, b"\1" * size)
    breaks(client, FRAME_SIZE_ERROR)


def test_6_9_1_a_window_beyond_31_bits_is_a_stream_error(client):
    hangs(client)
    client.window_update(1, MAX_WINDOW)
    breaks_stream(client, 1, FLOW_CONTROL_ERROR)


def test_6_9_1_the_connections_window_beyond_31_bits_is_its_error(client):
    client.window_update(0, MAX_WINDOW)
    client.window_update(0, MAX_WINDOW)
    breaks(client, FLOW_CONTROL_ERROR)


def test_6_9_1_a_window_of_exactly_31_bits_is_taken(client):
    client.window_update(0, MAX_WINDOW - http2.DEFAULT_WINDOW)
    hangs(client)
    client.window_update(1, MAX_WINDOW - http2.DEFAULT_WINDOW)
    lives(client)


def test_6_9_1_the_response_stops_at_the_streams_window(open_client):
    client = open_client(settings=[(INITIAL_WINDOW_SIZE, 1)], quiet=True)
    client.wait(lambda: client.settings_acks > 0)
    client.headers(1, get("/bytes/10"))
    one = client.stream(1)
    client.wait(lambda: len(one.body) == 1)
    client.roundtrip()
    assert len(one.body) == 1
    client.window_update(1, 3)
    client.wait(lambda: len(one.body) == 4)
    client.roundtrip()
    assert len(one.body) == 4
    client.window_update(1, 100)
    assert client.answer(1).body == known_bytes(10)


def test_6_9_1_the_response_stops_at_the_connections_window(open_client):
    client = open_client(settings=[(INITIAL_WINDOW_SIZE, 1 << 20)], quiet=True)
    client.wait(lambda: client.settings_acks > 0)
    client.headers(1, get("/bytes/100000"))
    one = client.stream(1)
    client.wait(lambda: len(one.body) == http2.DEFAULT_WINDOW)
    client.roundtrip()
    assert len(one.body) == http2.DEFAULT_WINDOW
    client.window_update(0, 100000)
    assert client.answer(1).body == known_bytes(100000)


def test_6_9_1_a_client_that_passes_its_window_is_stopped(client):
    client.headers(1, post("/deaf/"), end=False)
    client.roundtrip()
    left = client.stream(1).window + 1
    while left > 0:
        client.frame(DATA, 0, 1, b"x" * min(left, 16384))
        left -= min(left, 16384)
    breaks_either(client, 1, FLOW_CONTROL_ERROR)


def test_6_9_1_a_client_that_fills_its_window_is_not(client):
    client.headers(1, post("/deaf/"), end=False)
    client.roundtrip()
    left = client.stream(1).window
    assert left < client.window
    while left > 0:
        client.frame(DATA, 0, 1, b"x" * min(left, 16384))
        left -= min(left, 16384)
    lives(client)
    assert not client.stream(1).over and client.stream(1).window <= client.window


def test_6_9_2_a_new_initial_size_moves_open_windows(open_client):
    client = open_client(settings=[(INITIAL_WINDOW_SIZE, 0)], quiet=True)
    client.wait(lambda: client.settings_acks > 0)
    client.headers(1, get("/bytes/10"))
    one = client.stream(1)
    client.wait(lambda: one.status == 200)
    client.roundtrip()
    assert one.body == b""
    client.settings_frame((INITIAL_WINDOW_SIZE, 4))
    client.wait(lambda: len(one.body) == 4)
    client.settings_frame((INITIAL_WINDOW_SIZE, 1))     # the window is -3 now
    client.window_update(1, 3)                          # and 0
    client.roundtrip()
    assert len(one.body) == 4
    client.window_update(1, 2)
    client.wait(lambda: len(one.body) == 6)
    client.settings_frame((INITIAL_WINDOW_SIZE, 100))
    assert client.answer(1).body == known_bytes(10)


def test_6_9_2_a_new_initial_size_beyond_31_bits_is_a_flow_control_error(client):
    hangs(client)
    client.window_update(1, MAX_WINDOW - http2.DEFAULT_WINDOW)
    client.settings_frame((INITIAL_WINDOW_SIZE, http2.DEFAULT_WINDOW + 1))
    breaks_either(client, 1, FLOW_CONTROL_ERROR)


# ---- 6.10: CONTINUATION ----

@pytest.mark.parametrize("count", [1, 5, 30])
def test_6_10_a_block_may_come_in_many_frames(client, count):
    block = client.block(get("/"))
    size = max(1, len(block) // count)
    pieces = [block[at:at + size] for at in range(0, len(block), size)]
    client.frame(HEADERS, END_STREAM, 1, b"")
    for index, piece in enumerate(pieces):
        client.frame(CONTINUATION, END_HEADERS if index == len(pieces) - 1 else 0, 1, piece)
    assert client.answer(1).status == 200


@pytest.mark.parametrize("stream", [0, 1, 3])
def test_6_10_a_continuation_of_nothing_is_a_protocol_error(client, stream):
    hangs(client)
    client.frame(CONTINUATION, END_HEADERS, stream)
    breaks(client, PROTOCOL_ERROR)


def test_6_10_a_continuation_on_stream_zero_is_a_protocol_error(client):
    client.frame(HEADERS, END_STREAM, 1, client.block(get("/")))
    client.frame(CONTINUATION, END_HEADERS, 0)
    breaks(client, PROTOCOL_ERROR)
