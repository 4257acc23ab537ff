# SPDX-License-Identifier: GPL-3.0-or-later
"""Protection that cannot be given is never left out: the route is closed, and everybody says why.

Whatever is not built or broken must not reach the backend; the log names file, line and key, the
API shows the error at the router, and `weir check` reports it.
"""

import json
import os
import re
import ssl

import pytest
import yaml

import backends
import wire
from server import HERE, run_weir

REFERENCE = os.path.join(HERE, "..", "..", "docs", "reference", "configuration.md")
MIDDLEWARES = {
    "addPrefix": {"prefix": "/x"},
    "basicAuth": {"users": ["a:$apr1$x$y"]},
    "buffering": {"maxRequestBodyBytes": 1},
    "chain": {"middlewares": ["fine"]},
    "circuitBreaker": {"expression": "NetworkErrorRatio() > 0.5"},
    "compress": {},
    "contentType": {},
    "digestAuth": {"users": ["a:r:x"]},
    "encodedCharacters": {},
    "errors": {"status": ["500-599"], "service": "one", "query": "/e"},
    "forwardAuth": {"address": "http://127.0.0.1:1"},
    "grpcWeb": {"allowOrigins": ["*"]},
    "headers": {"frameDeny": True},
    "inFlightReq": {"amount": 1},
    "ipAllowList": {"sourceRange": ["10.0.0.0/8"]},
    "ipWhiteList": {"sourceRange": ["10.0.0.0/8"]},
    "plugin": {"some": {"key": "value"}},
    "rateLimit": {"average": 1},
    "redirectRegex": {"regex": "^http://(.*)", "replacement": "https://$1"},
    "replacePath": {"path": "/x"},
    "replacePathRegex": {"regex": "^/(.*)", "replacement": "/x/$1"},
    "retry": {"attempts": 2},
    "stripPrefix": {"prefixes": ["/x"]},
    "stripPrefixRegex": {"regex": ["^/x"]},
}
BUILT = {"passTLSClientCert", "redirectScheme"}
TCP_MIDDLEWARES = {
    "ipAllowList": {"sourceRange": ["10.0.0.0/8"]},
    "ipWhiteList": {"sourceRange": ["10.0.0.0/8"]},
    "inFlightConn": {"amount": 1},
}


def on(rule_host, **more):
    return {"entryPoints": ["web"], "rule": f"Host(`{rule_host}.test`)", "service": "one", **more}


def broken_routers():
    """name → (router, other objects of http, what is said about it)"""
    server = {"servers": [{"url": "BACKEND"}]}

    def of(service, said):
        return lambda name: (on(name, service=name), {"services": {name: service}}, said)

    return {
        "unknown-service": lambda name: (
            on(name, service="nobody"), {}, 'service "nobody@file" does not exist'),
        "no-service": lambda name: (
            {key: value for key, value in on(name).items() if key != "service"}, {}, "service"),
        "unknown-middleware": lambda name: (
            on(name, middlewares=["nobody"]), {}, 'middleware "nobody@file" does not exist'),
        "half-broken-list": lambda name: (
            on(name, middlewares=["fine", "nobody"]), {},
            'middleware "nobody@file" does not exist'),
        "empty-middleware": lambda name: (
            on(name, middlewares=[name]), {"middlewares": {name: {}}}, name),
        "two-types": lambda name: (
            on(name, middlewares=[name]),
            {"middlewares": {name: {"redirectScheme": {"scheme": "https"},
                                    "addPrefix": {"prefix": "/"}}}}, name),
        "scheme-less": lambda name: (
            on(name, middlewares=[name]),
            {"middlewares": {name: {"redirectScheme": {"port": "1"}}}}, "scheme"),
        "parent-refs": lambda name: (on(name, parentRefs=["other"]), {}, "parentRefs"),
        "service-middlewares": of({"loadBalancer": server, "middlewares": ["fine"]},
                                  "middlewares"),
        "sticky": of({"loadBalancer": {**server, "sticky": {"cookie": {}}}}, "sticky"),
        "sticky-empty": of({"loadBalancer": {**server, "sticky": {}}}, "sticky"),
        "p2c": of({"loadBalancer": {**server, "strategy": "p2c"}}, "strategy"),
        "hrw": of({"loadBalancer": {**server, "strategy": "hrw"}}, "strategy"),
        "leasttime": of({"loadBalancer": {**server, "strategy": "leasttime"}}, "strategy"),
        "weighted-sticky": of({"weighted": {"services": [{"name": "one"}],
                                            "sticky": {"cookie": {}}}}, "sticky"),
        "weighted-unknown": of({"weighted": {"services": [{"name": "nobody"}]}}, "nobody"),
        "weighted-itself": of({"weighted": {"services": [{"name": "weighted-itself"}]}},
                              "weighted-itself"),
        "highest-random-weight": of({"highestRandomWeight": {"services": [{"name": "one"}]}},
                                    "highestRandomWeight"),
        "mirroring": of({"mirroring": {"service": "one", "mirrors": [{"name": "one"}]}},
                        "mirroring"),
        "failover": of({"failover": {"service": "one", "fallback": "one"}}, "failover"),
        "no-such-transport": of({"loadBalancer": {**server, "serversTransport": "nobody"}},
                                "nobody"),
        "peer-cert-uri": lambda name: (
            on(name, service=name),
            {"services": {name: {"loadBalancer": {**server, "serversTransport": name}}},
             "serversTransports": {name: {"peerCertURI": "spiffe://x"}}}, "peerCertURI"),
        "transport-spiffe": lambda name: (
            on(name, service=name),
            {"services": {name: {"loadBalancer": {**server, "serversTransport": name}}},
             "serversTransports": {name: {"spiffe": {"ids": ["spiffe://x"]}}}}, "spiffe"),
        "transport-ca": lambda name: (
            on(name, service=name),
            {"services": {name: {"loadBalancer": {"servers": [{"url": "https://127.0.0.1:1"}],
                                                  "serversTransport": name}}},
             "serversTransports": {name: {"rootCAs": ["/nonexistent/ca.pem"]}}}, "ca.pem"),
    }


def with_url(value, url):
    return json.loads(json.dumps(value).replace("BACKEND", url))


def merge_objects(into, extra):
    for kind, objects in extra.items():
        into.setdefault(kind, {}).update(objects)


class Closed:
    """One server with all of the broken things, one router each, and what it says of them."""

    def __init__(self, weir, backend, dynamic, said, static=None, entries=None):
        self.backend, self.said = backend, said
        self.weir = weir(entries=entries or {"web": {}, "admin": {}}, dynamic=dynamic,
                         static={"api": {}, **(static or {})})
        self.raw = json.loads(wire.fetch(self.weir.ports["admin"], "/api/rawdata").body)
        self.report = run_weir("check", "--configFile=weir.yml", folder=self.weir.folder)
        self.text = open(self.weir.dynamic_path, encoding="utf-8").read().splitlines()

    def check_router(self, side, name):
        errors = self.raw[side][f"{name}@file"].get("error", [])
        assert self.raw[side][f"{name}@file"]["status"] == "disabled", name
        assert any(self.said[name] in error for error in errors), (name, errors)

    def check_texts(self, name):
        """Log and check name the object, what is wrong, and the line where it stands."""
        for lines in (self.weir.log.lines, (self.report.stdout + self.report.stderr).split("\n")):
            about = [line for line in lines if name in line and self.said[name] in line]
            places = [re.search(r"dynamic\.yml(?::| line=)(\d+)", line) for line in about]
            texts = [self.text[int(place[1]) - 1] for place in places if place]
            what = self.said[name].split()[-1]  # of a rule, which has a line of its own
            assert any(name in text or what in text for text in texts), (name, about)


API = {"api": {"entryPoints": ["admin"], "rule": "PathPrefix(`/api`)", "service": "api@internal"}}


@pytest.fixture
def closed_http(weir, http_backend):
    backend = http_backend()
    dynamic = {"http": {"routers": dict(API), "services": {"one": backends.http_service(backend)},
                        "middlewares": {"fine": {"redirectScheme": {"scheme": "https"}}}}}
    said = {}
    for kind, settings in MIDDLEWARES.items():
        name = f"mw-{kind.lower()}"
        dynamic["http"]["routers"][name] = on(name, middlewares=[name])
        dynamic["http"]["middlewares"][name] = {kind: settings}
        said[name] = f"{kind} is not supported yet"
    for name, make in broken_routers().items():
        router, others, what = make(name)
        dynamic["http"]["routers"][name] = router
        merge_objects(dynamic["http"], with_url(others, backend.url))
        said[name] = what
    return Closed(weir, backend, dynamic, said)


def test_every_middleware_is_in_the_list():
    """The reference, which is made of the schema, says which types there are."""
    names = set()
    for line in run_weir("--help").stdout.splitlines():
        names.update(re.findall(r"^    --http\.middlewares", line))
    assert names == set()  # they are dynamic: no flags
    text = open(REFERENCE, encoding="utf-8").read()
    known = set(re.findall(r"`http\.middlewares\.<name>\.(\w+)`", text))
    assert known - BUILT == set(MIDDLEWARES)


def test_http_routers_are_closed_and_say_why(closed_http):
    with wire.Connection(closed_http.weir.ports["web"]) as connection:
        for name in closed_http.said:
            response = connection.request("/", host=f"{name}.test")
            assert response.status == 503, (name, response.status, response.body)
    assert closed_http.backend.requests == []
    for name in closed_http.said:
        closed_http.check_router("routers", name)
        closed_http.check_texts(name)
    assert closed_http.report.returncode == 1


def test_what_is_broken_is_not_told_to_clients(closed_http):
    body = wire.fetch(closed_http.weir.ports["web"], host="mw-basicauth.test").body
    assert b"basicAuth" not in body and b"yml" not in body


def test_a_broken_middleware_of_an_entry_point_closes_it(weir, http_backend):
    backend = http_backend()
    for name in ("auth@file", "nobody@file"):
        one = weir(entries={"web": {"http": {"middlewares": [name]}}, "other": {}}, dynamic={
            "http": {"routers": {"r": {"rule": "PathPrefix(`/`)", "service": "one"}},
                     "services": {"one": backends.http_service(backend)},
                     "middlewares": {"auth": {"basicAuth": {"users": ["a:b"]}}}}})
        assert wire.fetch(one.ports["web"]).status == 503
        assert backend.requests == []
        said = one.log.find(rf"middleware \S*{re.escape(name)}\S* of entry point web")
        assert said and re.search(r"http\.routers\.web-r: .* at=\S*dynamic\.yml:\d+",
                                  one.log.lines[said[0]])
        report = run_weir("check", "--configFile=weir.yml", folder=one.folder)
        assert "of entry point web" in report.stdout
        assert wire.fetch(one.ports["other"]).status == 200
        backend.requests.clear()


@pytest.mark.parametrize("key", ["underscoreHeadersStrategy", "aliasHeadersStrategy"])
def test_an_unbuilt_protection_of_an_entry_point_closes_it(weir, http_backend, key):
    backend = http_backend()
    one = weir(entries={"web": {"http": {key: "reject"}}}, dynamic=plain(backend))
    outcome = attempt(one.ports.get("web"))
    assert outcome in (None, 503)
    assert backend.requests == [] and one.log.find(key)


def plain(backend):
    return {"http": {"routers": {"r": {"rule": "PathPrefix(`/`)", "service": "one"}},
                     "services": {"one": backends.http_service(backend)}}}


def attempt(port):
    """The status of a request; None when the connection is refused or closed."""
    if port is None:
        return None
    try:
        return wire.fetch(port).status
    except (OSError, wire.Closed):
        return None


# ---- TLS options ----

OPTIONS = {
    "client-auth": ({"clientAuth": {"clientAuthType": "RequireAndVerifyClientCert"}},
                    "has no caFiles"),
    "bad-cipher": ({"cipherSuites": ["TLS_NO_SUCH"]}, "TLS_NO_SUCH"),
    "bad-curve": ({"curvePreferences": ["CurveX"]}, "CurveX"),
    "tls11": ({"minVersion": "VersionTLS11"}, "below VersionTLS12"),
    "upside-down": ({"minVersion": "VersionTLS13", "maxVersion": "VersionTLS12"}, "upside-down"),
}


def test_tls_options_that_cannot_be_applied_close_their_routers(weir, http_backend, authority):
    backend = http_backend()
    dynamic = {"http": {"routers": dict(API), "services": {"one": backends.http_service(backend)}},
               "tls": {"options": {}}}
    said = {"unknown": "unknown TLS options: nobody@file"}
    names = [f"{name}.test" for name in [*OPTIONS, "unknown"]]
    dynamic["tls"]["certificates"] = [authority.issue(*names).inline]
    for name in [*OPTIONS, "unknown"]:
        options = "nobody" if name == "unknown" else f"o-{name}"
        dynamic["http"]["routers"][name] = on(name, entryPoints=["secure"],
                                              tls={"options": options})
        if name != "unknown":
            dynamic["tls"]["options"][options], said[name] = OPTIONS[name]
    closed = Closed(weir, backend, dynamic, said, entries={"secure": {}, "admin": {}})
    context = wire.trusting(authority)
    for name in said:
        try:
            response = wire.fetch(closed.weir.ports["secure"], context=context,
                                  name=f"{name}.test", host=f"{name}.test")
            assert response.status == 503, name
        except ssl.SSLCertVerificationError:
            raise
        except (ssl.SSLError, ConnectionError):
            pass
        closed.check_router("routers", name)
        closed.check_texts(name)
    assert backend.requests == []
    assert closed.report.returncode == 1


def test_default_options_that_cannot_be_applied_close_every_tls_router(weir, http_backend,
                                                                       authority):
    backend = http_backend()
    dynamic = {"http": {"routers": {**API, "a": on("a", entryPoints=["secure"], tls={})},
                        "services": {"one": backends.http_service(backend)}},
               "tls": {"options": {"default": {"maxVersion": "TLS_NO_SUCH"}},
                       "certificates": [authority.issue("a.test").inline]}}
    closed = Closed(weir, backend, dynamic, {"a": "TLS_NO_SUCH"},
                    entries={"secure": {}, "admin": {}})
    response = wire.fetch(closed.weir.ports["secure"], context=wire.trusting(authority),
                          name="a.test", host="a.test")
    assert response.status == 503 and backend.requests == []
    closed.check_router("routers", "a")
    closed.check_texts("a")


@pytest.mark.parametrize("value", ["on", "yes", "enabled"])
def test_a_tls_section_that_is_no_section_serves_nothing_in_plain(weir, http_backend, value):
    backend = http_backend()
    one = weir(entries={"web": {}}, dynamic=plain(backend))
    bad = plain(backend)
    bad["http"]["routers"]["r"]["tls"] = value
    since = len(one.log.lines)
    one.write_dynamic(bad)
    one.log.wait("reload failed", since)
    assert one.log.find(rf"must be a map of keys, true or false, not \\?\"{value}", since)
    report = run_weir("check", "--configFile=weir.yml", folder=one.folder)
    assert report.returncode == 1 and "http.routers.r.tls: must be" in report.stdout


# ---- TCP ----

def test_tcp_routers_are_closed_and_say_why(weir, tcp_backend):
    backend = tcp_backend(backends.greeting(b"hello"))
    balancer = {"servers": [{"address": backend.address}]}
    cases = {f"mw-{kind.lower()}": ({"tcp": {"middlewares": {f"mw-{kind.lower()}": {
        kind: settings}}}}, {"middlewares": [f"mw-{kind.lower()}"]}, f"{kind} is not supported")
        for kind, settings in TCP_MIDDLEWARES.items()}
    cases |= {
        "unknown-middleware": ({}, {"middlewares": ["nobody"]}, "nobody"),
        "unknown-service": ({}, {"service": "nobody"}, "nobody"),
        "spiffe": ({"tcp": {
            "services": {"spiffe": {"loadBalancer": {**balancer, "serversTransport": "s"}}},
            "serversTransports": {"s": {"tls": {"spiffe": {"ids": ["spiffe://x"]}}}}}},
            {"service": "spiffe"}, "spiffe"),
        "weighted-unknown": ({"tcp": {"services": {"weighted-unknown": {"weighted": {
            "services": [{"name": "nobody"}]}}}}}, {"service": "weighted-unknown"}, "nobody"),
    }
    tcp = {"routers": {}, "services": {"one": {"loadBalancer": balancer}}}
    said, entries = {}, {"admin": {}}
    for name, (objects, router, what) in cases.items():
        entries[name] = {}
        tcp["routers"][name] = {"entryPoints": [name], "rule": "HostSNI(`*`)", "service": "one",
                                **router}
        merge_objects(tcp, objects.get("tcp", {}))
        said[name] = what
    closed = Closed(weir, backend, {"http": {"routers": dict(API)}, "tcp": tcp}, said,
                    entries=entries)
    for name in said:
        with wire.Connection(closed.weir.ports[name]) as connection:
            assert connection.is_closed(), name
        closed.check_router("tcpRouters", name)
        closed.check_texts(name)
    assert backend.connections == 0
    assert closed.report.returncode == 1


# ---- what only helps ----

def test_what_protects_nothing_is_warned_of_and_served(weir, http_backend, tcp_backend):
    backend, tcp = http_backend(), tcp_backend(backends.greeting(b"hello"))
    health = {"healthCheck": {"path": "/h"}, "passiveHealthCheck": {"maxFailedAttempts": 2}}
    one = weir(entries={"web": {}, "tcp": {}}, dynamic={
        "http": {"routers": {"a": on("a", service="checked"), "b": on("b", service="weighted")},
                 "services": {"checked": backends.http_service(backend, **health),
                              "weighted": {"weighted": {"services": [{"name": "checked"}],
                                                        "healthCheck": {}}}}},
        "tcp": {"routers": {"t": {"entryPoints": ["tcp"], "rule": "HostSNI(`*`)", "service": "t"}},
                "services": {"t": backends.tcp_service(tcp, healthCheck={})}}})
    for name in ("a", "b"):
        assert wire.fetch(one.ports["web"], host=f"{name}.test").status == 200
    with wire.Connection(one.ports["tcp"]) as connection:
        assert connection.read_exactly(5) == b"hello"
    report = run_weir("check", "--configFile=weir.yml", folder=one.folder)
    for key in ("http.services.checked.loadBalancer.healthCheck",
                "http.services.checked.loadBalancer.passiveHealthCheck",
                "http.services.weighted.weighted.healthCheck",
                "tcp.services.t.loadBalancer.healthCheck"):
        said = f"{key}: is not supported yet and has no effect"
        assert one.log.find(rf"WRN {re.escape(said)} at=\S+dynamic\.yml:\d+:\d+")
        assert f"warning: {said}" in report.stdout
    assert report.returncode == 0


# ---- rules ----

def test_a_rule_that_cannot_be_read_matches_nothing(weir, http_backend):
    """As in Traefik: nobody knows which requests were meant, so others may serve them."""
    backend = http_backend()
    routers = {**API, "bad": {**on("a"), "rule": "Host(`a.test`) && Nothing(`x`)"}}
    closed = Closed(weir, backend, {"http": {
        "routers": routers, "services": {"one": backends.http_service(backend)}}},
        {"bad": "invalid rule: column 19: unknown matcher Nothing"})
    assert wire.fetch(closed.weir.ports["web"], host="a.test").status == 404
    closed.check_router("routers", "bad")
    closed.check_texts("bad")
    assert backend.requests == [] and closed.report.returncode == 1


# ---- broken by a reload, mended by the next ----

def test_a_reload_closes_and_opens_again(weir, http_backend):
    backend = http_backend()
    good = plain(backend)
    bad = yaml.safe_load(yaml.safe_dump(good))
    bad["http"]["routers"]["r"]["middlewares"] = ["auth"]
    bad["http"]["middlewares"] = {"auth": {"basicAuth": {"users": ["a:b"]}}}
    one = weir(entries={"web": {}}, dynamic=good)
    with wire.Connection(one.ports["web"]) as connection:
        for dynamic, status in ((good, 200), (bad, 503), (good, 200)):
            if dynamic is not good or connection.buffer or backend.requests:
                one.reload(dynamic)
            assert connection.request("/").status == status
    assert len(backend.requests) == 2
