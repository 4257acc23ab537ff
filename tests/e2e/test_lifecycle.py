# SPDX-License-Identifier: GPL-3.0-or-later
"""From start to end: entry points, workers, the limits of connections, and the orderly end."""

import os
import re
import signal
import socket
import subprocess
import threading
import time

import pytest

import backends
import wire
from server import PATIENCE, WAIT, eventually, run_weir

GET = "GET {} HTTP/1.1\r\nHost: a.test\r\n\r\n"


def transport(grace="10s", accept="0s", **more):
    return {"transport": {"lifeCycle": {"graceTimeOut": grace,
                                        "requestAcceptGraceTimeout": accept}, **more}}


def plain(backend, entry="web"):
    return {"http": {"routers": {"r": {"entryPoints": [entry], "rule": "PathPrefix(`/`)",
                                       "service": "one"}},
                     "services": {"one": backends.http_service(backend)}}}


@pytest.fixture
def served(weir, http_backend):
    """A server with one entry point and one backend; settings of the entry point as arguments."""
    def start(static=None, **entry):
        backend = http_backend()
        one = weir(entries={"web": entry}, static=static, dynamic=plain(backend))
        one.backend = backend
        return one
    return start


def refuses(port, host="127.0.0.1"):
    try:
        socket.create_connection((host, port), WAIT).close()
        return False
    except ConnectionRefusedError:
        return True


# ---- the end ----

def test_the_end_lets_a_running_request_finish_and_accepts_nobody(served):
    one = served(**transport())
    running = wire.Connection(one.ports["web"])
    idle = wire.Connection(one.ports["web"])
    assert idle.request("/").status == 200
    running.send(GET.format("/slow/700"))
    eventually(lambda: len(one.backend.requests) == 2, "the request arrives")
    one.signal(signal.SIGTERM)
    one.log.wait("no new connections are accepted")
    assert idle.is_closed()
    eventually(lambda: refuses(one.ports["web"]), "the port is closed")
    response = running.read_response()
    assert (response.status, response.body) == (200, b"slow\n")
    assert response.get("Connection") == "close"
    assert running.is_closed()
    assert one.wait_exit() == 0
    running.close()
    idle.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_server_ends_at_once(served, number):
    one = served(**transport(grace="30s"))
    one.signal(number)
    assert one.wait_exit(5 * PATIENCE) == 0
    one.log.wait("Weir has ended")


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_it_at_once(served, second):
    one = served(**transport(grace="60s"))
    with wire.Connection(one.ports["web"]) as connection:
        connection.send(GET.format("/hang"))
        eventually(lambda: one.backend.requests, "the request arrives")
        one.signal(signal.SIGTERM)
        one.log.wait("no new connections are accepted")
        began = time.monotonic()

        def ended():
            one.signal(second)  # those of the first half second are taken for an echo
            return one.process.poll() is not None
        eventually(ended, "it ends")
        assert 0.3 < time.monotonic() - began < 3 * PATIENCE
        one.log.wait("asked to end a second time")
    one.stop(expect=128 + second)


def test_one_wish_that_comes_twice_is_one(served):
    """As timeout(1), a terminal or a supervisor signals the process and its group."""
    one = served(**transport())
    with wire.Connection(one.ports["web"]) as connection:
        connection.send(GET.format("/slow/300"))
        eventually(lambda: one.backend.requests, "the request arrives")
        one.signal(signal.SIGTERM)
        one.log.wait("no new connections are accepted")
        one.signal(signal.SIGTERM)
        one.signal(signal.SIGINT)
        assert connection.read_response().body == b"slow\n"
    assert one.wait_exit() == 0


def test_the_grace_ends_what_does_not_finish(served):
    one = served(**transport(grace="300ms"))
    with wire.Connection(one.ports["web"]) as connection:
        connection.send(GET.format("/hang"))
        eventually(lambda: one.backend.requests, "the request arrives")
        began = time.monotonic()
        one.signal(signal.SIGTERM)
        assert connection.is_closed()
        took = time.monotonic() - began
    assert 0.25 <= took < 5 * PATIENCE
    assert one.wait_exit() == 0
    one.log.wait("WRN graceTimeOut is over")


def test_requests_are_accepted_while_the_end_is_announced(served):
    one = served(static={"ping": {"entryPoint": "web"}}, **transport(accept=f"{PATIENCE}s"))
    kept = wire.Connection(one.ports["web"])
    assert kept.request("/ping").status == 200
    one.signal(signal.SIGTERM)
    one.log.wait("Weir is asked to end")
    assert kept.request("/ping").status == 503
    assert kept.request("/").status == 200
    assert wire.fetch(one.ports["web"], "/").status == 200
    assert one.log.find("no new connections are accepted") is None
    one.log.wait("no new connections are accepted")
    assert kept.is_closed()
    kept.close()
    assert one.wait_exit() == 0


def test_a_terminating_status_can_be_chosen(served):
    one = served(static={"ping": {"entryPoint": "web", "terminatingStatusCode": 204}},
                 **transport(accept=f"{500 * PATIENCE}ms"))
    assert wire.fetch(one.ports["web"], "/ping").body == b"OK"
    one.signal(signal.SIGTERM)
    one.log.wait("Weir is asked to end")
    assert wire.fetch(one.ports["web"], "/ping").status == 204
    assert one.wait_exit() == 0


def test_a_tunnel_lives_until_the_grace_is_over(weir, tcp_backend):
    backend = tcp_backend(backends.echo)
    one = weir(entries={"web": transport(grace="800ms")}, dynamic={"tcp": {
        "routers": {"r": {"entryPoints": ["web"], "rule": "HostSNI(`*`)", "service": "s"}},
        "services": {"s": backends.tcp_service(backend)}}})
    finishing, staying = wire.Connection(one.ports["web"]), wire.Connection(one.ports["web"])
    for connection in (finishing, staying):
        connection.send("before")
        assert connection.read_exactly(6) == b"before"
    one.signal(signal.SIGTERM)
    one.log.wait("no new connections are accepted")
    for connection in (finishing, staying):
        connection.send("during")
        assert connection.read_exactly(6) == b"during"
    finishing.end()
    assert finishing.read_rest() == b""
    assert staying.is_closed()
    assert one.wait_exit() == 0
    finishing.close()
    staying.close()


def test_a_big_answer_is_complete_although_the_end_came(served):
    one = served(**transport(grace="30s"))
    size = 8 << 20
    with wire.Connection(one.ports["web"]) as connection:
        connection.send(GET.format(f"/bytes/{size}"))
        first = connection.read_until(b"\r\n\r\n")
        assert first.startswith(b"HTTP/1.1 200")
        one.signal(signal.SIGTERM)
        one.log.wait("no new connections are accepted")
        assert connection.read_exactly(size) == backends.known_bytes(size)
        assert connection.is_closed()
    assert one.wait_exit() == 0


# ---- how long connections live ----

def test_a_connection_ends_after_its_number_of_requests(served):
    one = served(transport={"keepAliveMaxRequests": 3})
    with wire.Connection(one.ports["web"]) as connection:
        for index in range(3):
            response = connection.request("/")
            assert (response.get("Connection") == "close") == (index == 2)
        assert connection.is_closed()


def test_a_connection_ends_after_its_time(served):
    one = served(transport={"keepAliveMaxTime": "600ms"})
    with wire.Connection(one.ports["web"]) as connection:
        assert connection.request("/").get("Connection") is None
        response = connection.request("/slow/800")
        assert response.status == 200 and response.get("Connection") == "close"
        assert connection.is_closed()


def test_an_idle_connection_is_closed(served):
    one = served(transport={"respondingTimeouts": {"idleTimeout": "300ms"}})
    with wire.Connection(one.ports["web"]) as connection:
        assert connection.request("/slow/500").status == 200
        began = time.monotonic()
        assert connection.is_closed()
        assert 0.25 <= time.monotonic() - began < 5 * PATIENCE


def test_an_answer_that_takes_too_long_is_cut(served):
    one = served(transport={"respondingTimeouts": {"writeTimeout": "500ms"}})
    with wire.Connection(one.ports["web"]) as connection:
        assert connection.request("/").status == 200
        connection.send(GET.format("/hang"))
        began = time.monotonic()
        rest = b""
        try:
            rest = connection.read_rest()
        except ConnectionResetError:
            pass
        assert not rest.startswith(b"HTTP/1.1 200")
        assert 0.25 <= time.monotonic() - began < 5 * PATIENCE


# ---- entry points ----

def test_entry_points_listen_where_they_are_told(weir, http_backend):
    backend = http_backend()
    one = weir(entries={"v4": {}, "v6": {"address": "[::1]:0"}, "both": {"address": ":0"},
                        "dual": {"address": "[::]:0"}, "second": {}},
               dynamic={"http": {"routers": {"r": {"rule": "PathPrefix(`/`)", "service": "one"}},
                                 "services": {"one": backends.http_service(backend)}}})
    reachable = {"v4": ["127.0.0.1"], "second": ["127.0.0.1"], "v6": ["::1"],
                 "both": ["127.0.0.1", "::1"], "dual": ["127.0.0.1", "::1"]}
    for name, hosts in reachable.items():
        for host in ("127.0.0.1", "::1"):
            if host not in hosts:
                assert refuses(one.ports[name], host)
                continue
            with wire.Connection(one.ports[name], host=host) as connection:
                assert connection.request("/").status == 200
            assert backend.last.get("X-Forwarded-For") == host
            assert backend.last.get("X-Forwarded-Port") == "80"


def test_a_port_is_not_shared_without_being_asked(weir, served):
    one = served()
    address = f"127.0.0.1:{one.ports['web']}"
    outcome = run_weir(f"--entryPoints.web.address={address}")
    assert outcome.returncode == 1
    assert address in outcome.stderr and f"pid {one.pid}" in outcome.stderr


def test_two_processes_share_a_port_with_reuse_port(weir, http_backend):
    backends_of = [http_backend(name="first"), http_backend(name="second")]
    first = weir(entries={"web": {"reusePort": True}}, static={"weir": {"workers": 1}},
                 dynamic=plain(backends_of[0]))
    address = f"127.0.0.1:{first.ports['web']}"
    second = weir(entries={"web": {"reusePort": True, "address": address}},
                  static={"weir": {"workers": 1}}, dynamic=plain(backends_of[1]))

    def both_answer():
        for _ in range(8):
            assert wire.fetch(first.ports["web"]).status == 200
        return all(one.requests for one in backends_of)
    eventually(both_answer, "both processes get connections")
    first.stop()
    for one in backends_of:
        one.requests.clear()
    for _ in range(8):
        assert wire.fetch(second.ports["web"]).status == 200
    assert backends_of[0].requests == [] and len(backends_of[1].requests) == 8


# ---- workers ----

def worker_threads(one):
    return sorted(name for name in one.thread_names() if re.fullmatch(r"weir-\d+", name))


@pytest.mark.parametrize("count", [1, 3])
def test_there_are_as_many_workers_as_asked_for(served, count):
    one = served(static={"weir": {"workers": count}})
    assert worker_threads(one) == [f"weir-{index}" for index in range(count)]
    assert one.log.find(rf"Weir is ready .*workers={count}\b")


def affinities(one):
    sets = {}
    for task in os.listdir(f"/proc/{one.pid}/task"):
        with open(f"/proc/{one.pid}/task/{task}/comm", encoding="ascii") as file:
            sets[file.read().strip()] = os.sched_getaffinity(int(task))
    return {name: sets[name] for name in worker_threads(one)}


def test_workers_are_pinned_where_asked_for(served):
    cores = os.sched_getaffinity(0)
    pinned = affinities(served(static={"weir": {"workers": 0, "pinWorkers": True}}))
    assert len(pinned) == len(cores)
    assert all(len(own) == 1 for own in pinned.values())
    assert set().union(*pinned.values()) == cores
    free = affinities(served(static={"weir": {"workers": 2, "pinWorkers": False}}))
    assert all(own == cores for own in free.values())
