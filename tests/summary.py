#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sums the results of several builds: summary.py PRESET…

Reads build/PRESET/ctest.xml as ctest wrote it, and for an end-to-end entry the file that pytest
wrote, so that its tests count one by one. Names what failed, ends with "N passed, N failed" (and
", N skipped" if any), and exits 0 only if something passed and nothing failed.
"""

import os
import sys
import xml.etree.ElementTree as xml

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def outcome(case):
    """What became of one test case in JUnit's format, of ctest or of pytest."""
    if case.find("failure") is not None or case.find("error") is not None:
        return "failed"
    if case.find("skipped") is not None:
        # ctest says this of tests it could not start, too.
        reason = case.find("skipped").get("message", "")
        return "failed" if reason.startswith("Unable") else "skipped"
    return "failed" if case.get("status") in ("fail", "notrun") else "passed"


def reason(case):
    """The line that says why ctest was told to skip it, if there is one."""
    for line in (case.findtext("system-out") or "").splitlines():
        if line.startswith("SKIPPED: "):
            return f" ({line[len('SKIPPED: '):]})"
    return ""


def cases_of(path):
    """(name, outcome) of each case in the file; None if there is no readable file."""
    try:
        root = xml.parse(path).getroot()
    except (OSError, xml.ParseError):
        return None
    return [(case.get("name") + reason(case), outcome(case)) for case in root.iter("testcase")]


def results_of(build):
    """(name, outcome) of each test of one build."""
    entries = cases_of(os.path.join(build, "ctest.xml"))
    if entries is None:
        return [("build", "failed")]
    results = []
    for name, result in entries:
        if name.startswith("e2e/"):
            inner = cases_of(os.path.join(build, "tests", f"{name}.xml")) or []
            results += [(f"{name}::{case}", state) for case, state in inner]
            if inner and (result != "failed" or any(state == "failed" for _, state in inner)):
                continue
        results.append((name, result))
    return results


def main():
    count = {"passed": 0, "failed": 0, "skipped": 0}
    for preset in sys.argv[1:]:
        for name, result in results_of(os.path.join(ROOT, "build", preset)):
            count[result] += 1
            if result != "passed":
                print(f"{result}: {preset} {name}")
    skipped = f", {count['skipped']} skipped" if count["skipped"] else ""
    print(f"{count['passed']} passed, {count['failed']} failed{skipped}")
    return 0 if count["passed"] and not count["failed"] else 1


if __name__ == "__main__":
    sys.exit(main())
