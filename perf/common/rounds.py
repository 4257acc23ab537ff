# SPDX-License-Identifier: GPL-3.0-or-later
"""Side by side: every contestant once in each round, in an order that changes, and what is compared
is two contestants of the same round, so that what else runs on the machine weighs on both."""

import statistics

NOISE = 0.05
MEDIANS = ("cpu_us", "user_us", "kernel_us", "per_second", "p50_us", "p99_us", "max_us", "peak_kb")


def sample(server, load):
    """One load and what it cost the server."""
    server.forget_peak()
    before = server.cpu_ns()
    result = load()
    spent_us = (server.cpu_ns() - before) / 1000
    share = server.kernel_share()
    cpu_us = spent_us / result["operations"]
    return {**result, "cpu_us": cpu_us, "kernel_us": cpu_us * share,
            "user_us": cpu_us * (1 - share), "per_second": result["operations"] / result["seconds"],
            "peak_kb": server.memory_kb("VmHWM")}


def interleave(contestants, count, measure):
    """A list with a dictionary {label: sample} for each round."""
    rounds = []
    for number in range(count):
        turn = number % len(contestants)
        order = contestants[turn:] + contestants[:turn]
        taken = {one.label: measure(one) for one in order}
        rounds.append({one.label: taken[one.label] for one in contestants})
    return rounds


def ratio(rounds, one, other, metric="cpu_us"):
    """{median, low, high, noise} of one/other over the rounds."""
    values = sorted(taken[one][metric] / taken[other][metric] for taken in rounds)
    median = statistics.median(values)
    return {"median": median, "low": values[0], "high": values[-1],
            "noise": abs(median - 1) < NOISE}


def summarise(rounds, labels, base):
    rows = {}
    for label in labels:
        row = {}
        for metric in MEDIANS:
            values = [taken[label][metric] for taken in rounds]
            row[metric] = None if None in values else statistics.median(values)
        if label != base:
            row["base_of_this"] = ratio(rounds, base, label)
        rows[label] = row
    return rows
