# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a result comes from: machine, kernel, and versions of all that took part."""

import os
import platform
import re
import subprocess

from common import servers

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
VERSIONS = {"nginx": "-v", "haproxy": "-v", "hitch": "--version", "caddy": "version",
            "traefik": "version", "wrk": "--version", "h2load": "--version", "openssl": "version"}


def output(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout + done.stderr


def _first_line(text):
    return text.splitlines()[0].strip() if text.strip() else "unknown"


def facts(weir):
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = re.search(r"model name\s*:\s*(.*)", file.read())
    changed = output("git", "-C", ROOT, "status", "--porcelain", "--untracked-files=no").strip()
    found = {
        "cpu": model[1] if model else platform.machine(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "load_average": round(os.getloadavg()[0], 2),
        "commit": _first_line(output("git", "-C", ROOT, "rev-parse", "--short", "HEAD")) +
                  (" and changes" if changed else ""),
        "weir": " ".join(output(weir, "version").split()),
    }
    for program, option in VERSIONS.items():
        if servers.find(program):
            found[program] = _first_line(output(servers.find(program), option))
    return found
