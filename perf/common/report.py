# SPDX-License-Identifier: GPL-3.0-or-later
"""A benchmark's result: a table on the terminal, JSON and a dated page in perf/results/."""

import datetime
import json
import os
import platform
import re
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RESULTS = os.path.join(ROOT, "perf", "results")


def _output(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout + done.stderr


def _first_line(text):
    return text.splitlines()[0].strip() if text.strip() else "unknown"


def machine(binary):
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = re.search(r"model name\s*:\s*(.*)", file.read())
    return {
        "cpu": model[1] if model else platform.machine(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "load_average": os.getloadavg()[0],
        "commit": _first_line(_output("git", "-C", ROOT, "rev-parse", "--short", "HEAD")),
        "weir": " ".join(_output(binary, "version").split()),
        "nginx": _first_line(_output("/usr/sbin/nginx", "-v")),
        "wrk": _first_line(_output("wrk", "--version")),
    }


def keep(name, command, binary, table, result):
    """Prints the table and keeps everything as perf/results/NAME-DATE.{json,md}."""
    print(table)
    date = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    facts = machine(binary)
    os.makedirs(RESULTS, exist_ok=True)
    path = os.path.join(RESULTS, f"{name}-{date}")
    with open(f"{path}.json", "w", encoding="utf-8") as file:
        json.dump({"benchmark": name, "date": date, "machine": facts, **result}, file, indent=1)
        file.write("\n")
    with open(f"{path}.md", "w", encoding="utf-8") as file:
        file.write(f"# {name.capitalize()}, {date}\n\n`{command}`\n\n")
        file.writelines(f"- {key.replace('_', ' ')}: {value}\n" for key, value in facts.items())
        file.write("\n" + "".join(f"    {line}\n" for line in table.splitlines()))
    print(f"kept in perf/results/{name}-{date}.md and .json")
