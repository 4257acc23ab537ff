# SPDX-License-Identifier: GPL-3.0-or-later
"""What Prometheus reads at /metrics: its text format, and numbers that are right."""

import re

import pytest

import backends
import wire

SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)*)\})? '
                    r'(-?[0-9.e+]+)$')
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')


def parse(text):
    """{name: [(labels, value)]}; fails where the format is broken."""
    found, types, done = {}, {}, set()
    family = None
    assert text.endswith("\n")
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, family, kind = line.split(" ")
            assert family not in types, f"{family} is announced twice"
            types[family] = kind
            continue
        if line.startswith("# HELP "):
            continue
        match = SAMPLE.match(line)
        assert match, line
        name = match[1]
        base = re.sub(r"_(bucket|sum|count)$", "", name)
        assert family in (name, base), f"{name} is outside of its family"
        key = (name, match[2])
        assert key not in done, f"{line} comes twice"
        done.add(key)
        labels = dict(LABEL.findall(match[2] or ""))
        found.setdefault(name, []).append((labels, float(match[3])))
    return found


def scrape(one, entry="traefik", path="/metrics"):
    response = wire.fetch(one.ports[entry], path)
    assert response.status == 200, response.body
    assert response.get("Content-Type") == "text/plain; version=0.0.4; charset=utf-8"
    return parse(response.body.decode())


def value(found, name, **labels):
    values = [number for have, number in found.get(name, [])
              if all(have.get(key) == wanted for key, wanted in labels.items())]
    assert len(values) == 1, (name, labels, found.get(name))
    return values[0]


@pytest.fixture
def measured(site):
    def start(entries=None, **prometheus):
        return site(static={"metrics": {"prometheus": prometheus}},
                    entries=entries or {"web": {}, "websecure": {}, "traefik": {}})
    return start


def test_requests_are_counted_by_entry_point_and_service(measured, trust):
    one = measured()
    for _ in range(3):
        assert wire.fetch(one.ports["web"], "/status/200").status == 200
    missing = wire.fetch(one.ports["web"], "/status/404")
    with wire.Connection(one.ports["web"]) as connection:
        connection.request("/status/200", method="POST", body=b"x" * 1000)
    assert wire.fetch(one.ports["websecure"], "/status/200", context=trust, name="a.test").status
    found = scrape(one)
    name = "traefik_entrypoint_requests_total"
    assert value(found, name, entrypoint="web", code="200", method="GET", protocol="http") == 3
    assert value(found, name, entrypoint="web", code="404", method="GET") == 1
    assert value(found, name, entrypoint="web", code="200", method="POST") == 1
    assert value(found, name, entrypoint="websecure", code="200", method="GET") == 1
    assert value(found, "traefik_service_requests_total", service="one@file", code="200",
                 method="GET") == 4
    assert value(found, "traefik_entrypoint_requests_bytes_total", entrypoint="web",
                 method="POST") == 1000
    assert value(found, "traefik_service_responses_bytes_total", code="404") == \
        len(missing.body) > 0
    assert value(found, "traefik_service_server_up", service="one@file") == 1
    assert "traefik_router_requests_total" not in found
    assert value(found, "weir_requests_tls_total") == 1
    assert value(found, "weir_handshakes_full_total") == 1
    # What is asked for metrics is not counted, as in Traefik.
    assert not [labels for labels, _ in found[name] if labels["entrypoint"] == "traefik"]


def test_durations_fall_into_cumulative_buckets(measured):
    one = measured(buckets=[0.000001, 30], addServicesLabels=False, addRoutersLabels=True)
    for _ in range(4):
        wire.fetch(one.ports["web"], "/status/200")
    found = scrape(one)
    name = "traefik_entrypoint_request_duration_seconds"
    buckets = {labels["le"]: number for labels, number in found[f"{name}_bucket"]
               if labels["entrypoint"] == "web"}
    assert buckets == {"1e-06": 0, "30": 4, "+Inf": 4}
    assert value(found, f"{name}_count", entrypoint="web") == 4
    assert 0 < value(found, f"{name}_sum", entrypoint="web") < 30
    assert value(found, "traefik_router_requests_total", router="plain@file") == 4
    assert "traefik_service_requests_total" not in found


def test_reloads_certificates_and_connections(measured, authority):
    one = measured()
    before = scrape(one)
    pair = authority.issue("b.test", '*.b.test', common_name='quote" back\\slash')
    one.dynamic["tls"]["certificates"].append(pair.inline)
    one.reload(one.dynamic)
    with wire.Connection(one.ports["web"]) as connection:
        connection.request("/status/200")
        found = scrape(one)
    assert value(found, "traefik_config_reloads_total") == \
        value(before, "traefik_config_reloads_total") + 1
    assert value(found, "traefik_config_last_reload_success") >= \
        value(found, "weir_start_time_seconds") > 1.7e9
    assert value(found, "traefik_tls_certs_not_after", serial=str(pair.serial),
                 cn='quote\\" back\\\\slash') == 2493072000
    assert value(found, "traefik_open_connections", entrypoint="web", protocol="TCP") == 1
    assert value(found, "traefik_open_connections", entrypoint="websecure") == 0


def test_workers_are_added_up(measured):
    one = measured()
    for _ in range(40):  # spread over the workers by their ports
        wire.fetch(one.ports["web"], "/status/200")
    assert value(scrape(one), "traefik_service_requests_total", code="200") == 40
    assert value(scrape(one), "weir_requests_total") == 42


def test_metrics_by_a_router_only(weir, http_backend):
    one = weir(entries={"web": {}}, static={"metrics": {"prometheus": {"manualRouting": True}}},
               dynamic={"http": {"routers": {"m": {
                   "entryPoints": ["web"], "rule": "Path(`/numbers`)",
                   "service": "prometheus@internal"}},
                   "services": {"one": backends.http_service(http_backend())}}})
    assert "traefik_config_reloads_total" in scrape(one, "web", "/numbers")
    assert wire.fetch(one.ports["web"], "/metrics").status == 404
    with wire.Connection(one.ports["web"]) as connection:
        assert connection.request("/numbers", method="POST").status == 405
