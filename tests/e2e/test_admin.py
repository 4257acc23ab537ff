# SPDX-License-Identifier: GPL-3.0-or-later
"""Ping, API and dashboard, with the paths, documents and pages of Traefik's."""

import datetime
import json
import re
import signal
import subprocess

import pytest
from cryptography.hazmat.primitives import hashes

import backends
import wire
from server import PATIENCE, WAIT

ADMIN = {"web": {}, "traefik": {}}


def dynamic_with(backend, tcp=None):
    return {
        "http": {
            "routers": {
                "good": {"entryPoints": ["web"], "rule": "Host(`good.test`)", "service": "one",
                         "middlewares": ["to-https"], "priority": 42},
                "broken": {"entryPoints": ["web"], "rule": "Host(`broken.test`)",
                           "service": "nobody"}},
            "services": {"one": backends.http_service(backend),
                         "split": {"weighted": {"services": [{"name": "one", "weight": 3}]}}},
            "middlewares": {"to-https": {"redirectScheme": {"scheme": "https", "port": "8443",
                                                            "permanent": True}},
                            "auth": {"basicAuth": {"users": ["a:b"]}}}},
        "tcp": {
            "routers": {"pass": {"entryPoints": ["web"], "rule": "HostSNI(`tcp.test`)",
                                 "service": "t", "tls": {"passthrough": True}}},
            "services": {"t": backends.tcp_service(tcp or backend)},
            "middlewares": {"few": {"inFlightConn": {"amount": 1}}}},
    }


@pytest.fixture
def admin(weir, http_backend):
    """An API without protection on the entry point named traefik."""
    def start(dynamic=None, entries=None, **static):
        backend = http_backend()
        one = weir(entries=entries or ADMIN, dynamic=dynamic or dynamic_with(backend),
                   static={"api": {"insecure": True}, "ping": {}, **static})
        one.backend = backend
        return one
    return start


def get(one, path, entry="traefik", status=200):
    response = wire.fetch(one.ports[entry], path)
    assert response.status == status, (path, response.status, response.body)
    if response.get("Content-Type") == "application/json":
        return json.loads(response.body)
    return response.body.decode()


# ---- ping ----

def test_ping_says_ok_on_its_entry_point(admin):
    one = admin()
    assert get(one, "/ping") == "OK"
    with wire.Connection(one.ports["traefik"]) as connection:
        response = connection.request("/ping", method="HEAD")
        assert (response.status, response.body) == (200, b"")
    assert get(one, "/ping", entry="web", status=404)


def test_ping_by_a_router_only(weir):
    one = weir(entries={"web": {}, "traefik": {}}, static={"ping": {"manualRouting": True}},
               dynamic={"http": {"routers": {"p": {
                   "entryPoints": ["web"], "rule": "Path(`/healthy`)",
                   "service": "ping@internal"}}}})
    assert get(one, "/healthy", entry="web") == "OK"
    assert get(one, "/ping", status=404)


# ---- certificates ----

@pytest.fixture
def secured(admin, http_backend, authority, tmp_path):
    """An API, and TLS for a few certificates of all sorts."""
    day, now = datetime.timedelta(days=1), datetime.datetime.now(datetime.timezone.utc)
    now = now.replace(tzinfo=None)
    pairs = {
        "a": authority.issue("a.test", "*.a.test", common_name="a.test"),
        "old": authority.issue("old.test", end=now - day),
        "soon": authority.issue("soon.test", end=now + 3 * day, kind="rsa2048"),
        "later": authority.issue("later.test", begin=now + day),
        "twin": authority.issue("a.test", "*.a.test", common_name="a.test")}
    files = pairs["a"].write(tmp_path, "a")
    dynamic = dynamic_with(http_backend())
    dynamic["http"]["routers"]["tls"] = {"entryPoints": ["secure"], "rule": "PathPrefix(`/`)",
                                         "service": "one", "tls": {}}
    dynamic["tls"] = {"certificates": [files, *[pairs[name].inline
                                                for name in ("old", "soon", "later", "twin")]]}
    one = admin(dynamic=dynamic, entries={**ADMIN, "secure": {}})
    one.pairs, one.files, one.trust = pairs, files, wire.trusting(authority)
    return one


def fingerprint(pair):
    return pair.certificate.fingerprint(hashes.SHA256()).hex()


def test_certificates_say_what_they_are_and_how_they_are(secured):
    found = {item["name"]: item for item in get(secured, "/api/certificates")}
    pairs = secured.pairs
    a = found[fingerprint(pairs["a"])]
    assert a == {
        "name": fingerprint(pairs["a"]), "sans": ["*.a.test", "a.test"],
        "notAfter": "2049-01-01T00:00:00Z", "notBefore": "2020-01-01T00:00:00Z",
        "serialNumber": str(pairs["a"].serial), "commonName": "a.test",
        "issuerCN": "Weir test authority", "keyType": "ECDSA P-256",
        "certFingerprint": fingerprint(pairs["a"]), "status": "enabled", "validity": "valid",
        "source": secured.files["certFile"], "store": "default", "default": False, "used": True,
        "served": 0}
    states = {name: (found[fingerprint(pair)]["status"], found[fingerprint(pair)]["validity"],
                     found[fingerprint(pair)]["source"], found[fingerprint(pair)]["used"])
              for name, pair in pairs.items() if name != "a"}
    assert states == {"old": ("expired", "expired", "inline", True),
                      "soon": ("warning", "expiresSoon", "inline", True),
                      "later": ("warning", "notYetValid", "inline", True),
                      "twin": ("enabled", "valid", "inline", False)}
    defaults = [item for item in found.values() if item["default"]]
    assert {item["keyType"] for item in defaults} == {"ECDSA P-256", "RSA"}
    assert {item["source"] for item in defaults} == {"generated"}
    assert get(secured, f"/api/certificates/{fingerprint(pairs['a'])}") == a
    assert get(secured, "/api/certificates/00", status=404) == {
        "message": "certificate not found: 00"}


def test_certificates_count_full_handshakes_across_reloads(secured):
    def served():
        return get(secured, f"/api/certificates/{fingerprint(secured.pairs['a'])}")["served"]
    for _ in range(5):
        assert wire.fetch(secured.ports["secure"], context=secured.trust, name="a.test",
                          host="x.test").status == 200
    assert served() == 5
    since = len(secured.log.lines)
    secured.signal(signal.SIGHUP)
    secured.log.wait("configuration loaded", since)
    assert served() == 5


def test_certificates_are_filtered_and_come_in_pages(secured):
    response = wire.fetch(secured.ports["traefik"], "/api/certificates?per_page=4&page=2")
    assert (len(json.loads(response.body)), response.get("X-Next-Page")) == (3, "1")
    get(secured, "/api/certificates?per_page=4&page=3", status=400)
    found = get(secured, "/api/certificates?search=OLD.te")
    assert [item["sans"] for item in found] == [["old.test"]]
    assert len(get(secured, "/api/certificates?status=warning")) == 2


# ---- the API ----

def test_version_and_overview(admin):
    one = admin()
    version = get(one, "/api/version")
    assert set(version) == {"Version", "Codename", "startDate"}
    overview = get(one, "/api/overview")
    assert set(overview) == {"http", "tcp", "udp", "features", "providers"}
    assert overview["http"]["routers"] == {"total": 5, "warnings": 0, "errors": 1}
    assert overview["http"]["middlewares"] == {"total": 2, "warnings": 0, "errors": 1}
    assert overview["http"]["services"]["errors"] == 0
    assert overview["tcp"] == {"routers": {"total": 1, "warnings": 0, "errors": 0},
                               "services": {"total": 1, "warnings": 0, "errors": 0},
                               "middlewares": {"total": 1, "warnings": 0, "errors": 1}}
    assert overview["features"] == {"tracing": "", "metrics": "", "accessLog": False}
    assert overview["providers"] == ["File"]


def test_counters_count(admin):
    one = admin()
    before = get(one, "/api/counters")
    assert before["requests"] > 0 and before["ktls_handovers"] == 0
    after = get(one, "/api/counters")
    assert after["requests"] == before["requests"] + 1


def test_entry_points_with_their_defaults(admin):
    one = admin(entries={"web": {"asDefault": True, "transport": {
        "lifeCycle": {"graceTimeOut": "90s"}}}, "traefik": {}})
    items = get(one, "/api/entrypoints")
    assert [item["name"] for item in items] == ["traefik", "web"]
    item = get(one, "/api/entrypoints/web")
    assert item == items[1] and item["asDefault"] is True
    assert re.fullmatch(r"127\.0\.0\.1:\d+", item["address"])
    assert item["transport"] == {
        "lifeCycle": {"graceTimeOut": "1m30s"},
        "respondingTimeouts": {"readTimeout": "1m0s", "idleTimeout": "3m0s"}}
    assert item["http"]["sanitizePath"] is True and item["http"]["maxHeaderBytes"] == 1048576
    assert "entry point not found: none" in get(one, "/api/entrypoints/none", status=404)["message"]


def test_single_objects_are_what_the_lists_say(admin):
    one = admin()
    for side, kind in (("http", "routers"), ("http", "services"), ("http", "middlewares"),
                       ("tcp", "routers"), ("tcp", "services"), ("tcp", "middlewares")):
        items = get(one, f"/api/{side}/{kind}")
        assert items, (side, kind)
        for item in items:
            assert get(one, f"/api/{side}/{kind}/{item['name']}") == item
            assert item["provider"] == item["name"].split("@")[1]
            assert item["status"] == ("disabled" if item.get("error") else "enabled")
        message = get(one, f"/api/{side}/{kind}/none@file", status=404)["message"]
        assert message == f"{kind[:-1]} not found: none@file"
    assert get(one, "/api/http/routers/good%40file")["name"] == "good@file"
    assert get(one, "/api/udp/routers") == [] and get(one, "/api/udp/services") == []


def test_objects_have_traefiks_members(admin):
    one = admin()
    assert get(one, "/api/http/routers/good@file") == {
        "entryPoints": ["web"], "middlewares": ["to-https@file"], "service": "one@file",
        "rule": "Host(`good.test`)", "priority": 42, "status": "enabled", "using": ["web"],
        "observability": {"accessLogs": True, "metrics": True},
        "name": "good@file", "provider": "file"}
    broken = get(one, "/api/http/routers/broken@file")
    assert broken["status"] == "disabled"
    assert broken["error"] == ['the service "nobody@file" does not exist']
    service = get(one, "/api/http/services/one@file")
    assert service["type"] == "loadbalancer" and service["usedBy"] == ["good@file"]
    assert service["loadBalancer"]["servers"] == [{"url": one.backend.url}]
    assert service["serverStatus"] == {one.backend.url: "UP"}
    assert get(one, "/api/http/services/split@file")["weighted"] == {
        "services": [{"name": "one@file", "weight": 3}]}
    assert get(one, "/api/http/middlewares/to-https@file") == {
        "redirectScheme": {"scheme": "https", "port": "8443", "permanent": True},
        "status": "enabled", "usedBy": ["good@file"], "name": "to-https@file",
        "provider": "file", "type": "redirectscheme"}
    auth = get(one, "/api/http/middlewares/auth@file")
    assert auth["error"] == ["http.middlewares.auth.basicAuth is not supported yet"]
    router = get(one, "/api/tcp/routers/pass@file")
    assert router["tls"] == {"passthrough": True} and router["rule"] == "HostSNI(`tcp.test`)"


def test_raw_data_has_everything_and_no_secret(admin):
    raw = get(admin(), "/api/rawdata")
    assert set(raw) == {"routers", "middlewares", "services", "tcpRouters", "tcpMiddlewares",
                        "tcpServices"}
    assert raw["routers"]["broken@file"]["error"] == ['the service "nobody@file" does not exist']
    assert {"api@internal", "dashboard@internal", "ping@internal"} < set(raw["routers"])
    assert "name" not in raw["routers"]["good@file"]
    assert "a:b" not in json.dumps(raw)


def test_a_reload_changes_the_documents(admin):
    one = admin()
    dynamic = dynamic_with(one.backend)
    dynamic["http"]["routers"]["broken"]["service"] = "one"
    del dynamic["http"]["routers"]["good"]
    one.reload(dynamic)
    assert get(one, "/api/http/routers/broken@file")["status"] == "enabled"
    get(one, "/api/http/routers/good@file", status=404)


# ---- pages and filters ----

@pytest.fixture
def many(admin, http_backend):
    backend = http_backend()
    routers = {f"r{index:03}": {"entryPoints": ["web"], "service": "one" if index % 2 else "two",
                                "rule": f"Host(`h{index}.test`)"} for index in range(250)}
    routers["r000"]["service"] = "nobody"
    return admin({"http": {"routers": routers, "services": {
        "one": backends.http_service(backend), "two": backends.http_service(backend)}}})


def test_lists_come_in_pages(many):
    names, page = [], 1
    while True:
        response = wire.fetch(many.ports["traefik"], f"/api/http/routers?page={page}&per_page=70")
        items = json.loads(response.body)
        assert len(items) <= 70
        names += [item["name"] for item in items]
        following = int(response.get("X-Next-Page"))
        if following == 1:
            break
        assert following == page + 1
        page = following
    assert names == sorted(names) and len(set(names)) == 253 and page == 4
    assert len(get(many, "/api/http/routers")) == 100  # unless asked


@pytest.mark.parametrize("query, message", [
    ("page=9", "invalid request: page: 9, per_page: 100"),
    ("page=0", "invalid request: page: 0"), ("page=x", "invalid request: page: x"),
    ("per_page=-1", "invalid request: per_page: -1")])
def test_wrong_pages_are_refused(many, query, message):
    assert get(many, f"/api/http/routers?{query}", status=400)["message"] == message


@pytest.mark.parametrize("query, count", [
    ("status=disabled", 1), ("status=ENABLED&per_page=999", 252), ("search=h24.test", 1),
    ("search=R24", 10), ("search=r24&status=disabled", 0),
    ("serviceName=one@file&per_page=999", 125), ("middlewareName=none@file", 0)])
def test_lists_are_filtered(many, query, count):
    assert len(get(many, f"/api/http/routers?{query}")) == count


# ---- who may ask, and where ----

def test_the_api_by_a_router(weir):
    one = weir(entries={"web": {}, "other": {}}, static={"api": {}}, dynamic={"http": {
        "routers": {"a": {"entryPoints": ["web"], "rule": "Host(`admin.test`)",
                          "service": "api@internal"}}}})
    assert wire.fetch(one.ports["web"], "/api/version", host="admin.test").status == 200
    assert wire.fetch(one.ports["web"], "/dashboard/", host="admin.test").status == 200
    assert wire.fetch(one.ports["web"], "/api/version", host="a.test").status == 404
    assert wire.fetch(one.ports["other"], "/api/version", host="admin.test").status == 404


def test_without_api_in_the_configuration_there_is_none(weir):
    one = weir(entries={"web": {}}, dynamic={"http": {"routers": {"a": {
        "rule": "PathPrefix(`/`)", "service": "api@internal"}}}})
    assert wire.fetch(one.ports["web"], "/api/version").status == 503
    assert one.log.find('the service "api@internal" does not exist')


def test_only_questions_are_answered(admin):
    one = admin()
    with wire.Connection(one.ports["traefik"]) as connection:
        for method in ("POST", "PUT", "DELETE"):
            assert connection.request("/api/version", method=method).status == 405
        response = connection.request("/api/version", method="HEAD")
        assert response.status == 200 and int(response.get("Content-Length")) > 10
    for path in ("/api", "/api/none", "/api/http/none", "/api/rawdata/x"):
        get(one, path, status=404)


def test_base_path(admin):
    one = admin(api={"insecure": True, "basePath": "/base"})
    assert "Version" in get(one, "/base/api/version")
    assert "<title>" in get(one, "/base/dashboard/")
    for path in ("/base", "/base/"):
        response = wire.fetch(one.ports["traefik"], path)
        assert (response.status, response.get("Location")) == (302, "/base/dashboard/")
    get(one, "/api/version", status=404)
    get(one, "/dashboard/", status=404)


def test_the_dashboard_is_one_page_that_asks_the_api(admin):
    one = admin()
    for path in ("/", "/dashboard"):
        response = wire.fetch(one.ports["traefik"], path)
        assert (response.status, response.get("Location")) == (302, "/dashboard/")
    page = get(one, "/dashboard/")
    assert page.startswith("<!doctype html>") and "<title>Weir</title>" in page
    for path in re.findall(r"fetch\('\.\./(api/\w+)'\)", page):
        assert get(one, f"/{path}")
    assert not re.search(r"(?:src|href)=|https?://", page)  # nothing from elsewhere


def test_a_dashboard_that_is_not_wanted(admin):
    one = admin(api={"insecure": True, "dashboard": False})
    get(one, "/dashboard/", status=404)
    assert "Version" in get(one, "/api/version")


def test_insecure_opens_port_8080_by_itself(weir):
    """In a network of its own, where that port is free."""
    prefix = ["unshare", "--net", "--map-root-user", "--", "sh", "-c",
              'ip link set lo up && exec "$@"', "sh"]
    if subprocess.run([*prefix, "true"], check=False, capture_output=True).returncode != 0:
        pytest.skip("this machine gives no network namespaces")
    one = weir(entries={"web": {}}, static={"api": {"insecure": True}, "ping": {}}, prefix=prefix)
    assert one.ports["traefik"] == 8080

    def ask(path):
        enter = ["nsenter", "-t", str(one.pid), "-U", "--preserve-credentials", "-n"]
        return subprocess.run([*enter, "curl", "-sS", f"http://localhost:8080{path}"], check=True,
                              capture_output=True, text=True, timeout=WAIT).stdout
    assert ask("/ping") == "OK"
    assert set(json.loads(ask("/api/rawdata"))["routers"]) == {
        "api@internal", "dashboard@internal", "ping@internal"}


def test_the_api_answers_while_the_end_is_announced(admin):
    one = admin(entries={"web": {}, "traefik": {"transport": {"lifeCycle": {
        "requestAcceptGraceTimeout": f"{500 * PATIENCE}ms"}}}})
    one.signal(signal.SIGTERM)
    one.log.wait("Weir is asked to end")
    assert get(one, "/ping", status=503) == "Service Unavailable"
    assert "Version" in get(one, "/api/version")
    assert one.wait_exit() == 0
