# SPDX-License-Identifier: GPL-3.0-or-later
"""What the harness decides from figures, without servers."""

import importlib.machinery
import importlib.util
import json
import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from common import clients, rounds, workload  # pylint: disable=wrong-import-position
import workloads  # pylint: disable=wrong-import-position


def load(name, *path):
    file = os.path.join(HERE, *path)
    loader = importlib.machinery.SourceFileLoader(name, file)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module


compare, gate = load("compare", "compare"), load("gate", "micro", "gate.py")


def taken(*pairs):
    return [{"weir": {"cpu_us": one}, "nginx": {"cpu_us": other}} for one, other in pairs]


def test_a_ratio_compares_within_the_round():
    slow_machine = rounds.ratio(taken((10, 20), (100, 200), (12, 24)), "weir", "nginx")
    assert slow_machine == {"median": 0.5, "low": 0.5, "high": 0.5, "noise": False}


def test_less_than_five_percent_is_noise():
    assert rounds.ratio(taken((104, 100)), "weir", "nginx")["noise"]
    assert not rounds.ratio(taken((106, 100)), "weir", "nginx")["noise"]


def test_every_contestant_is_measured_once_a_round_and_the_first_changes():
    order = []

    def measure(one):
        order.append(one.label)
        return {}
    contestants = [workload.Contestant(label, None, None) for label in "abc"]
    found = rounds.interleave(contestants, 3, measure)
    assert [list(one) for one in found] == [["a", "b", "c"]] * 3
    assert "".join(order) == "abcbcacab"


def test_the_best_rival_decides_and_a_missed_target_says_so():
    against = workload.AgainstPeers("x", "x", None, 0.45)
    found = [{"weir": {"cpu_us": 50}, "nginx": {"cpu_us": 120}, "haproxy": {"cpu_us": 100}}]
    rows = {label: {"cpu_us": one["cpu_us"]} for label, one in found[0].items()}
    verdict, = against.verdicts(rows, found)
    assert (verdict["target"], verdict["value"], verdict["holds"]) == ("CPU of haproxy", 0.5, False)


def test_one_error_of_many_answers_ends_the_load():
    with pytest.raises(clients.LoadFailed):
        clients._checked({"operations": 1000000, "errors": 1}, ["wrk"])


def test_workloads_have_names_of_their_own():
    assert len(workloads.ALL) == sum(len(module.WORKLOADS) for module in workloads.MODULES)


def result(path, *pairs):
    row = {"weir": {"cpu_us": pairs[0][0]}, "nginx": {"cpu_us": pairs[0][1]}}
    path.write_text(json.dumps({"machine": {"commit": path.name}, "workloads": {"keepalive": {
        "rows": row, "rounds": taken(*pairs), "verdicts": []}}}))
    return str(path)


@pytest.mark.parametrize("new, worse", [
    (((12, 20), (12.5, 20)), 1),   # apart, and by more than 5 %
    (((10.4, 20), (10.4, 20)), 0),  # apart, by less
    (((9, 20), (13, 20)), 0),      # dearer in the median, but the rounds overlap
    (((8, 20), (8.2, 20)), 0),     # cheaper
])
def test_compare_fails_only_when_weir_became_dearer_beyond_noise(tmp_path, monkeypatch, new, worse):
    old = result(tmp_path / "old", (10, 20), (10.2, 20))
    monkeypatch.setattr(sys, "argv", ["compare", old, result(tmp_path / "new", *new)])
    assert compare.main() == worse


def run_gate(tmp_path, monkeypatch, counted, compiler="gcc 12"):
    baseline = tmp_path / "baseline.json"
    baseline.write_text(json.dumps({"environment": {"compiler": "gcc 12"},
                                    "instructions": {"handshake": 1000}}))
    monkeypatch.setattr(gate, "BASELINE", str(baseline))
    monkeypatch.setattr(gate, "environment", lambda _: {"compiler": compiler})
    monkeypatch.setattr(gate, "measure", lambda _: counted)
    monkeypatch.setattr(sys, "argv", ["gate", "--program", "x", "--facts", "x"])
    return gate.main()


def test_the_gate_fails_above_three_percent(tmp_path, monkeypatch):
    assert run_gate(tmp_path, monkeypatch, {"handshake": 1029}) == 0
    assert run_gate(tmp_path, monkeypatch, {"handshake": 1031}) == 1


def test_the_gate_fails_for_what_nobody_recorded(tmp_path, monkeypatch):
    assert run_gate(tmp_path, monkeypatch, {"handshake": 1000, "request": 1}) == 1


def test_the_gate_is_skipped_where_the_compiler_is_another(tmp_path, monkeypatch):
    assert run_gate(tmp_path, monkeypatch, {"handshake": 2000}, "gcc 14") == 77
