# SPDX-License-Identifier: GPL-3.0-or-later
"""A good client beside each attack of tests/e2e/attacks.py: its latency against the quiet figure,
its errors, and Weir's memory. perf/abuse.sh calls it.

Weir has one worker, which the attacker and the good client share, on the first core; the others
have the rest of the machine: the good client and the backend before everybody else (SCHED_FIFO),
the attacker at the lowest priority, so that what is measured is Weir and not the client's wait
for a core. Of some rounds the least disturbed counts, of the quiet figure as of the other: what
the machine does besides only ever adds."""

import argparse
import contextlib
import json
import multiprocessing
import os
import resource
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))

# pylint: disable=wrong-import-position
import attacks
import backends
import certificates
import server
import wire
from common import machine
from good_client import GoodClient, percentile

NAME = "a.test"
PRIORITY = -10  # of Weir, where that is allowed


@contextlib.contextmanager
def coming_first(cores):
    """What is started within is on these cores, and runs before everybody else."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except PermissionError:
        pass  # main() has said so
    yield
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    os.sched_setaffinity(0, before)


class Scene:
    """nginx, Weir before it, and the authority that the good client trusts."""

    def __init__(self, folder, cores):
        os.chmod(folder, 0o755)
        os.makedirs(os.path.join(folder, "nginx"))
        with coming_first(cores):
            self.backend = backends.Nginx(os.path.join(folder, "nginx"),
                                          {"large": b"x" * (32 << 20), "index.html": b"hello\n"},
                                          template=backends.NGINX.replace("4096", "30000"))
        authority = certificates.Authority()
        rule = {"rule": "PathPrefix(`/`)", "service": "one"}
        self.weir = server.Weir(
            folder, entries={"web": {}, "websecure": {}}, static={"weir": {"workers": 1}},
            dynamic={"http": {"routers": {"plain": {**rule, "entryPoints": ["web"]},
                                          "secure": {**rule, "entryPoints": ["websecure"],
                                                     "tls": {}}},
                              "services": {"one": backends.http_service(self.backend)}},
                     "tls": {"certificates": [authority.issue(NAME).inline]}})
        self.context = wire.trusting(authority)
        self.target = attacks.Target(self.weir.ports["web"], self.weir.ports["websecure"], NAME,
                                     self.context)

    def good_client(self, seconds, cores):
        """Figures of a client that asks for so long, and nothing else."""
        client = GoodClient(self.weir.ports["websecure"], self.context, NAME)
        with coming_first(cores):
            return figures(client.run(time.monotonic() + seconds))

    def stop(self):
        self.weir.kill()
        self.backend.stop()


class Beside:
    """A process of its own for `work`, whose result is waited for."""

    def __init__(self, work):
        self.receiver, sender = multiprocessing.Pipe(duplex=False)
        self.process = multiprocessing.Process(target=lambda: sender.send(work()))
        self.process.start()

    def result(self, sample=lambda: None):
        while not self.receiver.poll(0.1):
            sample()
        outcome = self.receiver.recv()
        self.process.join()
        return outcome


def figures(client):
    return {"requests": len(client.times), "errors": client.errors,
            "p50_ms": percentile(client.times, 50) * 1e3,
            "p99_ms": percentile(client.times, 99) * 1e3,
            "new_p99_ms": percentile(client.new_times, 99) * 1e3}


def attacked(scene, attack, seconds, cores):
    os.setpriority(os.PRIO_PROCESS, 0, 19)
    os.sched_setaffinity(0, cores)
    return attack(scene.target, time.monotonic() + seconds)


def measure(scene, attack, seconds, cores):
    quiet = Beside(lambda: scene.good_client(seconds, cores)).result()
    before = peak = scene.weir.memory_kb()
    attacker = Beside(lambda: attacked(scene, attack, seconds + 2, cores))
    time.sleep(1)  # the attack is in full swing

    def sample():
        nonlocal peak
        peak = max(peak, scene.weir.memory_kb())

    under = Beside(lambda: scene.good_client(seconds, cores)).result(sample)
    did = attacker.result(sample)
    time.sleep(1)
    return {"quiet": quiet, "under": under, "did": did,
            "memory_kb": {"before": before, "peak": peak, "after": scene.weir.memory_kb()}}


def least_disturbed(rounds, when):
    return min((one[when] for one in rounds), key=lambda client: client["p99_ms"])


def summary(attack, rounds):
    quiet, under = (least_disturbed(rounds, when) for when in ("quiet", "under"))
    under["errors"] = [error for one in rounds for error in one["under"]["errors"]]
    worst = max(rounds, key=lambda one: one["memory_kb"]["peak"])
    return {"attack": attack.__name__, "quiet": quiet, "under": under, "did": worst["did"],
            "memory_kb": worst["memory_kb"], "ratio": under["p99_ms"] / max(quiet["p99_ms"], 1e-6),
            "rounds": rounds}


def row(one):
    memory = one["memory_kb"]
    did = ", ".join(f"{value} {name}" for name, value in one["did"].items())
    good = not one["under"]["errors"] and one["ratio"] <= 2
    return (f"| {one['attack'].replace('_', ' ')} | {did} | {one['quiet']['p99_ms']:.2f} "
            f"| {one['under']['p99_ms']:.2f} | {one['ratio']:.2f} "
            f"| {one['quiet']['new_p99_ms']:.1f} | {one['under']['new_p99_ms']:.1f} "
            f"| {len(one['under']['errors'])} | {memory['before'] // 1024} "
            f"| {memory['peak'] // 1024} | {memory['after'] // 1024} | {'yes' if good else 'NO'} |")


HEADER = """| attack | what it did | quiet p99 ms | p99 ms | ratio | new, quiet p99 ms \
| new p99 ms | errors | MB before | MB peak | MB after | holds |
|---|---|---|---|---|---|---|---|---|---|---|---|"""


def one_round(attack, seconds, cores):
    with tempfile.TemporaryDirectory(prefix="weir-abuse-") as folder:
        scene = Scene(folder, cores)
        try:
            return measure(scene, attack, seconds, cores)
        finally:
            scene.stop()


def parse():
    parser = argparse.ArgumentParser(prog="perf/abuse.sh", description=__doc__.split("\n", 1)[0])
    every = {attack.__name__: attack for attack in attacks.HTTP1 + attacks.TLS + attacks.HTTP2}
    parser.add_argument("attacks", nargs="*", metavar="ATTACK",
                        help=f"all unless some are named; of {', '.join(every)}")
    parser.add_argument("--seconds", type=int, default=3, help="of one attack")
    parser.add_argument("--rounds", type=int, default=3, help="of which the least disturbed counts")
    parser.add_argument("--name", help="keeps the result in perf/results under this name")
    arguments = parser.parse_args()
    unknown = set(arguments.attacks) - set(every)
    if unknown:
        parser.error(f"no such attack: {', '.join(sorted(unknown))}")
    arguments.attacks = [every[name] for name in arguments.attacks or every]
    return arguments


def keep(name, outcome):
    path = os.path.join(ROOT, "perf", "results", f"{name}-{time.strftime('%Y-%m-%d')}")
    with open(path + ".json", "w", encoding="utf-8") as file:
        json.dump({"machine": machine.facts(server.BINARY),
                   "command": " ".join(["perf/abuse.sh", *sys.argv[1:]]),
                   "attacks": outcome}, file, indent=1)
    with open(path + ".md", "w", encoding="utf-8") as file:
        file.write("# A good client beside attacks\n\n" + HEADER + "\n" +
                   "\n".join(map(row, outcome)) + "\n")
    print(f"kept in {path}.md")


def main():
    arguments = parse()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 65536)), hard))
    try:
        os.setpriority(os.PRIO_PROCESS, 0, PRIORITY)  # Weir and nginx inherit it
    except PermissionError:
        print("not root: other load of the machine is in the figures")
    cores = set(sorted(os.sched_getaffinity(0))[1:]) or {0}
    outcome = []
    print(HEADER, flush=True)
    for attack in arguments.attacks:
        rounds = [one_round(attack, arguments.seconds, cores) for _ in range(arguments.rounds)]
        outcome.append(summary(attack, rounds))
        print(row(outcome[-1]), flush=True)
    if arguments.name:
        keep(arguments.name, outcome)
    failed = [one for one in outcome if one["under"]["errors"] or one["ratio"] > 2]
    for one in failed:
        print(f"{one['attack']}: {one['under']['errors'][:3]}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
