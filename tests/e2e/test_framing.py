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

import framing_corpus as corpus
import framing_peers
from server import PATIENCE

CASES = corpus.all_cases()
NAMES = ("direct", *framing_peers.Peers.THREE)
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
    try:
        one.play(loop, CASES, lambda ports, case, name: play(ports[name], case, name))
        yield one
    finally:
        one.stop()


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


CHECKS = {"refused": check_refused, "cut": check_cut, "forwarded": check_forwarded}


def look_at(played, case, kept_by):
    for name in played.names:
        outcome = played.outcomes[name][case.number]
        seen = played.peers.origins[name].of(case.number)
        check = check_kept_behind if name in kept_by else CHECKS[case.kind]
        if check is check_cut and played.blurs_ends(name):
            check = check_cut_blurred
        try:
            assert outcome.end != "open", "the connection stays open"
            check(played, case, outcome, seen)
        except AssertionError as error:
            raise AssertionError(f"at {name}: {case.data[:300]!r} became {seen}, was answered "
                                 f"{outcome.text[:300]!r}, {outcome.end}: {error}") from None


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.number} {case.name}")
def test_all_read_it_alike_or_none_gets_it(played, case):
    look_at(played, case, case.kept_by)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_malformed_leaves_weir_or_a_server_behind_it(played, name):
    origin = played.peers.origins[name]
    assert origin.malformed == []
    assert origin.of("") == [], "requests of no case"


@pytest.mark.parametrize("name", NAMES)
def test_the_access_log_counts_the_same_requests(played, name):
    for case in CASES:
        if case.kind != "forwarded" or name in case.kept_by:
            continue
        wants = [want for want in wanted(case) if f"/{case.number}" in want[1]]
        logged = played.logged.get((name, case.number), [])
        assert [(one["RequestMethod"], one["RequestContentSize"]) for one in logged] == [
            (want[0], len(want[3])) for want in wants], (case, logged)


def test_without_weir_they_do_not_read_it_alike(tmp_path, loop):
    """The corpus has teeth: the three differ among themselves where Weir refuses."""
    cases = [case for case in CASES if "Host" in case.name or "length 5" in case.name]
    peers = framing_peers.Peers(tmp_path, loop)
    try:
        framing_peers.in_threads(lambda name: [play(peers.port(name), case, name, end_all=True)
                                 for case in cases], NAMES[1:])
        framing_peers.settle(peers, loop)
        differ = set()
        for case in cases:
            readings = {tuple(one.summary for one in peers.origins[name].of(case.number))
                        for name in NAMES[1:]}
            if len(readings - {()}) > 1:
                differ.add(case.kind)
        assert "refused" in differ
    finally:
        peers.stop()
