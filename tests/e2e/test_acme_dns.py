# SPDX-License-Identifier: GPL-3.0-or-later
# TIMEOUT: 300
# BUILDS: release asan tsan
"""DNS-01: each provider, propagation, delegation, and what goes wrong."""

import base64
import hashlib
import http.server
import json
import os
import re
import stat
import threading

import pytest

import acme
import zone
from acme import SLOW, api, names_of, wait_served
from server import eventually, run_weir

SECRET = base64.b64encode(b"a secret that nobody tells").decode()
BOTH = [{"main": "example.test", "sans": ["*.example.test"]}]
CHALLENGE = "_acme-challenge.example.test."


def value_of(key_authorization):
    digest = hashlib.sha256(key_authorization.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


class Program:
    """What EXEC_PATH names: it notes how it was called, and does what `script` says."""

    def __init__(self, folder, script=""):
        self.path, self.calls_path = os.path.join(folder, "hook"), os.path.join(folder, "calls")
        with open(self.path, "w", encoding="ascii") as file:
            file.write(f'#!/bin/sh\necho "$*" >>{self.calls_path}\n{script}\n')
        os.chmod(self.path, stat.S_IRWXU)
        open(self.calls_path, "w", encoding="ascii").close()

    @property
    def calls(self):
        with open(self.calls_path, encoding="ascii") as file:
            return [line.split() for line in file.read().splitlines()]


class FollowedZones(zone.Zones):
    """Its TXT values are those that a program's calls leave behind."""

    program = None

    def _look_up(self, response, name, kind):
        texts = {}
        for action, *rest in self.program.calls if self.program else []:
            if rest[0] == "--":
                rest = [f"_acme-challenge.{rest[1]}.", value_of(rest[3])]
            values = texts.setdefault(rest[0].lower(), [])
            (values.append if action == "present" else values.remove)(rest[1])
        if self.program:
            self.texts = texts
        super()._look_up(response, name, kind)


class Endpoint:
    """What HTTPREQ_ENDPOINT names."""

    def __init__(self, zones, status=200, body=b""):
        self.requests = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(handler):  # pylint: disable=no-self-argument
                size = int(handler.headers["Content-Length"])
                told = json.loads(handler.rfile.read(size))
                self.requests.append((handler.path, told, dict(handler.headers)))
                name = told.get("fqdn") or f"_acme-challenge.{told['domain']}."
                value = told.get("value") or value_of(told["keyAuth"])
                if status == 200:
                    (zones.add_text if handler.path.endswith("/present")
                     else zones.remove_text)(name, value)
                handler.send_response(status)
                handler.send_header("Content-Length", str(len(body)))
                handler.end_headers()
                handler.wfile.write(body)

            def log_message(handler, *_arguments):  # pylint: disable=no-self-argument
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d/dns/" % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class DnsScene(acme.Scene):
    """`zones` is what both Weir and the CA ask."""

    def __init__(self, weir, http_backend, authority, tmp_path):
        self.zones = FollowedZones(key={"weir.key.": SECRET})
        self.endpoints, self.others = [], []
        super().__init__(weir, http_backend, authority, self.zones, tmp_path)

    def endpoint(self, **arguments):
        self.endpoints.append(Endpoint(self.zones, **arguments))
        return self.endpoints[-1]

    def program(self, script=""):
        made = Program(str(self.folder), script)
        self.zones.program = made
        return made

    def resolver_of_weir(self, **arguments):
        """A server that has the same records, and that the CA does not ask."""
        self.others.append(zone.Zones(**arguments))
        self.others[-1].texts = self.zones.texts
        return self.others[-1]

    def rfc2136(self, secret=SECRET, **extra):
        return {"RFC2136_NAMESERVER": self.zones.address, "RFC2136_TSIG_KEY": "weir.key",
                "RFC2136_TSIG_ALGORITHM": "hmac-sha256.", "RFC2136_TSIG_SECRET": secret, **extra}

    def begin(self, provider, environment, *rules, propagation=None, challenge=None, **tls):
        """Checks are made at the recursive server alone, unless the test says more."""
        prefix = f"{provider.upper()}_"
        environment = {f"{prefix}POLLING_INTERVAL": "0", **environment}
        start = self.make_weir
        self.make_weir = lambda **more: start(environment=environment, **more)
        resolver = self.resolver(self.ca(), "tls")
        del resolver["acme"]["tlsChallenge"]
        resolver["acme"]["dnsChallenge"] = {
            "provider": provider, "resolvers": [self.zones.address],
            "propagation": {"disableANSChecks": True, "requireAllRNS": True,
                            **(propagation or {})}, **(challenge or {})}
        return self.start({"le": resolver}, self.routers(*(rules or ("Host(`x.example.test`)",)),
                                                         **tls))

    def wait_error(self):
        """What the API tells of the certificate that failed."""
        return eventually(lambda: [one["error"] for one in api(self)[0]["certificates"]
                                   if one.get("error")], "it fails", SLOW)[0]

    def stop(self):
        super().stop()
        for endpoint in self.endpoints:
            endpoint.stop()
        for zones in [self.zones, *self.others]:
            zones.stop()


@pytest.fixture
def dns_scene(weir, http_backend, authority, tmp_path):
    made = DnsScene(weir, http_backend, authority, tmp_path)
    yield made
    if made.weir is not None:
        made.weir.stop()
    made.stop()


# ---- the providers ----

@pytest.mark.parametrize("mode", ["", "RAW"])
def test_a_program_sets_the_records_of_a_domain_and_its_wildcard(dns_scene, mode):
    program = dns_scene.program()
    dns_scene.begin("exec", {"EXEC_PATH": program.path, "EXEC_MODE": mode,
                             "EXEC_SEQUENCE_INTERVAL": "0"}, domains=BOTH)
    assert names_of(wait_served(dns_scene.tls, "example.test")) == {
        "example.test", "*.example.test"}
    eventually(lambda: len(program.calls) >= 4, "they are taken away")
    calls = program.calls
    # One after the other, so that a program which keeps a single value is enough.
    assert [call[0] for call in calls] == ["present", "cleanup"] * 2
    assert calls[0][1:] == calls[1][1:] and calls[2][1:] == calls[3][1:] != calls[0][1:]
    for call in calls:
        if mode == "RAW":
            assert call[1:3] == ["--", "example.test"] and len(call) == 5
            assert call[4].startswith(call[3] + ".")
        else:
            assert call[1] == CHALLENGE and len(call) == 3 and len(call[2]) == 43


@pytest.mark.parametrize("mode", ["", "RAW"])
def test_an_endpoint_sets_the_records_of_a_domain_and_its_wildcard(dns_scene, mode):
    endpoint = dns_scene.endpoint()
    password = os.path.join(dns_scene.folder, "password")
    with open(password, "w", encoding="ascii") as file:
        file.write("open sesame\n")
    dns_scene.begin("httpreq", {"HTTPREQ_ENDPOINT": endpoint.url, "HTTPREQ_MODE": mode,
                                "HTTPREQ_USERNAME": "weir", "HTTPREQ_PASSWORD_FILE": password},
                    domains=BOTH)
    assert names_of(wait_served(dns_scene.tls, "example.test")) == {
        "example.test", "*.example.test"}
    eventually(lambda: len(endpoint.requests) == 4, "they are taken away")
    assert [path for path, _, _ in endpoint.requests] == ["/dns/present"] * 2 + [
        "/dns/cleanup"] * 2
    for _, told, fields in endpoint.requests:
        assert set(told) == ({"domain", "token", "keyAuth"} if mode == "RAW"
                             else {"fqdn", "value"})
        assert told.get("domain", "example.test") == "example.test"
        assert told.get("fqdn", CHALLENGE) == CHALLENGE
        assert fields["Content-Type"] == "application/json"
        assert fields["Authorization"] == "Basic " + base64.b64encode(
            b"weir:open sesame").decode()
    assert not dns_scene.zones.texts


@pytest.mark.parametrize("algorithm", ["hmac-sha1", "hmac-sha224", "HMAC-SHA256", "hmac-sha384",
                                       "hmac-sha512."])
def test_signed_updates_set_the_records_of_a_domain_and_its_wildcard(dns_scene, algorithm):
    dns_scene.zones.keyring = zone.dns.tsigkeyring.from_text(
        {"weir.key.": (algorithm.lower(), SECRET)})
    dns_scene.begin("rfc2136", dns_scene.rfc2136(RFC2136_TSIG_ALGORITHM=algorithm), domains=BOTH)
    assert names_of(wait_served(dns_scene.tls, "example.test")) == {
        "example.test", "*.example.test"}
    eventually(lambda: len(dns_scene.zones.updates) == 4, "they are taken away")
    assert [update[:3] for update in dns_scene.zones.updates] == [
        (action, "example.test.", CHALLENGE) for action in ("add", "add", "remove", "remove")]
    assert not dns_scene.zones.texts


def test_a_key_file_signs_updates(dns_scene):
    path = os.path.join(dns_scene.folder, "weir.key")
    with open(path, "w", encoding="ascii") as file:
        file.write('# by hand\nkey "weir.key" {\n\talgorithm hmac-sha256;\n'
                   f'\tsecret "{SECRET}"; // base64\n}};\n')
    dns_scene.begin("rfc2136", {"RFC2136_NAMESERVER": dns_scene.zones.address,
                                "RFC2136_TSIG_FILE": path}, "Host(`a.example.test`)")
    wait_served(dns_scene.tls, "a.example.test")
    eventually(lambda: not dns_scene.zones.texts, "it is taken away")


def test_answers_that_do_not_fit_come_over_tcp(dns_scene):
    own = dns_scene.resolver_of_weir(truncate=True)
    dns_scene.begin("rfc2136", dns_scene.rfc2136(), "Host(`a.example.test`)",
                    challenge={"resolvers": [own.address]})
    wait_served(dns_scene.tls, "a.example.test")
    assert ("_acme-challenge.a.example.test.", "TXT", "tcp") in own.asked


# ---- delegation ----

def test_a_cname_delegates_the_challenge_to_another_zone(dns_scene):
    dns_scene.zones.cnames = {"_acme-challenge.a.example.test.": "a.next.test.",
                              "a.next.test.": "a.challenges.delegated.test."}
    dns_scene.begin("rfc2136", dns_scene.rfc2136(), "Host(`a.example.test`)")
    wait_served(dns_scene.tls, "a.example.test")
    eventually(lambda: len(dns_scene.zones.updates) == 2, "it is taken away")
    assert {update[1:3] for update in dns_scene.zones.updates} == {
        ("delegated.test.", "a.challenges.delegated.test.")}


def test_cnames_are_left_to_the_provider_where_the_environment_says_so(dns_scene):
    # The program itself sets the record where the CNAME leads.
    dns_scene.zones.cnames = {"_acme-challenge.a.example.test.": "a.delegated.test."}
    endpoint = dns_scene.endpoint()
    add, remove = dns_scene.zones.add_text, dns_scene.zones.remove_text
    dns_scene.zones.add_text = lambda _, value: add("a.delegated.test.", value)
    dns_scene.zones.remove_text = lambda _, value: remove("a.delegated.test.", value)
    dns_scene.begin("httpreq", {"HTTPREQ_ENDPOINT": endpoint.url,
                                "LEGO_DISABLE_CNAME_SUPPORT": "true"}, "Host(`a.example.test`)")
    wait_served(dns_scene.tls, "a.example.test")
    assert endpoint.requests[0][1]["fqdn"] == "_acme-challenge.a.example.test."


# ---- propagation ----

def test_the_ca_is_not_called_before_the_record_is_there(dns_scene):
    name = "_acme-challenge.a.example.test."
    dns_scene.zones.blind[name] = 5  # an earlier look of the CA would see nothing
    dns_scene.begin("rfc2136", dns_scene.rfc2136(), "Host(`a.example.test`)")
    wait_served(dns_scene.tls, "a.example.test")
    assert dns_scene.zones.blind[name] == 0
    assert "error" not in api(dns_scene)[0]["certificates"][0]


def test_a_record_that_never_comes_is_told_and_taken_away(dns_scene):
    dns_scene.zones.blind["_acme-challenge.a.example.test."] = 10**9
    dns_scene.begin("rfc2136", dns_scene.rfc2136(RFC2136_PROPAGATION_TIMEOUT="1"),
                    "Host(`a.example.test`)")
    error = dns_scene.wait_error()
    assert "not every name server has the record after 1 seconds" in error
    assert dns_scene.zones.address in error and "NXDOMAIN" in error
    eventually(lambda: [update[0] for update in dns_scene.zones.updates] == ["add", "remove"],
               "it is taken away")


def test_without_checks_nobody_is_asked_for_the_record(dns_scene):
    own = dns_scene.resolver_of_weir()
    dns_scene.begin("rfc2136", dns_scene.rfc2136(), "Host(`a.example.test`)",
                    propagation={"disableChecks": True, "delayBeforeChecks": "10ms"},
                    challenge={"resolvers": [own.address]})
    wait_served(dns_scene.tls, "a.example.test")
    assert {kind for _, kind, _ in own.asked} == {"CNAME"}


def test_the_former_keys_of_the_checks_count(dns_scene):
    own = dns_scene.resolver_of_weir()
    weir = dns_scene.begin("rfc2136", dns_scene.rfc2136(), "Host(`a.example.test`)",
                           challenge={"resolvers": [own.address], "propagation": {},
                                      "disablePropagationCheck": True, "delayBeforeCheck": "10ms"})
    wait_served(dns_scene.tls, "a.example.test")
    assert {kind for _, kind, _ in own.asked} == {"CNAME"}
    weir.log.wait("disablePropagationCheck: is deprecated")


def test_every_authoritative_server_has_to_have_the_record(dns_scene):
    addresses = [zone.own_address(), zone.own_address()]
    if None in addresses:
        pytest.skip("name servers are at port 53, which needs privileges here")
    servers = [dns_scene.resolver_of_weir(address=address, port=53) for address in addresses]
    for number, server in enumerate(servers, 1):
        dns_scene.zones.hosts[f"ns{number}.example.test."] = server.host
    servers[1].blind["_acme-challenge.a.example.test."] = 3
    dns_scene.begin("rfc2136", dns_scene.rfc2136(), "Host(`a.example.test`)",
                    propagation={"disableANSChecks": False, "requireAllRNS": False})
    wait_served(dns_scene.tls, "a.example.test")
    looks = [sum(kind == "TXT" for _, kind, _ in server.asked) for server in servers]
    assert looks[0] >= 1 and looks[1] == 4  # until the last one has it


# ---- what goes wrong ----

def test_a_program_that_fails_is_told_with_its_output_and_called_to_clean_up(dns_scene):
    program = dns_scene.program('echo "line one"; echo "no such zone: $2" >&2\n'
                                '[ "$1" = cleanup ] || exit 3')
    weir = dns_scene.begin("exec", {"EXEC_PATH": program.path}, "Host(`a.example.test`)")
    error = dns_scene.wait_error()
    for told in ("exec: the TXT record of _acme-challenge.a.example.test. cannot be set",
                 "ended with status 3", "no such zone: _acme-challenge.a.example.test."):
        assert told in error
    weir.log.wait("a program for DNS records failed .*line one")
    eventually(lambda: [call[0] for call in program.calls] == ["present", "cleanup"],
               "it is called to clean up")


def test_a_program_that_is_not_there_is_told(dns_scene):
    dns_scene.begin("exec", {"EXEC_PATH": "/nowhere/hook"}, "Host(`a.example.test`)")
    assert "/nowhere/hook cannot be run: No such file or directory" in dns_scene.wait_error()


def test_the_end_of_the_server_ends_a_program_and_cleans_up(dns_scene):
    program = dns_scene.program('[ "$1" = cleanup ] || { sleep 1000 & wait; }')
    weir = dns_scene.begin("exec", {"EXEC_PATH": program.path}, "Host(`a.example.test`)")
    eventually(lambda: program.calls, "the program runs", SLOW)
    weir.stop()
    assert [call[0] for call in program.calls] == ["present", "cleanup"]


def test_the_end_of_the_server_does_not_wait_for_a_record_and_takes_it_away(dns_scene):
    dns_scene.zones.blind["_acme-challenge.a.example.test."] = 10**9
    weir = dns_scene.begin("rfc2136", dns_scene.rfc2136(RFC2136_PROPAGATION_TIMEOUT="3600"),
                           "Host(`a.example.test`)")
    eventually(lambda: dns_scene.zones.updates, "it is set", SLOW)
    weir.stop()
    assert [update[0] for update in dns_scene.zones.updates] == ["add", "remove"]


def test_an_endpoint_that_refuses_is_told_in_its_words(dns_scene):
    endpoint = dns_scene.endpoint(status=422, body=b"this zone is not yours")
    weir = dns_scene.begin("httpreq", {"HTTPREQ_ENDPOINT": endpoint.url, "HTTPREQ_USERNAME": "me",
                                       "HTTPREQ_PASSWORD": "open sesame"},
                           "Host(`a.example.test`)")
    error = dns_scene.wait_error()
    assert "the endpoint answers with status 422: this zone is not yours" in error
    eventually(lambda: [path for path, _, _ in endpoint.requests] == [
        "/dns/present", "/dns/cleanup"], "it is called to clean up")
    assert not any("sesame" in line for line in weir.log.lines)


def test_a_wrong_secret_is_told_and_no_secret_is(dns_scene):
    wrong = base64.b64encode(b"another secret altogether").decode()
    weir = dns_scene.begin("rfc2136", dns_scene.rfc2136(wrong), "Host(`a.example.test`)")
    error = dns_scene.wait_error()
    assert "rfc2136: the TXT record of" in error and "NOTAUTH" in error
    weir.log.wait("a record of a DNS challenge stays behind")
    assert not any(wrong in line for line in weir.log.lines)


@pytest.mark.parametrize("provider,environment,told", [
    ("exec", {}, "EXEC_PATH .or EXEC_PATH_FILE. is missing"),
    ("exec", {"EXEC_PATH_FILE": "/nowhere"}, "variable EXEC_PATH_FILE: /nowhere: No such file"),
    ("httpreq", {}, "HTTPREQ_ENDPOINT .or HTTPREQ_ENDPOINT_FILE. is missing"),
    ("httpreq", {"HTTPREQ_ENDPOINT": "ftp://x"}, "HTTPREQ_ENDPOINT is no http"),
    ("rfc2136", {}, "RFC2136_NAMESERVER .or RFC2136_NAMESERVER_FILE. is missing"),
    ("rfc2136", {"RFC2136_NAMESERVER": "127.0.0.1", "RFC2136_TSIG_FILE": "/nowhere"},
     "/nowhere: No such file"),
    ("rfc2136", {"RFC2136_NAMESERVER": "127.0.0.1", "RFC2136_TSIG_KEY": "k"},
     "RFC2136_TSIG_SECRET is missing"),
    ("rfc2136", {"RFC2136_NAMESERVER": "127.0.0.1", "RFC2136_TSIG_KEY": "k",
                 "RFC2136_TSIG_SECRET": "!!"}, "secret is not Base64"),
    ("rfc2136", {"RFC2136_NAMESERVER": "127.0.0.1", "RFC2136_TTL": "soon"},
     "RFC2136_TTL is no whole number")])
def test_an_incomplete_environment_puts_the_resolver_out_of_service(dns_scene, provider,
                                                                    environment, told):
    weir = dns_scene.begin(provider, environment)
    weir.log.wait(f"out of service resolver=le .*dnsChallenge: {provider}: .*{told}")
    checked = run_weir("check", f"--configFile={weir.static_path}", folder=weir.folder,
                       environment=environment)
    assert checked.returncode == 1, checked
    assert re.search(f"certificatesResolvers.le.acme: dnsChallenge: {provider}: .*{told}",
                     checked.stdout), checked


@pytest.mark.parametrize("made,told", [
    (None, "names {path}, which cannot be run: No such file"),
    (0o600, "names {path}, which cannot be run: Permission denied"),
    ("folder", "names {path}, which is no file"),
    ("elsewhere", "names hook, which is in no folder of PATH")])
def test_a_program_that_cannot_be_run_is_told_at_the_start_and_by_check(dns_scene, made, told):
    path = str(dns_scene.folder / "hook")
    if made == "folder":
        os.mkdir(path)
    elif made is not None:
        with open(path, "w", encoding="ascii") as file:
            file.write("#!/bin/sh\n")
        os.chmod(path, 0o600 if made == 0o600 else 0o700)
    environment = {"EXEC_PATH": "hook" if made == "elsewhere" else path}
    weir = dns_scene.begin("exec", environment)
    told = "dnsChallenge: exec: EXEC_PATH " + told.format(path=path)
    weir.log.wait(f"the DNS provider cannot work yet resolver=le error=\"{told}")
    checked = run_weir("check", f"--configFile={weir.static_path}", folder=weir.folder,
                       environment=environment)
    assert checked.returncode == 1 and told in checked.stdout, checked


def test_check_finds_nothing_where_the_program_can_be_run(dns_scene):
    program = dns_scene.program()
    folder, name = os.path.split(program.path)
    weir = dns_scene.begin("exec", {"EXEC_PATH": program.path})
    for environment in ({"EXEC_PATH": program.path},
                        {"EXEC_PATH": name, "PATH": f"/nowhere:{folder}"}):
        checked = run_weir("check", f"--configFile={weir.static_path}", folder=weir.folder,
                           environment=environment)
        assert checked.returncode == 0 and "EXEC_PATH" not in checked.stdout, checked


def test_an_unknown_provider_is_told_with_those_that_there_are(tmp_path):
    path = tmp_path / "weir.yml"
    path.write_text("certificatesResolvers:\n  le:\n    acme:\n      dnsChallenge:\n"
                    "        provider: cloudflare\n", encoding="ascii")
    done = run_weir("check", f"--configFile={path}")
    text = done.stdout + done.stderr
    assert f"{path}:2:3" in text and "exec, httpreq and rfc2136" in text
