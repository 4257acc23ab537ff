# SPDX-License-Identifier: GPL-3.0-or-later
# TIMEOUT: 240
# BUILDS: release asan tsan
"""HTTP/1.1 through Weir to a backend, byte by byte: what arrives there and what comes back."""

import json
import re
import socket

import pytest

import backends
import wire
from server import PATIENCE, SANITIZE


@pytest.fixture
def plain(site):
    one = site(entries={"web": {}})
    with wire.Connection(one.ports["web"]) as connection:
        one.connection = connection
        yield one


def routers(**fields):
    return {"r": {"entryPoints": ["web"], "rule": "PathPrefix(`/`)", "service": "one", **fields}}


# ---- what arrives at the backend ----

def test_method_path_query_and_fields_arrive_as_sent(plain):
    response = plain.connection.request(
        "/a/b%20c;d?x=1&y=%2F&z", headers=[("X-One", "1"), ("x-two", "a,  b"), ("X-One", "2")])
    assert response.status == 200
    request = plain.backend.last
    assert request.line == "GET /a/b%20c;d?x=1&y=%2F&z HTTP/1.1"
    assert request.all("x-one") == ["1", "2"]
    assert request.get("x-two") == "a,  b"
    assert request.get("host") == "a.test"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH",
                                    "PROPFIND", "get"])
def test_methods_pass(plain, method):
    assert plain.connection.request("/m", method=method).status == 200
    assert plain.backend.last.method == method


def test_the_client_is_named_in_forwarding_fields(plain):
    port = plain.ports["web"]
    response = plain.connection.request("/", host=f"a.test:{port}")
    assert response.status == 200
    request = plain.backend.last
    assert request.get("X-Forwarded-For") == "127.0.0.1"
    assert request.get("X-Real-Ip") == "127.0.0.1"
    assert request.get("X-Forwarded-Proto") == "http"
    assert request.get("X-Forwarded-Host") == f"a.test:{port}"
    assert request.get("X-Forwarded-Port") == str(port)
    assert request.get("X-Forwarded-Server") == socket.gethostname()


FORGED = [("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-Proto", "https"),
          ("X-Forwarded-Host", "evil.test"), ("X-Forwarded-Port", "1"),
          ("X-Forwarded-Prefix", "/evil"), ("X-Real-Ip", "203.0.113.9"),
          ("Forwarded", "for=203.0.113.9")]


def test_forwarding_fields_of_strangers_are_removed(plain):
    assert plain.connection.request("/", headers=FORGED).status == 200
    request = plain.backend.last
    assert request.get("X-Forwarded-For") == "127.0.0.1"
    assert request.get("X-Real-Ip") == "127.0.0.1"
    assert request.get("X-Forwarded-Proto") == "http"
    assert request.get("X-Forwarded-Host") == "a.test"
    assert request.get("X-Forwarded-Prefix") is None
    assert request.get("Forwarded") is None


def test_forwarding_fields_of_trusted_peers_stay(site):
    one = site(entries={"web": {"forwardedHeaders": {"trustedIPs": ["127.0.0.0/8"]}}})
    assert wire.fetch(one.ports["web"], headers=FORGED).status == 200
    request = one.backend.last
    assert request.get("X-Forwarded-For") == "203.0.113.9, 127.0.0.1"
    assert request.get("X-Real-Ip") == "203.0.113.9"
    assert request.get("X-Forwarded-Proto") == "https"
    assert request.get("X-Forwarded-Host") == "evil.test"
    assert request.get("X-Forwarded-Prefix") == "/evil"


def test_connection_cannot_name_forwarding_fields_away(plain):
    assert plain.connection.request(
        "/", headers=[("Connection", "keep-alive, X-Forwarded-For, X-Real-Ip, X-Gone"),
                      ("X-Gone", "1")]).status == 200
    request = plain.backend.last
    assert request.get("X-Forwarded-For") == "127.0.0.1"
    assert request.get("X-Real-Ip") == "127.0.0.1"
    assert request.get("X-Gone") is None


def test_hop_by_hop_fields_end_here(plain):
    plain.connection.request("/", headers=[
        ("Connection", "keep-alive, X-Hop"), ("X-Hop", "1"), ("Keep-Alive", "timeout=5"),
        ("Proxy-Connection", "keep-alive"), ("TE", "trailers, deflate"),
        ("Proxy-Authorization", "Basic eDp5")])
    request = plain.backend.last
    for name in ("X-Hop", "Keep-Alive", "Proxy-Connection"):
        assert request.get(name) is None, name
    assert request.get("TE") in (None, "trailers")


def test_the_host_may_be_the_servers_own(site, http_backend):
    backend = http_backend()
    one = site(entries={"web": {}}, backend=backend)
    one.dynamic["http"]["services"]["one"]["loadBalancer"]["passHostHeader"] = False
    one.reload(one.dynamic)
    assert wire.fetch(one.ports["web"]).status == 200
    assert backend.last.get("Host") == backend.address


def test_absolute_form_takes_the_place_of_host(plain):
    plain.connection.send("GET http://b.test/x?y HTTP/1.1\r\nHost: a.test\r\n\r\n")
    assert plain.connection.read_response().status == 200
    assert plain.backend.last.line == "GET /x?y HTTP/1.1"
    assert plain.backend.last.get("Host") == "b.test"


def test_a_path_is_sanitised(plain):
    plain.connection.request("/a/./b//c/../d")
    assert plain.backend.last.target == "/a/b/d"


# ---- request bodies ----

def test_a_body_with_length_arrives(plain):
    response = plain.connection.request("/sink", method="POST", body=b"x" * 100000)
    assert response.body.startswith(b"100000 ")
    assert plain.backend.last.get("Content-Length") == "100000"
    assert plain.backend.last.get("Transfer-Encoding") is None


def test_a_chunked_body_arrives_with_its_trailers(plain):
    plain.connection.send(
        "POST /sink HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n"
        "Trailer: X-T\r\n\r\n5\r\nhello\r\n6;ext=1\r\n world\r\n0\r\nX-T: 1\r\n\r\n")
    assert plain.connection.read_response().body.startswith(b"11 ")
    assert plain.backend.last.body == b"hello world"
    assert plain.backend.last.get("Transfer-Encoding") == "chunked"
    assert plain.backend.last.trailers == [("X-T", "1")]


def test_a_request_in_single_bytes_arrives(plain):
    text = b"POST /sink HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhello"
    for i in range(len(text)):
        plain.connection.send(text[i:i + 1])
    assert plain.connection.read_response().body.startswith(b"5 ")
    assert plain.backend.last.body == b"hello"


def test_an_empty_body_is_one(plain):
    assert plain.connection.request("/sink", method="POST", body=b"").body.startswith(b"0 ")
    plain.connection.send("POST /sink HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n"
                          "\r\n0\r\n\r\n")
    assert plain.connection.read_response().body.startswith(b"0 ")


def test_expect_continue_is_answered_before_the_body(plain):
    plain.connection.send("POST /sink HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n"
                          "Expect: 100-continue\r\n\r\n")
    assert plain.connection.read_until(b"\r\n\r\n").startswith(b"HTTP/1.1 100 ")
    plain.connection.send("hello")
    assert plain.connection.read_response().body.startswith(b"5 ")


def test_a_large_header_passes(plain):
    value = "v" * 60000
    assert plain.connection.request("/", headers=[("X-Large", value)]).status == 200
    assert plain.backend.last.get("X-Large") == value


# ---- responses ----

def test_head_has_the_length_and_no_body(plain):
    response = plain.connection.request("/bytes/1234", method="HEAD")
    assert response.get("Content-Length") == "1234"
    assert plain.connection.request("/").status == 200  # nothing is left over


@pytest.mark.parametrize("status", [204, 304])
def test_responses_without_body_keep_the_connection(plain, status):
    response = plain.connection.request(f"/status/{status}")
    assert response.status == status
    assert response.get("X-Status") == "yes"
    assert response.get("Transfer-Encoding") is None
    assert plain.connection.request("/").status == 200


@pytest.mark.parametrize("status", [200, 201, 206, 301, 400, 401, 404, 418, 429, 500, 503, 599])
def test_a_status_passes(plain, status):
    response = plain.connection.request(f"/status/{status}")
    assert (response.status, response.body) == (status, b"status\n")


def test_a_chunked_response_keeps_its_trailers(plain):
    response = plain.connection.request("/chunked")
    assert response.chunked
    assert response.body == b"onetwo and" + b"x" * 5000
    assert response.trailers == [("X-After", "end")]


def test_a_response_until_close_is_chunked_here(plain):
    response = plain.connection.request("/until-close")
    assert response.chunked and response.body == b"until the end"
    assert plain.connection.request("/").status == 200  # our side stays open


def test_an_old_client_gets_no_chunks(plain):
    text = wire.exchange(plain.ports["web"], b"GET /chunked HTTP/1.0\r\nHost: a.test\r\n\r\n")
    head, body = text.split(b"\r\n\r\n", 1)
    assert b"transfer-encoding" not in head.lower()
    assert body == b"onetwo and" + b"x" * 5000


def test_an_old_client_may_keep_the_connection(plain):
    for _ in range(2):
        plain.connection.send("GET /status/200 HTTP/1.0\r\nHost: a.test\r\n"
                              "Connection: keep-alive\r\n\r\n")
        response = plain.connection.read_response()
        assert response.body == b"status\n"
        assert response.get("Connection").lower() == "keep-alive"


def test_early_hints_pass(plain):
    plain.connection.send("GET /early HTTP/1.1\r\nHost: a.test\r\n\r\n")
    hints = []
    response = plain.connection.read_response(informational=hints)
    assert [one.status for one in hints] == [103]
    assert hints[0].get("Link") == "</a.css>; rel=preload"
    assert response.body == b"late\n"


def test_repeated_fields_stay_apart(site, http_backend):
    async def respond(_request, _reader, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2; Path=/\r\n"
                     b"Connection: X-Hop\r\nX-Hop: 1\r\nContent-Length: 0\r\n\r\n")
        return True
    one = site(entries={"web": {}}, backend=http_backend(respond=respond))
    response = wire.fetch(one.ports["web"])
    assert response.all("Set-Cookie") == ["a=1", "b=2; Path=/"]
    assert response.get("X-Hop") is None


def test_a_body_of_a_megabyte_is_whole(plain):
    response = plain.connection.request("/bytes/1048577")
    assert response.body == backends.known_bytes(1048577)


def test_what_no_router_takes_is_404(site):
    one = site(entries={"web": {}}, routers=routers(rule="Host(`other.test`)"))
    response = wire.fetch(one.ports["web"])
    assert (response.status, response.body) == (404, b"404 page not found\n")
    assert response.get("Content-Type") == "text/plain; charset=utf-8"
    assert one.backend.requests == []


# ---- connections ----

def test_connections_are_kept_on_both_sides(plain):
    seen = {json.loads(plain.connection.request(f"/{i}").body)["connection"] for i in range(20)}
    assert seen == {1}


def test_pipelined_requests_are_answered_in_order(plain):
    plain.connection.send("".join(
        f"GET /status/{200 + i} HTTP/1.1\r\nHost: a.test\r\n\r\n" for i in range(0, 4)))
    statuses = [plain.connection.read_response().status for _ in range(4)]
    assert statuses == [200, 201, 202, 203]


def test_pipelined_bodies_do_not_mix(plain):
    plain.connection.send(
        b"POST /sink HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n\r\nabc"
        b"POST /sink HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"4\r\ndefg\r\n0\r\n\r\n"
        b"GET /last HTTP/1.1\r\nHost: a.test\r\n\r\n")
    assert plain.connection.read_response().body.startswith(b"3 ")
    assert plain.connection.read_response().body.startswith(b"4 ")
    assert json.loads(plain.connection.read_response().body)["target"] == "/last"
    assert [request.body for request in plain.backend.requests] == [b"abc", b"defg", b""]


def test_close_is_obeyed_and_said(plain):
    response = plain.connection.request("/", headers=[("Connection", "close")])
    assert response.get("Connection") == "close"
    assert plain.connection.is_closed()


def test_the_number_of_requests_per_connection_is_limited(site):
    one = site(entries={"web": {"transport": {"keepAliveMaxRequests": 3}}})
    with wire.Connection(one.ports["web"]) as connection:
        answers = [connection.request("/").get("Connection") for _ in range(3)]
        assert answers == [None, None, "close"]
        assert connection.is_closed()


def test_idle_connections_are_closed(site):
    one = site(entries={"web": {"transport": {"respondingTimeouts": {"idleTimeout": "300ms"}}}})
    with wire.Connection(one.ports["web"]) as connection:
        assert connection.request("/").status == 200
        assert connection.is_closed()


def test_ipv6_and_both_families(site):
    one = site(entries={"web": {"address": "[::1]:0"}, "any": {"address": ":0"}},
               routers=routers(entryPoints=["web", "any"]))
    for host, port in (("::1", one.ports["web"]), ("::1", one.ports["any"]),
                       ("127.0.0.1", one.ports["any"])):
        with wire.Connection(port, host=host) as connection:
            assert connection.request("/").status == 200
        assert one.backend.last.get("X-Real-Ip") == host


# ---- other programs ----

def test_nginx_serves_files_through_weir(site, nginx, run):
    one = site(entries={"web": {}}, backend=nginx({"file.txt": backends.known_bytes(300000)}))
    url = f"http://127.0.0.1:{one.ports['web']}"
    response = wire.fetch(one.ports["web"], "/file.txt")
    assert response.body == backends.known_bytes(300000)
    partial = wire.fetch(one.ports["web"], "/file.txt", headers=[("Range", "bytes=10-19")])
    assert (partial.status, partial.body) == (206, backends.known_bytes(20)[10:])
    answer = run("curl", "-sS", "--max-time", "20", "-o", "/dev/null", "-w",
                 "%{http_code} %{size_download}", f"{url}/file.txt")
    assert answer.stdout == "200 300000", answer


def test_wrk_sees_no_error(site, nginx, run):
    one = site(entries={"web": {}}, backend=nginx())
    answer = run("wrk", "-t2", "-c32", "-d2s", f"http://127.0.0.1:{one.ports['web']}/small")
    assert answer.returncode == 0, answer
    assert "Socket errors" not in answer.stdout and "Non-2xx" not in answer.stdout, answer.stdout
    requests = int(re.search(r"(\d+) requests in", answer.stdout)[1])
    assert requests > (100 if SANITIZE else 1000)


def test_h2load_sees_no_error(site, nginx, run):
    one = site(entries={"web": {}}, backend=nginx())
    count = 2000 // PATIENCE
    answer = run("h2load", "--h1", "-n", str(count), "-c", "20",
                 f"http://127.0.0.1:{one.ports['web']}/small")
    assert f"{count} succeeded, 0 failed, 0 errored, 0 timeout" in answer.stdout, answer.stdout
