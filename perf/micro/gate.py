# SPDX-License-Identifier: GPL-3.0-or-later
"""Instructions of each micro workload, against baseline.json: a rise over 3 % fails (exit 1).

They depend on the compiler and on libraries. Where these are not the baseline's, nothing is
compared and the exit is 77, which ctest counts as skipped. --record writes a new baseline.
"""

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile

BASELINE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "baseline.json")
LIMIT = 0.03
OPERATIONS = {"handshake": 20}
OPERATIONS_DEFAULT = 100
SKIPPED = 77


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", required=True, help="weir-perf-micro")
    parser.add_argument("--facts", required=True, help="what the build knows of its compiler")
    parser.add_argument("--valgrind", default="valgrind")
    parser.add_argument("--record", action="store_true", help="write a new baseline")
    return parser.parse_args()


def environment(arguments):
    """What instructions depend on: as the build knows it, the C library, and valgrind, which
    decides what the program believes to be the CPU."""
    with open(arguments.facts, encoding="utf-8") as file:
        facts = json.load(file)
    facts["libc"] = " ".join(platform.libc_ver())
    facts["valgrind"] = subprocess.run([arguments.valgrind, "--version"], check=True,
                                       capture_output=True, text=True).stdout.strip()
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        flags = set(re.search(r"^(?:flags|Features)\s*:(.*)", file.read(), re.M)[1].split())
    facts["cpu"] = " ".join(sorted(flags & {"aes", "avx", "avx2", "bmi2", "pclmulqdq", "rdrand"}))
    return facts


def count(arguments, name, folder):
    """Instructions of one operation."""
    operations = OPERATIONS.get(name, OPERATIONS_DEFAULT)
    done = subprocess.run(
        [arguments.valgrind, "--tool=callgrind", f"--callgrind-out-file={folder}/{name}",
         "--collect-atstart=no", "--toggle-collect=micro_measured", arguments.program, name,
         str(operations)], check=False, capture_output=True, text=True)
    collected = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode != 0 or collected is None or collected[1] == "0":
        sys.exit(f"{name} did not run:\n{done.stderr}")
    return int(collected[1]) / operations


def measure(arguments):
    names = subprocess.run([arguments.program], check=True, capture_output=True,
                           text=True).stdout.split()
    with tempfile.TemporaryDirectory(prefix="weir-micro-") as folder:
        return {name: count(arguments, name, folder) for name in names}


def record(facts, counted):
    with open(BASELINE, "w", encoding="utf-8") as file:
        json.dump({"environment": facts,
                   "instructions": {name: round(value) for name, value in counted.items()}},
                  file, indent=1)
        file.write("\n")


def compare(old, counted):
    """Prints a line for each workload; the names of those that rose too much."""
    risen = []
    for name, value in counted.items():
        if name not in old:
            print(f"{name:16}{value:14,.0f}  not in the baseline: record it")
            risen.append(name)
            continue
        change = value / old[name] - 1
        print(f"{name:16}{value:14,.0f}  {change:+8.2%} of {old[name]:,}")
        if change > LIMIT:
            risen.append(name)
    return risen


def main():
    arguments = parse()
    facts, counted = environment(arguments), measure(arguments)
    if arguments.record:
        record(facts, counted)
        compare(counted, counted)
        return 0
    with open(BASELINE, encoding="utf-8") as file:
        baseline = json.load(file)
    differing = [key for key in facts if baseline["environment"].get(key) != facts[key]]
    risen = compare(baseline["instructions"], counted)
    if differing:
        for key in differing:
            print(f"not comparable: {key} is {facts[key]}, in the baseline "
                  f"{baseline['environment'].get(key)}")
        return SKIPPED
    if risen:
        print(f"more than {LIMIT:.0%} over the baseline: {', '.join(risen)}. If it is meant to be, "
              f"record a new one: perf/micro/run.sh --record")
        return 1
    fallen = [name for name, value in counted.items()
              if value < baseline["instructions"][name] * (1 - LIMIT)]
    if fallen:
        print(f"cheaper by more than {LIMIT:.0%}: {', '.join(fallen)}. Record it, so that it "
              f"stays: perf/micro/run.sh --record")
    return 0


if __name__ == "__main__":
    sys.exit(main())
