# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line as operators use it: sources of the configuration, check, version, errors."""

import ctypes
import errno
import os
import re
import socket
import struct

import pytest
import yaml

import wire
from server import SANITIZE, run_weir

STATIC = {"entryPoints": {"web": {"address": "127.0.0.1:0"}}, "log": {"level": "INFO"}}
ROOTS = ["global", "serversTransport", "tcpServersTransport", "entryPoints", "providers", "api",
         "metrics", "ping", "log", "accessLog", "tracing", "hostResolver",
         "certificatesResolvers", "experimental", "core", "spiffe", "ocsp", "weir"]


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return str(path)


def check(folder, static, dynamic=None):
    """`weir check` of these two files."""
    if dynamic is not None:
        write(folder / "dynamic.yml", dynamic)
        static = {**static, "providers": {"file": {"filename": "dynamic.yml"}}}
    write(folder / "weir.yml", static)
    return run_weir("check", "--configFile=weir.yml", folder=str(folder))


def lines_about(outcome, text):
    return [line for line in (outcome.stdout + outcome.stderr).splitlines() if text in line]


# ---- where the configuration comes from ----

def test_flags_configure_a_server(weir):
    one = weir(arguments=["--entryPoints.web.address=127.0.0.1:0", "--log.level", "INFO",
                          "--entrypoints.other.ADDRESS=127.0.0.1:0"])
    assert wire.fetch(one.ports["web"]).status == 404
    assert wire.fetch(one.ports["other"]).status == 404


def test_the_environment_configures_a_server(weir):
    one = weir(arguments=[], environment={"TRAEFIK_ENTRYPOINTS_WEB_ADDRESS": "127.0.0.1:0",
                                          "TRAEFIK_LOG_LEVEL": "info", "HOME": "/nonexistent",
                                          "TRAEFIK_IS_NO_SECTION": "and is left alone"})
    assert set(one.ports) == {"web"}
    assert wire.fetch(one.ports["web"]).status == 404


def test_the_search_path_is_traefiks(tmp_path):
    if os.path.isdir("/etc/traefik"):
        pytest.skip("this machine has a configuration in /etc/traefik")
    found = []
    places = {"XDG_CONFIG_HOME": tmp_path / "xdg" / "traefik.yml",
              "HOME": tmp_path / "home" / ".config" / "traefik.yaml",
              ".": tmp_path / "here" / "traefik.toml"}
    for name, path in places.items():
        write(path, "[log]\nlevel = 'INFO'\n" if path.suffix == ".toml" else STATIC)
        found.append(name)
    environment = {"XDG_CONFIG_HOME": str(tmp_path / "xdg"), "HOME": str(tmp_path / "home")}
    for name in found:
        outcome = run_weir("check", folder=str(tmp_path / "here"), environment=environment)
        assert outcome.returncode == 0, outcome
        used = outcome.stdout.splitlines()[-1].split(": ")[0]
        assert os.path.samefile(os.path.join(str(tmp_path / "here"), used), places[name])
        places[name].unlink()


def test_toml_comes_before_yaml_in_one_folder(tmp_path):
    write(tmp_path / "traefik.toml", "[log]\nlevel = 'INFO'\n")
    write(tmp_path / "traefik.yml", "this: is: not read")
    environment = {"HOME": "/nonexistent", "XDG_CONFIG_HOME": str(tmp_path)}
    outcome = run_weir("check", folder="/", environment=environment)
    assert outcome.returncode == 0 and "traefik.toml: valid" in outcome.stdout


def test_a_file_wins_over_flags_and_says_so(weir, tmp_path):
    path = write(tmp_path / "file.yml", STATIC)
    one = weir(arguments=[f"--configFile={path}", "--entryPoints.flag.address=127.0.0.1:0"])
    assert set(one.ports) == {"web"}
    assert one.log.find(rf"the flags are ignored.*{re.escape(path)}")


def test_flags_win_over_the_environment(weir):
    one = weir(arguments=["--entryPoints.flag.address=127.0.0.1:0", "--log.level=INFO"],
               environment={"TRAEFIK_ENTRYPOINTS_VARIABLE_ADDRESS": "127.0.0.1:0",
                            "HOME": "/nonexistent"})
    assert set(one.ports) == {"flag"}


@pytest.mark.parametrize("flag, said", [
    ("--entryPoints.web.adress=:0", 'did you mean "address"'),
    ("--entryPoint.web.address=:0", 'did you mean "entryPoints"'),
    ("--log.level=LOUD", "TRACE, DEBUG, INFO"),
    ("--entryPoints.web.address=127.0.0.1:99999", "[host]:port"),
    ("--log.level", "needs a value"), ("--configFile=", "needs a value"),
    ("--api=perhaps", 'api: must be a map of keys, true or false, not "perhaps"'),
])
def test_a_wrong_flag_is_explained(flag, said, tmp_path):
    outcome = run_weir(flag, folder=str(tmp_path), environment={"HOME": "/nonexistent"})
    assert outcome.returncode == 1
    assert "command line: error: " in outcome.stderr and said in outcome.stderr


def test_a_wrong_variable_is_explained(tmp_path):
    outcome = run_weir(folder=str(tmp_path), environment={
        "HOME": "/nonexistent", "TRAEFIK_ENTRYPOINTS_WEB_ADRESS": ":0"})
    assert outcome.returncode == 1
    assert 'environment: error: entryPoints.web.adress' in outcome.stderr
    assert 'did you mean "address"' in outcome.stderr


# ---- check ----

def test_check_accepts_what_is_right(tmp_path, authority):
    pair = authority.issue("a.test").write(tmp_path, "a")
    outcome = check(tmp_path, STATIC, {
        "http": {"routers": {"r": {"rule": "Host(`a.test`)", "service": "s", "tls": {}}},
                 "services": {"s": {"loadBalancer": {"servers": [
                     {"url": "http://127.0.0.1:1"}]}}}},
        "tls": {"certificates": [pair]}})
    assert (outcome.returncode, outcome.stderr) == (0, "")
    assert outcome.stdout == "weir.yml: valid (0 errors, 0 warnings)\n"


@pytest.mark.parametrize("text, place, key, said", [
    ("entryPoints:\n  web:\n    address: [\n", "weir.yml:4:1", "", "closing bracket"),
    ("entryPoints:\n  web:\n    adress: ':1'\n", "weir.yml:3:5", "entryPoints.web.adress",
     "field not found"),
    ("log:\n  level: LOUD\n", "weir.yml:2:10", "log.level", "unknown value"),
    ("entryPoints:\n  web:\n    address: ':1'\n    transport:\n      lifeCycle:\n"
     "        graceTimeOut: soon\n", "weir.yml:6:23", "entryPoints.web.transport.lifeCycle."
     "graceTimeOut", "soon"),
])
def test_check_names_the_place_in_the_static_file(tmp_path, text, place, key, said):
    outcome = check(tmp_path, text)
    assert outcome.returncode == 1
    assert outcome.stdout.startswith(f"{place}: error: {key}"), outcome.stdout
    assert said in outcome.stdout and "something is wrong" in outcome.stdout.splitlines()[-1]


def test_check_names_the_place_in_the_dynamic_file(tmp_path):
    outcome = check(tmp_path, STATIC, """http:
  routers:
    lost: {rule: "Host(`a.test`)", service: nobody}
    bad: {rule: "Host(`a.test`) &&", service: s}
    typo: {rule: "Host(`a.test`)", servcie: s}
  services:
    s: {loadBalancer: {servers: [{url: "ftp://127.0.0.1"}]}}
""")
    assert outcome.returncode == 1
    assert lines_about(outcome, "dynamic.yml:5:36: error: http.routers.typo.servcie")
    assert lines_about(outcome, "dynamic.yml:7:40: error: http.services.s.loadBalancer")


def test_check_counts_what_only_building_finds(tmp_path):
    outcome = check(tmp_path, STATIC, """http:
  routers:
    lost: {rule: "Host(`a.test`)", service: nobody}
    bad: {rule: "Host(`a.test`) &&", service: s}
  services:
    s: {loadBalancer: {servers: [{url: "http://127.0.0.1:1"}]}}
""")
    assert outcome.returncode == 1
    assert lines_about(outcome, 'dynamic.yml:3:5: error: http.routers.lost: is not served: the '
                                'service "nobody@file" does not exist')
    assert lines_about(outcome, "dynamic.yml:4:17: error: http.routers.bad.rule: is not served: "
                                "invalid rule: column 18")
    assert "(2 errors, 0 warnings)" in outcome.stdout


def broken_pairs(folder, authority):
    good, other = authority.issue("a.test").write(folder, "good"), None
    other = authority.issue("a.test", kind="rsa2048").write(folder, "other")
    write(folder / "garbage.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    return {
        "missing": ({"certFile": "none.crt", "keyFile": good["keyFile"]}, "none.crt"),
        "mismatch": ({"certFile": good["certFile"], "keyFile": other["keyFile"]}, "good.crt"),
        "garbage": ({"certFile": "garbage.pem", "keyFile": good["keyFile"]}, "garbage.pem"),
        "swapped": ({"certFile": good["keyFile"], "keyFile": good["certFile"]}, "good.key"),
    }


@pytest.mark.parametrize("which", ["missing", "mismatch", "garbage", "swapped"])
def test_check_reads_the_certificates(tmp_path, authority, which):
    pair, named = broken_pairs(tmp_path, authority)[which]
    outcome = check(tmp_path, STATIC, {"tls": {"certificates": [pair]}})
    assert outcome.returncode == 1
    said = lines_about(outcome, "is skipped")
    assert len(said) == 1 and named in said[0]
    assert re.match(r"\S*dynamic\.yml:\d+:\d+: error: tls\.certificates", said[0])
    assert "PRIVATE" not in said[0]
    assert "(1 errors, 0 warnings)" in outcome.stdout


def test_check_says_what_is_closed_for_want_of_a_feature(tmp_path):
    """A warning, as in the manual: the configuration is right, Weir is not ready for it."""
    outcome = check(tmp_path, STATIC, """http:
  routers: {r: {rule: "Host(`a.test`)", service: s, middlewares: [auth]}}
  services: {s: {loadBalancer: {servers: [{url: "http://127.0.0.1:1"}]}}}
  middlewares: {auth: {basicAuth: {users: ["a:b"]}}}
""")
    assert outcome.returncode == 0
    assert lines_about(outcome, "dynamic.yml:4:24: warning: http.middlewares.auth.basicAuth: ")
    assert lines_about(outcome, "dynamic.yml:2:13: warning: http.routers.r: is not served: ")
    assert "valid, with warnings (0 errors, 2 warnings)" in outcome.stdout


def test_check_of_a_missing_dynamic_file_fails(tmp_path):
    outcome = check(tmp_path, {**STATIC, "providers": {"file": {"filename": "none.yml"}}})
    assert outcome.returncode == 1
    assert lines_about(outcome, "none.yml") and lines_about(outcome, "providers.file")


# ---- the other commands ----

def test_version_names_the_libraries():
    outcome = run_weir("version")
    assert outcome.returncode == 0 and outcome.stderr == ""
    for line in (r"Weir: \d+\.\d+", r"wolfSSL: 5\.", r"wolfSSL assembly: yes", r"liburing: \d",
                 r"liburcu: \d", r"PCRE2: \d", r"libfyaml: \d"):
        if SANITIZE and "assembly" in line:
            continue
        assert re.search(f"^{line}", outcome.stdout, re.M), (line, outcome.stdout)
    assert run_weir("--version").stdout == outcome.stdout


def test_help_has_every_root_section():
    outcome = run_weir("--help")
    assert outcome.returncode == 0 and outcome.stderr == ""
    flags = re.findall(r"^    --(\w+)", outcome.stdout, re.M)
    missing = [root for root in ROOTS if root not in flags]
    assert missing == []
    for form in ("-h", "help"):
        assert run_weir(form).stdout == outcome.stdout
    assert run_weir("check", "--help").stdout == outcome.stdout


def test_an_unknown_command_is_a_usage_error():
    outcome = run_weir("serve", "--help-me")
    assert outcome.returncode == 2 and outcome.stdout == ""
    assert 'no command "serve"' in outcome.stderr and "weir check" in outcome.stderr


# ---- what keeps it from starting ----

def test_a_port_in_use_is_named_with_who_has_it():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        outcome = run_weir(f"--entryPoints.web.address=127.0.0.1:{port}")
    assert outcome.returncode == 1
    said = lines_about(outcome, "Weir cannot start")
    assert len(said) == 1
    for part in ("entry point web", f"127.0.0.1:{port}", "in use", f"pid {os.getpid()}"):
        assert part in said[0]


def test_an_address_of_another_machine_is_refused():
    outcome = run_weir("--entryPoints.web.address=203.0.113.1:1")
    assert outcome.returncode == 1
    assert "entry point web" in outcome.stderr and "203.0.113.1:1" in outcome.stderr


def test_a_missing_file_is_named():
    for command in ([], ["check"]):
        outcome = run_weir(*command, "--configFile=/nonexistent/weir.yml")
        assert outcome.returncode == 1
        assert lines_about(outcome, "/nonexistent/weir.yml: error: ")
        assert lines_about(outcome, "No such file or directory")


def test_a_folder_is_no_configuration_file(tmp_path):
    outcome = run_weir(f"--configFile={tmp_path}")
    assert outcome.returncode == 1 and f"{tmp_path}: error: " in outcome.stderr


def test_an_unreadable_file_is_named(tmp_path):
    path = write(tmp_path / "secret.yml", STATIC)
    os.chmod(path, 0)
    prefix = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    outcome = run_weir(f"--configFile={path}", prefix=prefix if os.geteuid() == 0 else [])
    assert outcome.returncode == 1
    assert f"{path}: error: " in outcome.stderr and "Permission denied" in outcome.stderr


def test_a_log_that_cannot_be_written_keeps_it_from_starting(tmp_path):
    path = str(tmp_path / "none" / "weir.log")
    outcome = run_weir("--entryPoints.web.address=127.0.0.1:0", f"--log.filePath={path}")
    assert outcome.returncode == 1 and path in outcome.stderr
    path = str(tmp_path / "weir.yml" / "access.log")
    write(tmp_path / "weir.yml", STATIC)
    outcome = run_weir("--entryPoints.web.address=127.0.0.1:0", f"--accessLog.filePath={path}")
    assert outcome.returncode == 1 and path in outcome.stderr


def refuse_io_uring(number):
    """A seccomp filter under which io_uring_setup(2) fails, as containers have it."""
    setup, allow, fail = 425, 0x7fff0000, 0x00050000 | number
    code = struct.pack("HBBI", 0x20, 0, 0, 0)          # load the system call's number
    code += struct.pack("HBBI", 0x15, 0, 1, setup)     # skip one unless it is that
    code += struct.pack("HBBI", 0x06, 0, 0, fail)
    code += struct.pack("HBBI", 0x06, 0, 0, allow)

    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_char_p)]

    libc = ctypes.CDLL(None, use_errno=True)
    program = Program(len(code) // 8, code)

    def prepare():
        assert libc.prctl(38, 1, 0, 0, 0) == 0                               # no new privileges
        assert libc.prctl(22, 2, ctypes.byref(program), 0, 0) == 0           # filter
    return prepare


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOSYS])
def test_a_machine_without_io_uring_is_told(number):
    outcome = run_weir("--entryPoints.web.address=127.0.0.1:0", prepare=refuse_io_uring(number))
    assert outcome.returncode == 1
    line = lines_about(outcome, "Weir cannot start")
    assert len(line) == 1 and "seccomp" in line[0] and "io_uring_setup" in line[0]
