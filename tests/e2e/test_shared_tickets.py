# SPDX-License-Identifier: GPL-3.0-or-later
"""Session ticket keys from files that several machines have (weir.tls.ticketKeyFiles)."""

import base64
import os
import signal
import socket
import ssl

import pytest

import wire
from server import WAIT, eventually, run_weir

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


def write_key(path, content=None):
    """A key file as it should be, put in place whole; returns its content."""
    content = content or os.urandom(80)
    descriptor = os.open(f"{path}.new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    os.replace(f"{path}.new", path)
    return content


@pytest.fixture
def node(site):
    """node(*files): one machine of a fleet."""
    def start(*files):
        one = site(entries={"websecure": {}},
                   routers={"secure": {"entryPoints": ["websecure"], "rule": "PathPrefix(`/`)",
                                       "service": "one", "tls": {}}},
                   static={"weir": {"tls": {"ticketKeyFiles": [str(path) for path in files]}}})
        return one
    return start


def begin(one, context):
    with wire.Connection(one.ports["websecure"], context, "a.test") as connection:
        connection.request("/")
        return connection.socket.session


def resumes(one, context, session, name="a.test"):
    raw = socket.create_connection(("127.0.0.1", one.ports["websecure"]), WAIT)
    with context.wrap_socket(raw, server_hostname=name, session=session) as again:
        again.sendall(b"GET /status/200 HTTP/1.1\r\nHost: a.test\r\n\r\n")
        assert again.recv(100).startswith(b"HTTP/1.1 200")
        return again.session_reused


def contexts(authority):
    return [wire.trusting(authority, minimum=version, maximum=version) for version in VERSIONS]


def test_a_session_of_one_node_resumes_at_another_with_the_same_keys(node, authority, tmp_path):
    same, other = tmp_path / "same", tmp_path / "other"
    write_key(same)
    write_key(other, os.urandom(48))
    # One certificate for all, as the fleet has: `site` issues a new one each time.
    first, second, third = node(same), node(same), node(other)
    for one in (second, third):
        one.reload(first.dynamic)
    for context in contexts(authority):
        assert resumes(second, context, begin(first, context))
        assert resumes(first, context, begin(second, context))
        assert resumes(first, context, begin(first, context))
        assert not resumes(third, context, begin(first, context))
        assert not resumes(first, context, begin(third, context))


def test_a_changed_file_is_used_at_once_and_old_keys_open(node, authority, tmp_path):
    new, old, past, coming = (tmp_path / name for name in ("new", "old", "past", "coming"))
    key = write_key(new)
    write_key(old)
    write_key(past, key)
    one, lagging = node(new, old), node(past)
    lagging.reload(one.dynamic)
    before = [(context, begin(one, context)) for context in contexts(authority)]
    for context, session in before:
        assert resumes(lagging, context, session)
    write_key(old, key)
    write_key(coming, write_key(new))
    eventually(lambda: not resumes(lagging, before[0][0], begin(one, before[0][0])),
               "the new key seals")
    leading = node(coming)
    leading.reload(one.dynamic)
    for context, session in before:
        assert resumes(one, context, session)
        assert resumes(leading, context, begin(one, context))
        assert not resumes(leading, context, session)


def test_lines_as_haproxy_has_them_roll_over_a_fleet(node, authority, tmp_path):
    keys = [base64.b64encode(os.urandom(48)) + b"\n" for _ in range(4)]
    ahead, behind = tmp_path / "ahead", tmp_path / "behind"
    write_key(ahead, b"".join(keys[1:]))
    write_key(behind, b"".join(keys[:3]))
    one, two = node(ahead), node(behind)
    two.reload(one.dynamic)
    for context in contexts(authority):
        assert resumes(two, context, begin(one, context))
        assert resumes(one, context, begin(two, context))


def test_a_bad_file_keeps_the_keys_and_is_reported(node, authority, tmp_path):
    path = tmp_path / "keys"
    key = write_key(path)
    one = node(path)
    sessions = [(context, begin(one, context)) for context in contexts(authority)]
    for content, mode, reason in ((b"short", 0o600, "line 1"), (key, 0o640, "chmod 600")):
        since = len(one.log.lines)
        path.write_bytes(content)
        path.chmod(mode)
        one.log.wait(f"the ones before stay.*keys.*{reason}", since)
        for context, session in sessions:
            assert resumes(one, context, session)
    since = len(one.log.lines)
    path.chmod(0o600)
    one.log.wait("session ticket keys loaded", since)
    since = len(one.log.lines)
    one.signal(signal.SIGHUP)
    one.log.wait("session ticket keys loaded", since)


@pytest.mark.parametrize("mode,content,reason", [
    (0o640, os.urandom(48), "chmod 600"), (0o604, os.urandom(48), "chmod 600"),
    (0o600, b"", "no key"), (0o600, b"x" * 47, "line 1"), (0o600, None, "no such file")])
def test_files_that_cannot_be_used_stop_the_start(tmp_path, mode, content, reason):
    path = tmp_path / "keys"
    if content is not None:
        path.write_bytes(content)
        path.chmod(mode)
    flags = [f"--weir.tls.ticketKeyFiles={path}", "--entryPoints.web.address=127.0.0.1:0"]
    answer = run_weir(*flags, folder=tmp_path)
    assert answer.returncode == 1
    assert "weir.tls.ticketKeyFiles" in answer.stderr and reason in answer.stderr, answer
    answer = run_weir("check", *flags, folder=tmp_path)
    assert answer.returncode == 1
    assert "weir.tls.ticketKeyFiles" in answer.stdout and reason in answer.stdout, answer
