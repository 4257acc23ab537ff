# SPDX-License-Identifier: GPL-3.0-or-later
# TIMEOUT: 180
# BUILDS: release asan tsan
"""Servers that are absent, slow, broken, encrypted, several: what the client is told."""

import json
import ssl

import pytest

import backends
import wire
from certificates import Authority
from server import eventually


@pytest.fixture
def front(weir):
    """Weir in front of one service."""
    def start(service, static=None, **http):
        return weir(entries={"web": {}}, static=static, dynamic=backends.one_route(service, **http))
    return start


# ---- absent, slow, broken ----

def test_a_refused_connection_is_502(front, refusing):
    one = front(backends.http_service(refusing))
    response = wire.fetch(one.ports["web"])
    assert (response.status, response.body) == (502, b"Bad Gateway")


def test_no_server_is_503(front):
    one = front({"loadBalancer": {"servers": []}})
    response = wire.fetch(one.ports["web"])
    assert (response.status, response.body.strip()) == (503, b"no available server")


def test_connecting_takes_no_longer_than_the_dial_timeout(front, blackhole):
    one = front(backends.http_service(blackhole, transport="t"),
                serversTransports={"t": {"forwardingTimeouts": {"dialTimeout": "300ms"}}})
    assert wire.fetch(one.ports["web"]).status == 504


def test_a_head_takes_no_longer_than_its_timeout(front, http_backend):
    one = front(backends.http_service(http_backend(), transport="t"), serversTransports={
        "t": {"forwardingTimeouts": {"responseHeaderTimeout": "300ms"}}})
    assert wire.fetch(one.ports["web"], "/hang").status == 504
    assert wire.fetch(one.ports["web"], "/status/200").status == 200


def test_a_connection_that_ends_before_the_answer_is_502(front, http_backend):
    one = front(backends.http_service(http_backend()))
    assert wire.fetch(one.ports["web"], "/reset", method="POST", body=b"").status == 502


RUBBISH = [b"rubbish\r\n\r\n", b"HTTP/1.1 abc OK\r\n\r\n",
           b"HTTP/1.1 200 OK\r\nBad Name: x\r\n\r\n",
           b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
           b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
           b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
           b"HTTP/1.1 200 OK\r\nX: \0\r\nContent-Length: 0\r\n\r\n",
           b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 2000 + b"\r\n"]


@pytest.mark.parametrize("text", RUBBISH, ids=range(len(RUBBISH)))
def test_a_broken_answer_is_502(front, http_backend, text):
    async def respond(_request, _reader, writer):
        writer.write(text)
        return False
    one = front(backends.http_service(http_backend(respond=respond)))
    try:
        assert wire.fetch(one.ports["web"]).status == 502
    except (wire.Closed, ConnectionResetError):
        assert b"chunked" in text  # the head was good: the rest is cut


@pytest.mark.parametrize("path", ["/cut", "/cutchunked"])
def test_a_cut_response_is_cut_for_the_client(front, http_backend, path):
    one = front(backends.http_service(http_backend()))
    with pytest.raises((wire.Closed, ConnectionResetError)):
        wire.fetch(one.ports["web"], path)
    assert wire.fetch(one.ports["web"]).status == 200


def test_a_client_that_leaves_frees_the_server(front, http_backend):
    backend = http_backend()
    one = front(backends.http_service(backend))
    with wire.Connection(one.ports["web"]) as connection:
        connection.send("GET /hang HTTP/1.1\r\nHost: a.test\r\n\r\n")
        eventually(lambda: backend.requests, "the request arrives")
    eventually(lambda: not backend.open, "the connection to the server is closed")


def test_an_answer_before_the_body_was_read_is_passed(front, http_backend):
    async def respond(_request, _reader, writer):
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 4\r\n"
                     b"Connection: close\r\n\r\nstop")
        return False
    one = front(backends.http_service(http_backend(respond=respond)))
    with wire.Connection(one.ports["web"]) as connection:
        connection.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 50000000\r\n\r\n")
        connection.send(b"x" * 1000)
        response = connection.read_response()
        assert (response.status, response.body) == (413, b"stop")


# ---- connections that are kept ----

def test_a_connection_that_the_server_closed_meanwhile_is_not_used(front, http_backend):
    backend = http_backend()
    one = front(backends.http_service(backend))
    with wire.Connection(one.ports["web"]) as connection:
        for _ in range(5):
            assert connection.request("/").status == 200
            backend.drop_connections()
            assert connection.request("/").status == 200


def closing_after_first(seen):
    """Answers the first request of a connection, closes on the second without a word."""
    async def respond(request, reader, writer):
        if seen.get(request.connection):
            seen["refused"] = seen.get("refused", 0) + 1
            return False
        seen[request.connection] = True
        length = int(request.get("Content-Length", "0"))
        await reader.readexactly(length)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        return True
    return respond


def test_a_stale_connection_is_tried_again_for_what_may_be_repeated(front, http_backend):
    seen = {}
    one = front(backends.http_service(http_backend(respond=closing_after_first(seen))),
                static={"weir": {"workers": 1}})
    with wire.Connection(one.ports["web"]) as connection:
        for _ in range(6):
            response = connection.request("/")
            assert (response.status, response.body) == (200, b"ok")
    assert seen["refused"] >= 1


def test_what_may_not_be_repeated_is_not(front, http_backend):
    seen = {}
    backend = http_backend(respond=closing_after_first(seen))
    one = front(backends.http_service(backend), static={"weir": {"workers": 1}})
    with wire.Connection(one.ports["web"]) as connection:
        assert connection.request("/", method="POST", body=b"one").status == 200
        response = connection.request("/", method="POST", body=b"two")
        assert response.status == 502
    assert len(backend.requests) == 2


def test_idle_connections_to_servers_are_given_up(front, http_backend):
    backend = http_backend()
    one = front(backends.http_service(backend, transport="t"), serversTransports={
        "t": {"forwardingTimeouts": {"idleConnTimeout": "300ms"}}})
    assert wire.fetch(one.ports["web"]).status == 200
    eventually(lambda: not backend.open, "the idle connection is closed")


def test_servers_that_are_gone_lose_their_connections(front, http_backend):
    first, second = http_backend(), http_backend()
    one = front(backends.http_service(first))
    with wire.Connection(one.ports["web"]) as connection:
        assert connection.request("/").status == 200
        one.reload(backends.one_route(backends.http_service(second)))
        assert connection.request("/").status == 200
    eventually(lambda: not first.open, "the old server has no connection any more")


# ---- several ----

def test_requests_are_shared_by_weight(front, http_backend):
    few, many = http_backend(name="few"), http_backend(name="many")
    one = front({"loadBalancer": {"servers": [{"url": few.url, "weight": 1},
                                              {"url": many.url, "weight": 3}]}},
                static={"weir": {"workers": 1}})
    with wire.Connection(one.ports["web"]) as connection:
        names = [json.loads(connection.request("/").body)["backend"] for _ in range(16)]
    assert (names.count("few"), names.count("many")) == (4, 12)
    assert "many" * 4 not in "".join(names)  # smoothly


def test_weighted_services_share_by_weight(weir, http_backend):
    few, many = http_backend(name="few"), http_backend(name="many")
    dynamic = backends.one_route({"weighted": {"services": [{"name": "a", "weight": 1},
                                                {"name": "b", "weight": 4}]}})
    dynamic["http"]["services"].update(a=backends.http_service(few),
                                       b=backends.http_service(many))
    one = weir(entries={"web": {}}, static={"weir": {"workers": 1}}, dynamic=dynamic)
    with wire.Connection(one.ports["web"]) as connection:
        names = [json.loads(connection.request("/").body)["backend"] for _ in range(20)]
    assert (names.count("few"), names.count("many")) == (4, 16)


def test_names_of_servers_are_resolved(front, http_backend):
    backend = http_backend()
    one = front(backends.http_service(f"http://localhost:{backend.port}"))
    assert wire.fetch(one.ports["web"]).status == 200


def test_a_name_that_does_not_exist_is_an_error(front):
    one = front(backends.http_service("http://absent.invalid:80"))
    assert wire.fetch(one.ports["web"]).status in (502, 503)
    assert one.log.find("absent.invalid")


def test_the_path_of_a_server_is_put_in_front(front, http_backend):
    backend = http_backend()
    one = front({"loadBalancer": {"servers": [{"url": f"{backend.url}/base",
                                               "preservePath": True}]}})
    assert wire.fetch(one.ports["web"], "/x?q=1").status == 200
    assert backend.last.target == "/base/x?q=1"


# ---- https ----

@pytest.fixture
def encrypted(http_backend, authority, tmp_path):
    def start(*names, **versions):
        context = backends.server_context(authority.issue(*(names or ["inner.test"])), tmp_path,
                                          **versions)
        return http_backend(tls=context)
    return start


def test_a_server_with_a_known_authority_is_trusted(front, encrypted, authority_file):
    backend = encrypted()
    one = front(backends.http_service(backend, transport="t"), serversTransports={
        "t": {"serverName": "inner.test", "rootCAs": [authority_file]}})
    with wire.Connection(one.ports["web"]) as connection:
        for _ in range(3):
            assert connection.request("/").status == 200
        response = connection.request("/bytes/300000")
        assert response.body == backends.known_bytes(300000)
        assert connection.request("/sink", method="POST", body=b"x" * 200000).body.startswith(
            b"200000 ")
    assert backend.connections == 1


def test_a_server_is_known_by_its_address(front, encrypted, authority_file):
    backend = encrypted("127.0.0.1")
    one = front(backends.http_service(backend, transport="t"),
                serversTransports={"t": {"rootCAs": [authority_file]}})
    assert wire.fetch(one.ports["web"]).status == 200


def test_an_old_server_speaks_tls12(front, encrypted, authority_file):
    backend = encrypted(maximum=ssl.TLSVersion.TLSv1_2)
    one = front(backends.http_service(backend, transport="t"), serversTransports={
        "t": {"serverName": "inner.test", "rootCAs": [authority_file]}})
    assert wire.fetch(one.ports["web"]).status == 200


@pytest.mark.parametrize("transport", [
    {"serverName": "inner.test"}, {"serverName": "other.test", "rootCAs": ["CA"]},
    {"rootCAs": ["CA"]}, {"serverName": "inner.test", "rootCAs": ["OTHER"]}],
    ids=["unknown authority", "other name", "no name", "other authority"])
def test_a_server_that_is_not_who_it_should_be_is_refused(front, encrypted, authority,
                                                          transport):
    known = {"CA": authority.pem, "OTHER": Authority("somebody else").pem}
    if "rootCAs" in transport:
        transport = {**transport, "rootCAs": [known[name] for name in transport["rootCAs"]]}
    backend = encrypted()
    one = front(backends.http_service(backend, transport="t"),
                serversTransports={"t": transport})
    assert wire.fetch(one.ports["web"]).status in (500, 502)
    assert backend.requests == []


def test_verification_can_be_switched_off(front, encrypted):
    backend = encrypted()
    one = front(backends.http_service(backend, transport="t"),
                serversTransports={"t": {"insecureSkipVerify": True}})
    assert wire.fetch(one.ports["web"]).status == 200


def test_a_client_certificate_is_shown(front, http_backend, authority, authority_file, tmp_path):
    context = backends.server_context(authority.issue("inner.test"), tmp_path)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority_file)
    backend = http_backend(tls=context)
    paths = authority.issue("client.test", common_name="client").write(tmp_path, "client")
    transport = {"serverName": "inner.test", "rootCAs": [authority_file]}
    one = front(backends.http_service(backend, transport="t"), serversTransports={
        "t": {**transport, "certificates": [paths]}})
    assert wire.fetch(one.ports["web"]).status == 200
    one.reload(backends.one_route(backends.http_service(backend, transport="t"),
                      serversTransports={"t": transport}))
    assert wire.fetch(one.ports["web"]).status == 502


def test_plain_text_where_tls_is_expected_is_502(front, tcp_backend):
    backend = tcp_backend(backends.greeting(b"220 no TLS here\r\n"))
    one = front(backends.http_service(f"https://{backend.address}", transport="t"),
                serversTransports={"t": {"insecureSkipVerify": True}})
    assert wire.fetch(one.ports["web"]).status == 502


def test_a_server_that_never_answers_the_clienthello_is_504(front, http_backend):
    backend = http_backend()  # waits for the end of a head that never comes
    one = front(backends.http_service(f"https://{backend.address}", transport="t"),
                serversTransports={"t": {"insecureSkipVerify": True,
                                         "forwardingTimeouts": {"dialTimeout": "300ms"}}})
    assert wire.fetch(one.ports["web"]).status == 504


def test_many_clients_at_once(front, http_backend):
    backend = http_backend()
    one = front(backends.http_service(backend))
    connections = [wire.Connection(one.ports["web"]) for _ in range(100)]
    for index, connection in enumerate(connections):
        connection.send(f"GET /slow/{50 + index % 10} HTTP/1.1\r\nHost: a.test\r\n\r\n")
    for connection in connections:
        assert connection.read_response().body == b"slow\n"
        connection.close()
    assert backend.connections <= 100
