# SPDX-License-Identifier: GPL-3.0-or-later
# TIMEOUT: 420
# BUILDS: release asan tsan
"""Configuration that changes under traffic: nothing fails, nothing grows, nothing bad gets in."""

import os
import re
import signal
import socket
import ssl
import subprocess
import threading

import pytest
import yaml

import backends
import wire
from server import SANITIZE, WAIT, eventually, write_atomically

RELOADS = 200


def routers(service="one", rule="PathPrefix(`/`)", **more):
    return {"r": {"entryPoints": ["web"], "rule": rule, "service": service}, **more}


def configuration(backend, pair=None, index=0):
    """Each index is another configuration with the same meaning for a.test."""
    dynamic = {
        "http": {
            "routers": {
                "plain": {"entryPoints": ["web"], "rule": "PathPrefix(`/`)", "service": "one"},
                f"extra{index}": {"entryPoints": ["web"], "service": f"s{index}",
                                  "rule": f"Host(`x{index}.test`) && Path(`/{index}`)"}},
            "services": {"one": backends.http_service(backend),
                         f"s{index}": backends.http_service(backend)}},
    }
    if pair is not None:
        dynamic["http"]["routers"]["secure"] = {
            "entryPoints": ["websecure"], "rule": "Host(`a.test`)", "service": "one",
            "tls": {"options": "o"} if index % 2 else {}}
        dynamic["tls"] = {"certificates": [pair.inline],
                          "options": {"o": {"minVersion": "VersionTLS12"}}}
    return dynamic


class Handshakes:
    """New TLS connections with one request each, until told to stop."""

    def __init__(self, port, context):
        self.port, self.context = port, context
        self.count, self.failures = 0, []
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        session = None
        while not self.stopped.is_set():
            try:
                raw = socket.create_connection(("127.0.0.1", self.port), WAIT)
                with self.context.wrap_socket(raw, server_hostname="a.test",
                                              session=session) as tls:
                    tls.sendall(b"GET /small HTTP/1.1\r\nHost: a.test\r\n"
                                b"Connection: close\r\n\r\n")
                    answer = b""
                    while data := tls.recv(65536):
                        answer += data
                    if not answer.startswith(b"HTTP/1.1 200"):
                        self.failures.append(answer[:100])
                    session = tls.session if self.count % 3 else None
            except (OSError, ssl.SSLError) as error:
                self.failures.append(repr(error))
            self.count += 1

    def stop(self):
        self.stopped.set()
        self.thread.join(WAIT)


def test_two_hundred_reloads_under_load(weir, nginx, authority):
    backend, pair = nginx(), authority.issue("a.test")
    one = weir(entries={"web": {}, "websecure": {}}, dynamic=configuration(backend, pair))
    count = RELOADS // 4 if SANITIZE else RELOADS
    loads = [subprocess.Popen(["wrk", "-t1", "-c16", "-d600s", url], stdout=subprocess.PIPE,
                              text=True)
             for url in (f"http://127.0.0.1:{one.ports['web']}/small",)]
    handshakes = Handshakes(one.ports["websecure"], wire.trusting(authority))
    memory = {}
    try:
        for index in range(1, count + 1):
            one.reload(configuration(backend, pair, index))
            if index in (count // 4, count):
                memory[index] = one.memory_kb()
    finally:
        handshakes.stop()
        for load in loads:
            load.send_signal(signal.SIGINT)
        reports = [load.communicate(timeout=WAIT)[0] for load in loads]
    assert handshakes.failures == []
    assert handshakes.count > 20
    for report in reports:
        assert "Socket errors" not in report and "Non-2xx" not in report, report
        assert int(re.search(r"(\d+) requests in", report)[1]) > 100
    assert one.log.find("reload failed") is None
    if not SANITIZE:
        assert memory[count] - memory[count // 4] < 6 * 1024, memory


def test_sessions_resume_across_reloads(weir, http_backend, authority):
    backend, pair = http_backend(), authority.issue("a.test")
    one = weir(dynamic=configuration(backend, pair, 0))
    context = wire.trusting(authority)
    with wire.Connection(one.ports["websecure"], context, "a.test") as connection:
        assert connection.request("/").status == 200
        session = connection.socket.session
    one.reload(configuration(backend, pair, 2))
    raw = socket.create_connection(("127.0.0.1", one.ports["websecure"]), WAIT)
    with context.wrap_socket(raw, server_hostname="a.test", session=session) as tls:
        assert tls.session_reused


def test_a_connection_serves_the_new_configuration(weir, http_backend):
    first, second = http_backend(name="first"), http_backend(name="second")
    one = weir(entries={"web": {}}, dynamic=configuration(first))
    with wire.Connection(one.ports["web"]) as connection:
        assert b'"first"' in connection.request("/").body
        one.reload(configuration(second))
        assert b'"second"' in connection.request("/").body


def test_a_running_request_outlives_its_configuration(weir, http_backend):
    first, second = http_backend(name="first"), http_backend(name="second")
    one = weir(entries={"web": {}}, dynamic=configuration(first))
    with wire.Connection(one.ports["web"]) as connection:
        connection.send("GET /slow/1500 HTTP/1.1\r\nHost: a.test\r\n\r\n")
        eventually(lambda: first.requests, "the request arrives")
        for index in range(3):
            one.reload(configuration(second, index=index))
        assert connection.read_response().body == b"slow\n"


def test_a_tunnel_outlives_its_configuration(weir, tcp_backend, http_backend):
    backend = tcp_backend(backends.echo)
    one = weir(entries={"web": {}}, dynamic={"tcp": {
        "routers": {"r": {"entryPoints": ["web"], "rule": "HostSNI(`*`)", "service": "s"}},
        "services": {"s": backends.tcp_service(backend)}}})
    with wire.Connection(one.ports["web"]) as connection:
        connection.send("before")
        assert connection.read_exactly(6) == b"before"
        one.reload(configuration(http_backend()))
        connection.send("after")
        assert connection.read_exactly(5) == b"after"
    assert wire.fetch(one.ports["web"]).status == 200


# ---- what is wrong does not get in ----

BAD = [
    ("syntax", "http:\n  routers: [\n", r"dynamic\.yml:\d+"),
    ("an unknown key", "http:\n  routers:\n    r:\n      rul: x\n",
     r'did you mean "rule".*dynamic\.yml:4:\d+'),
    ("a wrong type", "http:\n  routers:\n    r:\n      priority: high\n",
     r"routers\.r\.priority.*dynamic\.yml:4:\d+"),
]


@pytest.mark.parametrize("what,text,message", BAD, ids=[case[0] for case in BAD])
def test_a_bad_file_changes_nothing_and_is_named(weir, http_backend, what, text, message):
    del what
    one = weir(entries={"web": {}}, dynamic=configuration(http_backend()))
    since = len(one.log.lines)
    one.write_dynamic(text)
    one.log.wait(message, since)
    one.log.wait("reload failed|running configuration stays", since)
    for _ in range(5):
        assert wire.fetch(one.ports["web"]).status == 200
    failures = [line for line in one.log.lines[since:] if "configuration stays" in line]
    assert len(failures) == 1, failures
    one.reload(configuration(http_backend(), index=5))
    assert wire.fetch(one.ports["web"]).status == 200


def test_a_start_with_a_bad_file_waits_for_a_good_one(weir, http_backend):
    one = weir(entries={"web": {}}, dynamic="http: [\n")
    assert wire.fetch(one.ports["web"]).status == 404
    one.reload(configuration(http_backend()))
    assert wire.fetch(one.ports["web"]).status == 200


def test_one_broken_router_leaves_the_others(weir, http_backend):
    dynamic = configuration(http_backend())
    dynamic["http"]["routers"]["plain"]["priority"] = 1
    dynamic["http"]["routers"]["broken"] = {
        "entryPoints": ["web"], "rule": "PathPrefix(`/broken`)", "service": "absent"}
    dynamic["http"]["routers"]["worse"] = {
        "entryPoints": ["web"], "rule": "PathPrefix(`/worse`", "service": "one"}
    one = weir(entries={"web": {}}, dynamic=dynamic)
    assert wire.fetch(one.ports["web"], "/").status == 200
    assert wire.fetch(one.ports["web"], "/broken").status == 503
    assert wire.fetch(one.ports["web"], "/worse").status == 200
    assert one.log.find(r"http\.routers\.broken: .*absent")
    assert one.log.find(r"http\.routers\.worse\.rule: .*invalid rule")


# ---- how files change ----

def service_text(backend):
    return yaml.safe_dump(configuration(backend))


def names(backend):
    return f'"{backend.name}"'.encode()


@pytest.fixture
def two(http_backend):
    return http_backend(name="first"), http_backend(name="second")


def test_a_file_written_in_place_is_noticed(weir, two):
    one = weir(entries={"web": {}}, dynamic=service_text(two[0]))
    since = len(one.log.lines)
    with open(one.dynamic_path, "w", encoding="ascii") as file:
        file.write(service_text(two[1]))
    one.wait_loaded(since)
    assert names(two[1]) in wire.fetch(one.ports["web"]).body


def test_a_file_that_is_emptied_changes_nothing_until_it_is_written(weir, two):
    """A writer that truncates first may be slow, or out of disk."""
    one = weir(entries={"web": {}}, dynamic=service_text(two[0]))
    since = len(one.log.lines)
    with open(one.dynamic_path, "w", encoding="ascii") as file:
        one.log.wait("running configuration stays.*no contents", since)
        assert names(two[0]) in wire.fetch(one.ports["web"]).body
        since = len(one.log.lines)
        file.write(service_text(two[1]))
    one.wait_loaded(since)
    assert names(two[1]) in wire.fetch(one.ports["web"]).body


def test_a_start_without_contents_serves_nothing_until_there_are_some(weir, http_backend):
    one = weir(entries={"web": {}}, dynamic="\n")
    assert wire.fetch(one.ports["web"]).status == 404
    one.reload(configuration(http_backend()))
    assert wire.fetch(one.ports["web"]).status == 200


def test_a_file_that_goes_and_comes_is_noticed(weir, two):
    one = weir(entries={"web": {}}, dynamic=service_text(two[0]))
    since = len(one.log.lines)
    os.rename(one.dynamic_path, one.dynamic_path + "~")
    one.log.wait("stays|failed", since)
    assert names(two[0]) in wire.fetch(one.ports["web"]).body
    since = len(one.log.lines)
    with open(one.dynamic_path, "w", encoding="ascii") as file:
        file.write(service_text(two[1]))
    one.wait_loaded(since)
    assert names(two[1]) in wire.fetch(one.ports["web"]).body


def test_a_symlink_that_is_swapped_is_noticed(weir, two, tmp_path):
    """As Kubernetes mounts a ConfigMap: file -> ..data/file, ..data -> a dated folder."""
    folder = tmp_path / "mount"
    for index, backend in enumerate(two):
        dated = folder / f"..{index}"
        dated.mkdir(parents=True)
        (dated / "dynamic.yml").write_text(service_text(backend))
    (folder / "..data").symlink_to("..0")
    (folder / "dynamic.yml").symlink_to("..data/dynamic.yml")
    one = weir(entries={"web": {}}, static={
        "providers": {"file": {"filename": str(folder / "dynamic.yml")}}})
    assert names(two[0]) in wire.fetch(one.ports["web"]).body
    since = len(one.log.lines)
    (folder / "..tmp").symlink_to("..1")
    os.replace(folder / "..tmp", folder / "..data")
    one.wait_loaded(since)
    assert names(two[1]) in wire.fetch(one.ports["web"]).body


def test_a_folder_is_watched(weir, two, tmp_path):
    folder = tmp_path / "conf.d"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.yml").write_text(yaml.safe_dump(
        {"http": {"routers": routers(rule="Path(`/a`)")}}))
    (folder / "services.yml").write_text(yaml.safe_dump(
        {"http": {"services": {"one": backends.http_service(two[0])}}}))
    one = weir(entries={"web": {}}, static={
        "providers": {"file": {"filename": "", "directory": str(folder)}}})
    assert wire.fetch(one.ports["web"], "/a").status == 200
    assert wire.fetch(one.ports["web"], "/b").status == 404
    since = len(one.log.lines)
    write_atomically(folder / "deep" / "b.yml", yaml.safe_dump({"http": {"routers": {
        "b": {"entryPoints": ["web"], "rule": "Path(`/b`)", "service": "one"}}}}))
    one.wait_loaded(since)
    assert wire.fetch(one.ports["web"], "/b").status == 200
    since = len(one.log.lines)
    (folder / "deep" / "b.yml").unlink()
    one.wait_loaded(since)
    assert wire.fetch(one.ports["web"], "/b").status == 404


def test_without_watching_sighup_reloads(weir, two):
    one = weir(entries={"web": {}}, static={"providers": {"file": {"watch": False}}},
               dynamic=service_text(two[0]))
    one.write_dynamic(service_text(two[1]))
    assert names(two[0]) in wire.fetch(one.ports["web"]).body
    since = len(one.log.lines)
    one.signal(signal.SIGHUP)
    one.wait_loaded(since)
    assert names(two[1]) in wire.fetch(one.ports["web"]).body


def test_a_storm_of_changes_is_throttled(weir, two):
    one = weir(entries={"web": {}}, dynamic=service_text(two[0]),
               static={"providers": {"providersThrottleDuration": "1s"}})
    one.reload(service_text(two[1]))
    since = len(one.log.lines)
    for index in range(50):
        one.write_dynamic(configuration(two[index % 2], index=index))
    one.wait_loaded(since)
    eventually(lambda: names(two[1]) in wire.fetch(one.ports["web"]).body, "the last one is served")
    loads = sum("configuration loaded" in line for line in one.log.lines[since:])
    assert 1 <= loads <= 4, loads


# ---- certificates ----

def serial(port):
    from cryptography import x509
    with socket.create_connection(("127.0.0.1", port), WAIT) as raw:
        with wire.trusting().wrap_socket(raw, server_hostname="a.test") as tls:
            return x509.load_der_x509_certificate(tls.getpeercert(True)).serial_number


@pytest.fixture
def filed(weir, http_backend, authority, tmp_path):
    """A site whose certificate is in files."""
    pair = authority.issue("a.test")
    dynamic = configuration(http_backend(), pair)
    dynamic["tls"]["certificates"] = [pair.write(tmp_path, "a")]
    one = weir(dynamic=dynamic)
    one.pair, one.certificates = pair, tmp_path
    return one


def test_a_renewed_certificate_is_served_without_touching_the_configuration(filed, authority):
    port = filed.ports["websecure"]
    assert serial(port) == filed.pair.serial
    for kind in ("p256", "p384", "rsa2048"):
        renewed = authority.issue("a.test", kind=kind)
        renewed.write(filed.certificates, "a")
        eventually(lambda: serial(port) == renewed.serial, f"the {kind} certificate is served")


def test_a_certificate_without_its_key_leaves_the_one_before(filed, authority):
    port = filed.ports["websecure"]
    since = len(filed.log.lines)
    other = authority.issue("a.test", kind="p384")
    write_atomically(filed.certificates / "a.crt", other.pem)
    filed.log.wait("the one before stays", since)
    assert serial(port) == filed.pair.serial
    write_atomically(filed.certificates / "a.key", other.key_pem)
    eventually(lambda: serial(port) == other.serial, "the pair is served once it is complete")


def test_a_certificate_that_vanishes_leaves_the_one_before(filed):
    since = len(filed.log.lines)
    os.unlink(filed.certificates / "a.crt")
    filed.log.wait("the one before stays", since)
    assert serial(filed.ports["websecure"]) == filed.pair.serial


def test_certificates_are_replaced_while_handshakes_run(filed, authority):
    handshakes = Handshakes(filed.ports["websecure"], wire.trusting(authority))
    try:
        for _ in range(10 if SANITIZE else 30):
            renewed = authority.issue("a.test")
            renewed.write(filed.certificates, "a")
            eventually(lambda: serial(filed.ports["websecure"]) == renewed.serial, "it is served")
    finally:
        handshakes.stop()
    assert handshakes.failures == []
