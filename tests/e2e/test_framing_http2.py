# SPDX-License-Identifier: GPL-3.0-or-later
# TIMEOUT: 240
"""HTTP/2 requests that would smuggle something into the HTTP/1 of backends: the corpus of
framing_corpus_http2 through Weir to a bare recorder (without TLS) and to one behind nginx, HAProxy
and Apache (over TLS). Everything is played and ended first, then each case is looked at.
"""

import collections
import socket

import pytest

import framing_checks as checks
import framing_corpus_http2 as corpus
import framing_peers
import http2
from framing_corpus import HEAD_LIMIT, want
from server import PATIENCE

CASES = corpus.all_cases()
Outcome = collections.namedtuple("Outcome", "stream canary end")


def frames_of(client, case):
    """All of stream 1 in one piece."""
    ends = case.body is None and not case.open
    parts = [client.pack_headers(1, case.fields, end=ends, literal=True)]
    body = case.body or ()
    for index, piece in enumerate(body):
        last = index == len(body) - 1 and case.trailers is None and not case.open
        parts.append(http2.pack(http2.DATA, http2.END_STREAM if last else 0, 1, piece))
    if case.trailers is not None:
        parts.append(client.pack_headers(1, case.trailers, literal=True))
    return b"".join(parts)


def play(ports, case, name, context):
    port = ports["direct"] if name == "direct" else ports[f"{name}-tls"]
    with http2.Client(port, None if name == "direct" else context,
                      timeout=5 * PATIENCE) as client:
        first, canary = client.stream(1), client.stream(3)
        end = "alive"
        try:
            client.settled()
            client.send(frames_of(client, case))
            if not case.open:
                client.answer(1)
            client.headers(3, http2.get(f"/{case.number}/canary"))
            client.answer(3)
        except http2.Closed:
            end = "closed"
        except (TimeoutError, socket.timeout):
            end = "silent"
        return Outcome(first, canary, end)


@pytest.fixture(scope="module")
def played(tmp_path_factory, loop, binary, authority):
    del binary
    one = framing_peers.Played(tmp_path_factory.mktemp("framing"), loop,
                               {"http": {"maxHeaderBytes": HEAD_LIMIT}},
                               {"certificates": [authority.issue("a.test").inline]})
    context = http2.secure(authority)
    with checks.playing(one, loop, CASES,
                        lambda ports, case, name: play(ports, case, name, context)):
        yield one


def is_refused(case, stream):
    return stream.status in case.statuses or (
        stream.status is None and stream.reset == http2.PROTOCOL_ERROR)


def check_refused(_played, case, outcome, seen):
    assert seen == []
    assert is_refused(case, outcome.stream)


def check_cut(_played, case, outcome, seen):
    """Complete is at most what a length said, before too much of it came."""
    lengths = [int(value) for name, value in case.fields if name == b"content-length"]
    assert len(seen) < 2
    for one in seen:
        assert not one.complete or (lengths and one.body == b"".join(case.body)[:lengths[0]])
        assert not one.complete or len(one.body) == lengths[0]
    assert case.open or is_refused(case, outcome.stream)


def check_cut_blurred(_played, case, outcome, seen):
    assert len(seen) < 2 and all(one.body in b"".join(case.body) for one in seen)
    assert case.open or is_refused(case, outcome.stream)


def check_forwarded(played, case, outcome, seen):
    assert played.same(one.summary for one in seen) == played.same(case.wants)
    assert all(one.complete for one in seen)
    assert outcome.stream.status == 200 and outcome.stream.ended


def check_kept_behind(_played, _case, outcome, _seen):
    assert outcome.stream.over


CHECKS = {"refused": check_refused, "cut": check_cut, "cut_blurred": check_cut_blurred,
          "forwarded": check_forwarded, "kept_behind": check_kept_behind}


def canary(case):
    return want(target=f"/{case.number}/canary")


def of_case(case, outcome, seen):
    assert outcome.end == "alive", f"the connection is {outcome.end}"
    assert outcome.canary.status == 200 and outcome.canary.ended
    assert [one.summary for one in seen].count(canary(case)) == 1
    return [one for one in seen if one.summary != canary(case)]


def look_at(played, case, kept_by):
    checks.look_at(played, case, kept_by, CHECKS, of_case)


@pytest.mark.parametrize("case", CASES, ids=checks.named)
def test_all_read_it_alike_or_none_gets_it(played, case):
    look_at(played, case, case.kept_by)


@pytest.mark.parametrize("case", [case for case in CASES if case.checks],
                         ids=checks.named)
def test_fields_arrive_as_they_should(played, case):
    seen = played.peers.origins["direct"].of(case.number)[0]
    for name, value in case.checks.items():
        if name == "trailers":
            assert seen.trailers == value
        else:
            assert seen.all(name) == ([] if value is None else [value])


@pytest.mark.parametrize("name", checks.NAMES)
def test_nothing_malformed_leaves_weir_or_a_server_behind_it(played, name):
    checks.nothing_is_malformed(played, name)


@pytest.mark.parametrize("name", checks.NAMES)
def test_the_access_log_counts_the_same_requests(played, name):
    for case in CASES:
        if case.kind == "forwarded" and name not in case.kept_by and "/" in case.wants[0][1][1:]:
            checks.the_access_log_has(played, name, case, [*case.wants, canary(case)])
