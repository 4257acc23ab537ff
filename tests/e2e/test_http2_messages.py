# SPDX-License-Identifier: GPL-3.0-or-later
# TIMEOUT: 240
"""The rules of RFC 9113 §8 for messages, of RFC 8441 for extended CONNECT and of RFC 7541 for the
tables, a test for each. A malformed request ends its own stream, by a reset or with 400, reaches no
backend, and leaves the streams beside it alone.
"""

import pytest

import http2
import wire
from http2 import DATA, END_STREAM, PROTOCOL_ERROR, get, pack, post
from http2_rules import client, is_malformed, lives, open_client, target

assert client and open_client and target


# ---- 8: messages ----

def test_8_1_trailers_end_the_stream(client):
    client.headers(1, post("/sink"), end=False)
    client.data(1, b"hello")
    client.headers(1, [("x-sum", "1")])
    assert client.answer(1).body.startswith(b"5 ")


def test_8_1_trailers_that_do_not_end_the_stream_are_malformed(client):
    client.headers(1, post("/sink"), end=False)
    client.data(1, b"hello")
    client.headers(1, [("x-sum", "1")], end=False)
    is_malformed(client, 1)


def test_8_1_responses_have_no_data_where_there_is_none(client):
    assert client.request(http2.request("HEAD", "/bytes/100")).body == b""
    assert client.request(get("/status/204")).body == b""
    assert client.request(get("/status/304")).body == b""


def test_8_1_trailers_of_the_response_arrive(client):
    assert client.request(get("/chunked")).trailers == [("x-after", "end")]


def test_8_1_informational_responses_come_before_the_final_one(client):
    one = client.request(get("/early"))
    assert [fields[0][1] for fields in one.informational] == ["103"] and one.status == 200


def test_8_1_a_response_that_was_cut_short_is_reset(client):
    for path in ("/cut", "/cutchunked"):
        one = client.request(get(path))
        assert not one.ended and one.reset is not None, one
    lives(client)


@pytest.mark.parametrize("length,body", [(5, b"hell"), (5, b"hello!"), (0, b"x"), (1, b"")])
def test_8_1_1_a_length_that_the_data_do_not_have_is_malformed(client, length, body):
    fields = post("/sink", extra=[("content-length", str(length))])
    client.send(client.pack_headers(1, fields, end=False) + pack(DATA, END_STREAM, 1, body))
    is_malformed(client, 1)


def test_8_1_1_a_length_without_data_is_malformed(client):
    client.headers(1, post("/", extra=[("content-length", "5")]))
    is_malformed(client, 1)


MALFORMED = {
    "8.2.1 a name in upper case": get("/", extra=[("X-Upper", "b")]),
    "8.2.1 an empty name": get("/", extra=[("", "b")]),
    "8.2.1 a space in a name": get("/", extra=[("x a", "b")]),
    "8.2.1 a byte beyond ASCII in a name": get("/", extra=[("x-\xe9", "b")]),
    "8.2.1 DEL in a name": get("/", extra=[("x\x7f", "b")]),
    "8.2.1 a colon in a name": get("/", extra=[("x:a", "b")]),
    "8.2.1 NUL in a value": get("/", extra=[("x-a", "b\0")]),
    "8.2.1 LF in a value": get("/", extra=[("x-a", "b\nc")]),
    "8.2.1 CR in a value": get("/", extra=[("x-a", "b\rc")]),
    "8.2.1 a space in front of a value": get("/", extra=[("x-a", " b")]),
    "8.2.1 a tab behind a value": get("/", extra=[("x-a", "b\t")]),
    "8.2.2 connection": get("/", extra=[("connection", "close")]),
    "8.2.2 keep-alive": get("/", extra=[("keep-alive", "x")]),
    "8.2.2 proxy-connection": get("/", extra=[("proxy-connection", "x")]),
    "8.2.2 transfer-encoding": get("/", extra=[("transfer-encoding", "chunked")]),
    "8.2.2 upgrade": get("/", extra=[("upgrade", "websocket")]),
    "8.2.2 te other than trailers": get("/", extra=[("te", "gzip")]),
    "8.3 a pseudo-field of no request": get("/", extra=[]) + [(":status", "200")],
    "8.3 an unknown pseudo-field": [(":foo", "x")] + get("/"),
    "8.3 a pseudo-field behind a field": [("x-a", "b")] + get("/"),
    "8.3.1 no method": http2.request(method=None),
    "8.3.1 no scheme": http2.request(scheme=None),
    "8.3.1 no path": http2.request(path=None),
    "8.3.1 an empty path": http2.request(path=""),
    "8.3.1 a path that is none": http2.request(path="a"),
    "8.3.1 the path * without OPTIONS": http2.request(path="*"),
    "8.3.1 two methods": [(":method", "GET")] + get("/"),
    "8.3.1 two schemes": [(":scheme", "https")] + get("/"),
    "8.3.1 two paths": [(":path", "/")] + get("/"),
    "8.3.1 two authorities": [(":authority", "a.test")] + get("/"),
    "8.3.1 user information": http2.request(authority="u@a.test"),
    "8.3.1 Host that differs from :authority": get("/", extra=[("host", "b.test")]),
    "8.3.1 neither Host nor :authority": http2.request(authority=None),
    "8.5 CONNECT with a path": http2.request("CONNECT", authority="a.test:443"),
    "8.5 CONNECT without an authority": [(":method", "CONNECT")],
}


@pytest.mark.parametrize("name", MALFORMED)
def test_8_malformed_requests_end_their_stream_only(target, client, name):
    target.backend.requests.clear()
    client.headers(1, get("/slow/100"))
    client.headers(3, MALFORMED[name], literal=True)
    one = client.answer(3)
    assert (one.status == 400 and one.ended) or one.reset == PROTOCOL_ERROR, one
    assert client.answer(1).status == 200
    lives(client)
    assert sorted(one.target for one in target.backend.requests) == ["/alive", "/slow/100"]


def test_8_2_3_cookies_are_joined(target, client):
    client.request(get("/", extra=[("cookie", "a=b"), ("cookie", "c=d"), ("cookie", "e=f")]))
    assert target.backend.last.get("Cookie") == "a=b; c=d; e=f"


def test_8_3_1_host_follows_the_authority(target, client):
    client.request(get("/"))
    assert target.backend.last.get("Host") == "a.test"
    client.request(http2.request(authority=None, extra=[("host", "b.test:8080")]))
    assert target.backend.last.get("Host") == "b.test:8080"


def test_8_3_2_responses_have_a_status_and_no_fields_of_the_connection(client):
    one = client.request(get("/until-close"))
    assert one.status == 200 and one.body == b"until the end"
    assert not {"connection", "keep-alive", "transfer-encoding", "upgrade",
                "proxy-connection"} & {name for name, _ in one.headers}


def test_8_5_connect_is_refused(client):
    client.headers(1, [(":method", "CONNECT"), (":authority", "a.test:443")], end=False)
    one = client.answer(1)
    assert one.status in (400, 405, 501), one
    lives(client)


def test_8_6_the_upgrade_from_http1_is_not_taken(target):
    with wire.Connection(target.ports["web"]) as connection:
        connection.send(b"GET / HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade, HTTP2-Settings\r\n"
                        b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n")
        response = connection.read_response()
    assert response.status == 200 and response.get("Upgrade") is None
    assert target.backend.last.get("Upgrade") is None


def test_8_7_a_request_that_a_backend_dropped_is_not_left_open(client):
    one = client.request(get("/reset"))
    assert one.status == 502 or one.reset is not None
    lives(client)


# ---- RFC 8441: extended CONNECT ----

WEBSOCKET = [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "https"),
             (":authority", "a.test"), (":path", "/upgrade")]


def test_rfc_8441_a_stream_becomes_a_tunnel(target, client):
    assert client.settings[http2.ENABLE_CONNECT_PROTOCOL] == 1
    client.headers(1, WEBSOCKET + [("sec-websocket-version", "13")], end=False)
    one = client.stream(1)
    client.wait(lambda: one.status is not None)
    assert one.status == 200
    assert target.backend.last.get("Upgrade") == "websocket"
    assert target.backend.last.method == "GET"
    client.data(1, b"hello")
    client.wait(lambda: one.body == b"hello")
    client.data(1, b"", end=True)
    client.answer(1)
    lives(client)


def test_rfc_8441_a_backend_that_does_not_upgrade_gives_no_tunnel(client):
    """Its 200 is not the 200 that says: here is your WebSocket."""
    fields = [(name, "/status/200" if name == ":path" else value) for name, value in WEBSOCKET]
    client.headers(1, fields, end=False)
    one = client.answer(1)
    assert one.status == 502, one
    lives(client)


def test_rfc_8441_a_backend_that_refuses_is_heard(client):
    fields = [(name, "/status/403" if name == ":path" else value) for name, value in WEBSOCKET]
    client.headers(1, fields, end=False)
    assert client.answer(1).status == 403
    lives(client)


@pytest.mark.parametrize("left_out", [":scheme", ":path", ":authority"])
def test_rfc_8441_an_extended_connect_is_whole(client, left_out):
    client.headers(1, [field for field in WEBSOCKET if field[0] != left_out], end=False)
    is_malformed(client, 1)


def test_rfc_8441_protocol_is_for_connect(client):
    client.headers(1, [(":method", "GET"), *WEBSOCKET[1:]])
    is_malformed(client, 1)


@pytest.mark.parametrize("protocol", ["h2c", "connect-udp", "x"])
def test_rfc_8441_other_protocols_are_refused(client, protocol):
    client.headers(1, [WEBSOCKET[0], (":protocol", protocol), *WEBSOCKET[2:]], end=False)
    one = client.answer(1)
    assert one.status == 501 or one.reset is not None, one
    lives(client)


# ---- RFC 7541 ----

def test_rfc_7541_what_was_indexed_is_found_again(client):
    for _ in range(3):
        body = client.request(get("/", extra=[("x-indexed", "once and again")])).body
        assert b"once and again" in body


def test_rfc_7541_a_smaller_table_is_taken(client):
    client.encoder.header_table_size = 0
    assert client.request(get("/", extra=[("x-a", "b")])).status == 200
    client.encoder.header_table_size = 4096
    assert client.request(get("/", extra=[("x-a", "b")])).status == 200


def test_rfc_7541_our_table_follows_the_clients_setting(open_client):
    client = open_client(settings=[(http2.HEADER_TABLE_SIZE, 0)]).settled()
    for _ in range(3):
        assert client.request(get("/")).status == 200
    client.settings_frame((http2.HEADER_TABLE_SIZE, 100))
    client.decoder.max_allowed_table_size = 100
    client.wait(lambda: client.settings_acks == 2)
    assert client.request(get("/")).status == 200
