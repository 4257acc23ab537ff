# SPDX-License-Identifier: GPL-3.0-or-later
# TIMEOUT: 240
"""HTTP/1 framing, differentially: what Weir forwards is framed alike by nginx, HAProxy and Apache.

Every case of framing_corpus goes through Weir to a bare recorder (in pieces of a few bytes) and
to a recorder behind each of the three. All of them are played first; then everything is ended, so
that nothing is still on its way, and each case is looked at.
"""

import collections
import re
import socket

import pytest

import framing_checks as checks
import framing_corpus as corpus
import framing_peers
from server import PATIENCE

CASES = corpus.all_cases()
STATUS = re.compile(rb"HTTP/1\.1 ([2-9]\d\d) ")
Outcome = collections.namedtuple("Outcome", "statuses end text")


def pieces(case, name):
    data = case.data + (b"" if case.end else corpus.CANARY.replace(
        b"@@@@", case.number.encode()))
    if name != "direct" or len(data) > 4096:
        return [data]
    size = 1 + int(case.number) % 5
    return [data[at:at + size] for at in range(0, len(data), size)]


def play(port, case, name, end_all=False):
    """Sends the case and the canary; the statuses of what comes until the connection is closed."""
    text, end = b"", "closed"
    with socket.create_connection(("127.0.0.1", port), 5 * PATIENCE) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            for piece in pieces(case, name):
                client.sendall(piece)
            if case.end or end_all:
                client.shutdown(socket.SHUT_WR)
        except (ConnectionError, OSError):
            pass
        try:
            while data := client.recv(65536):
                text += data
        except ConnectionError:
            end = "reset"
        except TimeoutError:
            end = "open"
    return Outcome([int(status) for status in STATUS.findall(text)], end, text)


@pytest.fixture(scope="module")
def played(tmp_path_factory, loop, binary):
    del binary
    one = framing_peers.Played(tmp_path_factory.mktemp("framing"), loop,
                               {"http": {"maxHeaderBytes": corpus.HEAD_LIMIT}})
    with checks.playing(one, loop, CASES,
                        lambda ports, case, name: play(ports[name], case, name)):
        yield one


def check_refused(_played, case, outcome, seen):
    assert seen == []
    assert len(outcome.statuses) == 1 and outcome.statuses[0] in case.statuses


def check_cut(_played, case, outcome, seen):
    assert outcome.statuses in ([], [400]), case
    assert len(seen) < 2 and not any(one.complete for one in seen)


def check_cut_blurred(_played, case, outcome, seen):
    assert outcome.statuses in ([], [400]), case
    assert len(seen) < 2 and all(case.number + "/first" in one.target for one in seen)


def wanted(case):
    canary = corpus.want(target=f"/{case.number}/canary")
    return [*case.wants, *([] if case.last else [canary])]


def check_forwarded(played, case, outcome, seen):
    assert all(one.complete for one in seen)
    assert played.same(one.summary for one in seen) == played.same(wanted(case))
    assert outcome.statuses == [200] * len(seen)


def check_kept_behind(played, case, outcome, seen):
    """The backend may answer it by itself or refuse it; what follows is as it was meant."""
    whole = played.same(wanted(case))
    assert played.same(one.summary for one in seen if one.complete) in (whole, whole[1:], [])
    assert len(outcome.statuses) >= 1


CHECKS = {"refused": check_refused, "cut": check_cut, "cut_blurred": check_cut_blurred,
          "forwarded": check_forwarded, "kept_behind": check_kept_behind}


def of_case(_case, outcome, seen):
    assert outcome.end != "open", "the connection stays open"
    return seen


def look_at(played, case, kept_by):
    checks.look_at(played, case, kept_by, CHECKS, of_case)


@pytest.mark.parametrize("case", CASES, ids=checks.named)
def test_all_read_it_alike_or_none_gets_it(played, case):
    look_at(played, case, case.kept_by)


@pytest.mark.parametrize("name", checks.NAMES)
def test_nothing_malformed_leaves_weir_or_a_server_behind_it(played, name):
    checks.nothing_is_malformed(played, name)


@pytest.mark.parametrize("name", checks.NAMES)
def test_the_access_log_counts_the_same_requests(played, name):
    for case in CASES:
        if case.kind == "forwarded" and name not in case.kept_by:
            checks.the_access_log_has(
                played, name, case,
                [want for want in wanted(case) if f"/{case.number}" in want[1]])


def test_without_weir_they_do_not_read_it_alike(tmp_path, loop):
    """The corpus has teeth: the three differ among themselves where Weir refuses."""
    cases = [case for case in CASES if "Host" in case.name or "length 5" in case.name]
    peers = framing_peers.Peers(tmp_path, loop)
    try:
        framing_peers.in_threads(lambda name: [play(peers.port(name), case, name, end_all=True)
                                 for case in cases], checks.NAMES[1:])
        framing_peers.settle(peers, loop)
        differ = set()
        for case in cases:
            readings = {tuple(one.summary for one in peers.origins[name].of(case.number))
                        for name in checks.NAMES[1:]}
            if len(readings - {()}) > 1:
                differ.add(case.kind)
        assert "refused" in differ
    finally:
        peers.stop()
