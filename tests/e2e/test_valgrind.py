# SPDX-License-Identifier: GPL-3.0-or-later
# TIMEOUT: 120
# BUILDS: release
"""Under valgrind, which unlike the sanitizers sees into wolfSSL: no error and nothing lost."""

import re
import shutil
import signal
import ssl
import subprocess

import pytest

import backends
import wire

V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


def unusable():
    """Why valgrind cannot run Weir here. 3.19 (Debian 12) keeps its one lock while io_uring_enter
    waits, so that only one thread ever runs; 3.24 (Debian 13) lets go of it."""
    if shutil.which("valgrind") is None:
        return "valgrind is not installed"
    found = re.search(r"valgrind-(\d+)\.(\d+)", subprocess.run(
        ["valgrind", "--version"], capture_output=True, text=True, check=False).stdout)
    if found is not None and (int(found[1]), int(found[2])) >= (3, 24):
        return ""
    return "valgrind older than 3.24 stops at io_uring_enter"


def configuration(authority, http_backend, tcp_backend, index=0):
    return {
        "http": {
            "routers": {"r": {"entryPoints": ["websecure"], "rule": "PathPrefix(`/`)",
                              "service": "s", "tls": {}, "priority": 1 + index}},
            "services": {"s": backends.http_service(http_backend)}},
        "tcp": {
            "routers": {"t": {"entryPoints": ["tcp"], "rule": "HostSNI(`*`)", "service": "t"}},
            "services": {"t": backends.tcp_service(tcp_backend)}},
        "tls": {"certificates": [authority.issue(name).inline for name in ("a.test", "b.test")]}}


def use(one, authority):
    for version in (V12, V13):
        context = wire.trusting(authority, minimum=version, maximum=version)
        for _ in range(10):
            with wire.Connection(one.ports["websecure"], context, "a.test") as connection:
                for size in (0, 10, 100000):
                    assert connection.request(f"/bytes/{size}").status == 200
                assert connection.request("/echo", "POST", body=b"x" * 50000).status == 200
    for _ in range(20):
        with wire.Connection(one.ports["tcp"]) as connection:
            connection.send(b"x" * 30000)
            assert connection.read_exactly(30000) == b"x" * 30000
    with pytest.raises(ssl.SSLError):  # a client that does not trust us ends the handshake
        wire.fetch(one.ports["websecure"], context=ssl.create_default_context(), name="a.test")


@pytest.mark.skipif(bool(unusable()), reason=unusable())
def test_nothing_is_lost_and_nothing_is_wrong(weir, http_backend, tcp_backend, authority,
                                              tmp_path):
    report = tmp_path / "valgrind.log"
    served = http_backend(), tcp_backend(backends.echo)
    one = weir(entries={"websecure": {}, "tcp": {}},
               dynamic=configuration(authority, *served),
               prefix=["valgrind", "--leak-check=full", "--show-leak-kinds=definite",
                       "--errors-for-leak-kinds=definite", "--error-exitcode=99",
                       "--soname-synonyms=somalloc=libjemalloc*", f"--log-file={report}"])
    use(one, authority)
    one.reload(configuration(authority, *served, index=1))
    use(one, authority)
    one.signal(signal.SIGTERM)
    code = one.wait_exit()
    assert code == 0, report.read_text()
    assert "ERROR SUMMARY: 0 errors" in report.read_text()
