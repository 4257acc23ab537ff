# SPDX-License-Identifier: GPL-3.0-or-later
"""What is looked at when a corpus has been played (framing_peers.Played), whatever version of HTTP
the clients spoke."""

import contextlib

import framing_peers

NAMES = ("direct", *framing_peers.Peers.THREE)


def named(case):
    return f"{case.number} {case.name}"


@contextlib.contextmanager
def playing(one, loop, cases, play):
    """All of it is played; play(ports, case, name) gives an outcome."""
    try:
        one.play(loop, cases, play)
        yield one
    finally:
        one.stop()


def look_at(played, case, kept_by, checks, of_case):
    """What each recorder has of a case. checks: by the case's kind, `kept_behind` (the server in
    between may answer by itself) and `cut_blurred` (it makes ends of what was cut). of_case(case,
    outcome, seen) asserts what holds for any, and gives what of `seen` is to be checked."""
    for name in played.names:
        outcome = played.outcomes[name][case.number]
        seen = played.peers.origins[name].of(case.number)
        kind = "kept_behind" if name in kept_by else case.kind
        if kind == "cut" and played.blurs_ends(name):
            kind = "cut_blurred"
        try:
            checks[kind](played, case, outcome, of_case(case, outcome, seen))
        except AssertionError as error:
            raise AssertionError(f"at {name}: {str(case)[:600]} became {seen}, was answered "
                                 f"{outcome}: {error}") from None


def nothing_is_malformed(played, name):
    origin = played.peers.origins[name]
    assert origin.malformed == []
    assert origin.of("") == [], "requests of no case"


def the_access_log_has(played, name, case, wants):
    """Entries for these requests of the case, and no others."""
    logged = played.logged.get((name, case.number), [])
    assert [(one["RequestMethod"], one["RequestContentSize"]) for one in logged] == [
        (want[0], len(want[3])) for want in wants], (case, logged)
