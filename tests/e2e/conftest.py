# SPDX-License-Identifier: GPL-3.0-or-later
"""What the end-to-end tests share: Weir, backends, certificates, clients.

Everything that a test starts is ended with it; Weir must then exit with 0 and leave no word of a
sanitizer behind. Ports are the kernel's choice, and what is waited for is an event.
"""

import contextlib
import itertools
import os
import shutil
import subprocess

import pytest

import acme
import backends
import certificates
import pebble
import server
import wire


@pytest.hookimpl(tryfirst=True, hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.when == "call":
        item.failed = report.failed


@pytest.fixture(scope="session", autouse=True)
def binary():
    assert os.access(server.BINARY, os.X_OK), f"build Weir first: {server.BINARY}"
    return server.BINARY


@pytest.fixture(scope="session")
def loop():
    made = backends.Loop()
    yield made
    made.stop()


@pytest.fixture
def weir(request, tmp_path):
    """weir(entries=, static=, dynamic=) starts a server; see server.Weir."""
    made = []

    def start(**arguments):
        folder = tmp_path / f"weir{len(made)}"
        folder.mkdir()
        made.append(server.Weir(folder, **arguments))
        return made[-1]

    yield start
    failed = getattr(request.node, "failed", True)
    for one in made:
        if failed:
            print("\n".join(one.log.lines[-80:]) if hasattr(one, "log") else "")
    for one in made:
        try:
            one.stop()
        finally:
            one.kill()


@pytest.fixture
def keep():
    """keep(thing) is the thing, which is stopped after the test, the last one first."""
    with contextlib.ExitStack() as stack:
        def keep_one(thing):
            stack.callback(thing.stop)
            return thing
        yield keep_one


@pytest.fixture
def http_backend(keep, loop):
    return lambda **arguments: keep(backends.HttpBackend(loop, **arguments))


@pytest.fixture
def tcp_backend(keep, loop):
    return lambda handle, **arguments: keep(backends.TcpBackend(loop, handle, **arguments))


@pytest.fixture
def refusing(keep):
    return keep(backends.Refusing())


@pytest.fixture
def blackhole(keep):
    return keep(backends.Blackhole())


@pytest.fixture
def dns(keep):
    return keep(pebble.Dns())


@pytest.fixture
def nginx(keep, tmp_path):
    numbers = itertools.count()

    def start(files=None):
        folder = tmp_path / f"nginx{next(numbers)}"
        folder.mkdir()
        for parent in (folder, *folder.parents):
            if os.stat(parent).st_uid == os.geteuid() and str(parent) != "/":
                os.chmod(parent, os.stat(parent).st_mode | 0o055)
        return keep(backends.Nginx(folder, files or {}))

    return start


@pytest.fixture(scope="session")
def authority():
    return certificates.Authority()


@pytest.fixture(scope="session")
def authority_file(authority, tmp_path_factory):
    return authority.write(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def trust(authority):
    """A TLS context that trusts the tests' authority."""
    return wire.trusting(authority)


@pytest.fixture
def run():
    """Runs a program to its end; its output is text."""
    def call(*command, timeout=None, **arguments):
        assert shutil.which(command[0]), f"{command[0]} is not installed"
        return subprocess.run(command, capture_output=True, text=True, errors="replace",
                              timeout=timeout or 4 * server.WAIT, check=False, **arguments)
    return call


@pytest.fixture
def site(weir, http_backend, authority):
    """A Weir in front of one backend: plain on `web`, TLS for a.test on `websecure`."""
    def start(routers=None, static=None, entries=None, backend=None, **tls):
        backend = backend or http_backend(name="one")
        dynamic = {
            "http": {
                "routers": routers or {
                    "plain": {"entryPoints": ["web"], "rule": "PathPrefix(`/`)",
                              "service": "one"},
                    "secure": {"entryPoints": ["websecure"], "rule": "PathPrefix(`/`)",
                               "service": "one", "tls": {}},
                },
                "services": {"one": backends.http_service(backend)},
            },
            "tls": server.merge({"certificates": [authority.issue("a.test").inline]}, tls),
        }
        one = weir(entries=entries, static=static, dynamic=dynamic)
        one.backend, one.dynamic = backend, dynamic
        return one
    return start


@pytest.fixture
def scene(keep, weir, http_backend, authority, dns, tmp_path):
    """For ACME: see acme.Scene."""
    return keep(acme.Scene(weir, http_backend, authority, dns, tmp_path))
