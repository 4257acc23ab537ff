# SPDX-License-Identifier: GPL-3.0-or-later
"""Redirections of entry points and by middleware, and what an entry point gives its routers."""

import pytest

import backends
import wire
from server import run_weir


def routed(backend, **routers):
    return {"http": {"routers": {name: {"service": "one", **router}
                                 for name, router in routers.items()},
                     "services": {"one": backends.http_service(backend)}}}


def redirect_to(target, **more):
    return {"http": {"redirections": {"entryPoint": {"to": target, **more}}}}


def location(one, entry, path="/a?b=c", host="a.test", method="GET", **arguments):
    response = wire.fetch(one.ports[entry], path, host=host, method=method, **arguments)
    return response.status, response.get("Location")


# ---- of entry points ----

def test_an_entry_point_redirects_to_the_port_of_another(weir, http_backend):
    backend = http_backend()
    one = weir(entries={"web": redirect_to("websecure"), "websecure": {}},
               dynamic=routed(backend, r={"rule": "PathPrefix(`/`)"}))
    port = one.ports["websecure"]
    assert location(one, "web") == (301, f"https://a.test:{port}/a?b=c")
    assert location(one, "web", host="a.test:8080") == (301, f"https://a.test:{port}/a?b=c")
    assert location(one, "web", host="[::1]:80") == (301, f"https://[::1]:{port}/a?b=c")
    assert location(one, "web", method="POST") == (308, f"https://a.test:{port}/a?b=c")
    assert location(one, "web", path="/b/../x%20y%2F") == (301, f"https://a.test:{port}/x%20y%2F")
    assert backend.requests == []


@pytest.mark.parametrize("to, scheme, expected", [
    (":443", "https", "https://a.test/a?b=c"),
    (":8443", "https", "https://a.test:8443/a?b=c"),
    (":8081", "http", "http://a.test:8081/a?b=c"),
    (":80", "http", "http://a.test/a?b=c")])
def test_an_entry_point_redirects_to_a_port_and_scheme(weir, to, scheme, expected):
    one = weir(entries={"web": redirect_to(to, scheme=scheme)})
    assert location(one, "web", host="a.test:8080") == (301, expected)


def test_a_redirection_that_is_not_permanent(weir):
    one = weir(entries={"web": redirect_to(":443", permanent=False)})
    assert location(one, "web")[0] == 302
    assert location(one, "web", method="PUT")[0] == 307


def test_routers_of_a_higher_priority_are_served(weir, http_backend):
    backend = http_backend()
    one = weir(entries={"web": redirect_to(":443", priority=100)},
               dynamic=routed(backend, above={"rule": "Path(`/above`)", "priority": 101},
                              below={"rule": "Path(`/below`)", "priority": 99}))
    assert location(one, "web", "/above") == (200, None)
    assert location(one, "web", "/below") == (301, "https://a.test/below")


def test_by_default_no_router_comes_before_a_redirection(weir, http_backend):
    one = weir(entries={"web": redirect_to(":443")},
               dynamic=routed(http_backend(), r={"rule": "Path(`/x`)", "priority": 1 << 40}))
    assert location(one, "web", "/x") == (301, "https://a.test/x")


def test_a_redirection_survives_reloads(weir, http_backend):
    one = weir(entries={"web": redirect_to(":443")})
    one.reload(routed(http_backend(), r={"rule": "PathPrefix(`/`)"}))
    assert location(one, "web") == (301, "https://a.test/a?b=c")


# ---- the middleware ----

@pytest.mark.parametrize("settings, statuses, target", [
    ({"scheme": "https"}, (302, 307), "https://a.test/a?b=c"),
    ({"scheme": "https", "permanent": True}, (301, 308), "https://a.test/a?b=c"),
    ({"scheme": "https", "port": "8443"}, (302, 307), "https://a.test:8443/a?b=c"),
    ({"scheme": "https", "port": "443"}, (302, 307), "https://a.test/a?b=c"),
    ({"scheme": "HTTPS"}, (302, 307), "https://a.test/a?b=c")])
def test_the_middleware_redirects(weir, http_backend, settings, statuses, target):
    backend = http_backend()
    dynamic = routed(backend, r={"rule": "PathPrefix(`/`)", "middlewares": ["m"]})
    dynamic["http"]["middlewares"] = {"m": {"redirectScheme": settings}}
    one = weir(entries={"web": {}}, dynamic=dynamic)
    status, where = location(one, "web", host="a.test:80")
    assert (status, where.replace("HTTPS", "https")) == (statuses[0], target)
    assert location(one, "web", method="POST")[0] == statuses[1]
    assert backend.requests == []


def test_the_middleware_lets_the_right_scheme_pass(weir, http_backend, authority, trust):
    backend = http_backend()
    dynamic = routed(backend, plain={"rule": "PathPrefix(`/`)", "middlewares": ["m"]},
                     secure={"rule": "PathPrefix(`/`)", "middlewares": ["m"], "tls": {}})
    dynamic["http"]["middlewares"] = {"m": {"redirectScheme": {"scheme": "https"}}}
    dynamic["tls"] = {"certificates": [authority.issue("a.test").inline]}
    one = weir(entries={"web": {}}, dynamic=dynamic)
    assert location(one, "web", context=trust, name="a.test") == (200, None)
    assert location(one, "web")[0] == 302
    assert len(backend.requests) == 1


def test_a_forged_protocol_does_not_pass(weir, http_backend):
    backend = http_backend()
    dynamic = routed(backend, r={"rule": "PathPrefix(`/`)", "middlewares": ["m"]})
    dynamic["http"]["middlewares"] = {"m": {"redirectScheme": {"scheme": "https"}}}
    trusting = {"forwardedHeaders": {"trustedIPs": ["127.0.0.1"]}}
    one = weir(entries={"web": {}, "behind": trusting}, dynamic=dynamic)
    said = [("X-Forwarded-Proto", "https")]
    assert location(one, "web", headers=said)[0] == 302
    assert backend.requests == []
    assert location(one, "behind", headers=said)[0] == 200
    assert location(one, "behind")[0] == 302


def test_a_host_cannot_break_out_of_the_location(weir):
    one = weir(entries={"web": redirect_to(":443")})
    for host in ("a.test/evil", "a.test@evil", "a.test\\evil", "a b", "a.test:x", "a%0d%0ab"):
        answer = wire.exchange(one.ports["web"], f"GET / HTTP/1.1\r\nHost: {host}\r\n"
                               "Connection: close\r\n\r\n".encode("latin-1"))
        assert answer.startswith(b"HTTP/1.1 4"), (host, answer)


# ---- what an entry point gives its routers ----

def test_tls_of_an_entry_point_is_its_routers(weir, http_backend, authority, trust):
    backend = http_backend()
    dynamic = routed(backend, r={"rule": "Host(`a.test`)"})
    dynamic["tls"] = {"certificates": [authority.issue("a.test").inline],
                      "options": {"new": {"minVersion": "VersionTLS13"}}}
    one = weir(entries={"secure": {"http": {"tls": {}}}, "plain": {},
                        "newer": {"http": {"tls": {"options": "new@file"}}}}, dynamic=dynamic)
    assert location(one, "secure", context=trust, name="a.test") == (200, None)
    assert backend.last.get("X-Forwarded-Proto") == "https"
    assert location(one, "plain") == (200, None)
    assert backend.last.get("X-Forwarded-Proto") == "http"
    assert location(one, "newer", context=trust, name="a.test") == (200, None)
    assert wire.fetch(one.ports["secure"]).status == 400  # plain where only TLS is served
    old = wire.trusting(authority, maximum=wire.ssl.TLSVersion.TLSv1_2)
    with pytest.raises(wire.ssl.SSLError):
        wire.fetch(one.ports["newer"], context=old, name="a.test")


@pytest.mark.parametrize("routers, reason", [
    ({"r": {"rule": "PathPrefix(`/`)"}}, "the rule names no Host"),
    ({"r": {"rule": "Host(`a.test`)"},
      "other": {"rule": "Host(`a.test`) && Path(`/x`)", "tls": {}}}, "another router asks")])
def test_options_that_do_not_hold_are_warned_of(weir, http_backend, routers, reason):
    """As in Traefik they are the host's; a router without one, or in a conflict, has none."""
    routers["r"]["tls"] = {"options": "new"}
    dynamic = routed(http_backend(), **routers)
    dynamic["tls"] = {"options": {"new": {"minVersion": "VersionTLS13"}}}
    one = weir(entries={"web": {}, "second": {}}, dynamic=dynamic)
    said = [line for line in one.log.lines if ".tls.options: " in line and "not used" in line]
    assert len(said) == 1 and reason in said[0]
    for part in (" WRN http.routers.r.tls.options: ", '"new@file"', "dynamic.yml:"):
        assert part in said[0]
    report = run_weir("check", "--configFile=weir.yml", folder=one.folder)
    assert report.returncode == 0 and reason in report.stdout + report.stderr
    dynamic["http"]["routers"] = {"r": {**routers["r"], "rule": "Host(`a.test`)"}}
    since = len(one.log.lines)
    one.reload(dynamic)
    assert one.log.find("are not used", since) is None


def test_middlewares_of_an_entry_point_come_first(weir, http_backend):
    backend = http_backend()
    dynamic = routed(backend, r={"rule": "PathPrefix(`/`)", "middlewares": ["second"]},
                     bare={"rule": "Path(`/bare`)", "priority": 99})
    dynamic["http"]["middlewares"] = {
        "first": {"redirectScheme": {"scheme": "https", "port": "1111"}},
        "second": {"redirectScheme": {"scheme": "https", "port": "2222"}}}
    one = weir(entries={"web": {"http": {"middlewares": ["first@file"]}}, "other": {}},
               dynamic=dynamic)
    assert location(one, "web", "/") == (302, "https://a.test:1111/")
    assert location(one, "web", "/bare") == (302, "https://a.test:1111/bare")
    assert location(one, "other", "/") == (302, "https://a.test:2222/")
    assert location(one, "other", "/bare") == (200, None)


def test_routers_without_entry_points_get_the_default_ones(weir, http_backend):
    backend = http_backend()
    dynamic = routed(backend, r={"rule": "PathPrefix(`/`)"},
                     named={"rule": "Path(`/named`)", "entryPoints": ["second"]})
    one = weir(entries={"first": {"asDefault": True}, "second": {}, "traefik": {}},
               dynamic=dynamic)
    assert location(one, "first", "/") == (200, None)
    assert location(one, "second", "/")[0] == 404
    assert location(one, "second", "/named") == (200, None)
    assert location(one, "traefik", "/")[0] == 404
    one = weir(entries={"first": {}, "second": {}, "traefik": {}}, dynamic=dynamic)
    for entry, status in (("first", 200), ("second", 200), ("traefik", 404)):
        assert location(one, entry, "/")[0] == status
