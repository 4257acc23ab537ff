# SPDX-License-Identifier: GPL-3.0-or-later
# TIMEOUT: 240
"""The corpora of test_framing and test_framing_http2 with nginx, HAProxy and Apache as backends
that Weir speaks HTTP/2 to (h2c): what they make of it is read by recorders behind them.
"""

import pytest

import framing_checks as checks
import framing_peers
import http2
import test_framing as from_http1
import test_framing_http2 as from_http2
from framing_corpus import HEAD_LIMIT

SETTINGS = {"http": {"maxHeaderBytes": HEAD_LIMIT}}


@pytest.fixture(scope="module")
def played1(tmp_path_factory, loop, binary):
    del binary
    one = framing_peers.Played(tmp_path_factory.mktemp("framing"), loop, SETTINGS, http2=True)
    with checks.playing(one, loop, from_http1.CASES,
                        lambda ports, case, name: from_http1.play(ports[name], case, name)):
        yield one


@pytest.fixture(scope="module")
def played2(tmp_path_factory, loop, binary, authority):
    del binary
    context = http2.secure(authority)
    one = framing_peers.Played(tmp_path_factory.mktemp("framing"), loop, SETTINGS,
                               {"certificates": [authority.issue("a.test").inline]}, http2=True)
    with checks.playing(one, loop, from_http2.CASES,
                        lambda ports, case, name: from_http2.play(ports, case, name, context)):
        yield one


# nginx 1.22 takes no trailers of requests over HTTP/2. Upgrades are asked for by HTTP/1, which
# Apache alone takes on such a port.
def kept_by(case):
    if case.name in UPGRADES:
        return framing_peers.Peers.THREE
    return case.kept_by + (("nginx",) if case.name.startswith("trailer") else ())


UPGRADES = {"a WebSocket of no version, a request behind", "an upgrade on two lines",
            *(f"an upgrade to {token}{body}" for token in ("websocket", "WebSocket", "x")
              for body in ("", " with a body", " with chunks"))}


@pytest.mark.parametrize("case", from_http1.CASES, ids=checks.named)
def test_http1_is_read_alike_or_none_gets_it(played1, case):
    from_http1.look_at(played1, case, kept_by(case) if case.kind == "forwarded" else ())


@pytest.mark.parametrize("case", from_http2.CASES, ids=checks.named)
def test_http2_is_read_alike_or_none_gets_it(played2, case):
    from_http2.look_at(played2, case, kept_by(case) if case.kind == "forwarded" else ())


@pytest.mark.parametrize("name", framing_peers.Peers.THREE)
def test_nothing_malformed_comes_out_of_a_server_behind_weir(played1, played2, name):
    for played in (played1, played2):
        checks.nothing_is_malformed(played, name)
