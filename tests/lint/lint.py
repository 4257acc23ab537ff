#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks the tree against the house rules that a compiler does not see.

    lint.py [ROOT]      prints FILE:LINE: what is wrong, one a line; exits 1 if there was any

The law of includes, who may name wolfSSL, liburcu and liburing, the length of files and
functions, licence lines, include guards, the entries of the top level, and paths that only
exist on somebody's machine.
"""

import os
import re
import subprocess
import sys

LICENCE = "SPDX-License-Identifier: GPL-3.0-or-later"
TOP_LEVEL = {"core", "io", "tls", "config", "tests", "perf", "docs",
             "CMakeLists.txt", "CMakePresets.json", "README.md", "LICENSE"}
FILE_LINES, FUNCTION_LINES, COLUMNS = 800, 70, 100

# The law: what each room may include beside itself. "config/model" is the model's headers only.
BELOW_PROXY = {"core/base", "core/http", "io", "tls"}
LAW = {
    "core/base": set(),
    "io": {"core/base"},
    "tls": {"core/base"},
    "config": {"core/base"},
    "core/http": {"core/base"},
    "core/route": {"core/base", "core/http", "config/model"},
    "core/proxy": BELOW_PROXY | {"core/route", "config/model"},
    "core/control": BELOW_PROXY | {"core/route", "core/proxy", "config"},
    "core/admin": BELOW_PROXY | {"core/route", "core/proxy", "core/control", "config"},
}
LAW["core/app"] = LAW["core/admin"] | {"core/admin"}

# Library headers and names that belong to one place of the sources.
OWNED = [
    ("wolfSSL", re.compile(r"<wolfssl/|\b(?:wolfSSL_|WOLFSSL_?|wc_[A-Z])\w*"),
     re.compile(r"tls/")),
    ("liburcu", re.compile(r"<urcu|\b(?:urcu_|rcu_read_lock|synchronize_rcu|call_rcu)\w*"),
     re.compile(r"core/base/rcu\.[ch]$")),
    ("liburing", re.compile(r"<liburing|\bio_uring_\w+"), re.compile(r"io/")),
]
# Split so that this file does not find itself.
MACHINE_PATH = re.compile(r"(?<![\w.$}\])])/(?:" + "|".join(
    ["wor" + "k", "roo" + "t", "far" + "m", "hom" + r"e/[a-z]\w*"]) + r")/")
LEFT_OPEN = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")
INCLUDE = re.compile(r'\s*#\s*include\s+([<"])([^">]+)[">]')


def list_files(root):
    """The files of the tree: what git knows or would add, else what is on disk."""
    listing = subprocess.run(
        ["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    top = subprocess.run(["git", "-C", root, "rev-parse", "--show-prefix"],
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    if listing.returncode == 0 and top.stdout.strip() == b"":
        names = set(listing.stdout.decode().split("\0")) - {""}
        return sorted(name for name in names if os.path.isfile(os.path.join(root, name)))
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".") and name != "build"]
        found += [os.path.relpath(os.path.join(folder, name), root) for name in names]
    return sorted(found)


def room_of(path):
    """The room that a path belongs to, or None."""
    parts = path.split("/")
    if parts[0] == "core":
        return "/".join(parts[:2]) if len(parts) > 2 else None
    return parts[0] if parts[0] in LAW and len(parts) > 1 else None


def strip_comments(text):
    """Blanks comments and the inside of strings, keeping line numbers; includes stay readable."""
    def blank(match):
        word = match.group(0)
        if word.startswith("/"):
            return re.sub(r"[^\n]", " ", word)
        return '""' + " " * (len(word) - 2) if "\n" not in word else word
    code = r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"'
    lines = text.split("\n")
    kept = {number: line for number, line in enumerate(lines) if INCLUDE.match(line)}
    stripped = re.sub(code, blank, text, flags=re.S).split("\n")
    return [kept.get(number, line) for number, line in enumerate(stripped)]


def check_include(root, room, included, quoted):
    """What is wrong with one include line of a room, or None."""
    if not quoted:
        return None
    target = room_of(included)
    if included.split("/")[0] in ("tests", "perf"):
        return f"{included}: nothing includes tests or perf"
    if target is None:
        return f"{included}: write the include from the repository's root"
    if not os.path.isfile(os.path.join(root, included)):
        return f"{included}: no such file"
    if target == room or target in LAW[room]:
        return None
    if "config/model" in LAW[room] and re.match(r"config/model(_\w+)?\.h$", included):
        return None
    return f"{included}: {room} may not include {target}"


def check_functions(lines):
    """(line, message) for each function that is too long; tables do not begin with a bare brace."""
    start = None
    for number, line in enumerate(lines, 1):
        if line.startswith("{"):
            start = number
        elif line.startswith("}") and start is not None:
            length = number - start - 1
            if length > FUNCTION_LINES:
                yield start, f"function of {length} lines; at most {FUNCTION_LINES}"
            start = None


def check_c_source(root, path, lines):
    """Rules for .c and .h files of the rooms."""
    room = room_of(path)
    code = strip_comments("\n".join(lines))
    for number, line in enumerate(code, 1):
        include = INCLUDE.match(line)
        if include and room in LAW:
            wrong = check_include(root, room, include.group(2), include.group(1) == '"')
            if wrong:
                yield number, wrong
        for name, pattern, place in OWNED:
            if room and pattern.search(line) and not place.match(path):
                yield number, f"names {name}, which only {place.pattern} may"
        if room and re.search(r"\bvolatile\b(?!\s*\()", line) and "asm" not in line:
            yield number, "volatile is not for sharing: use C11 atomics"
        if "#pragma once" in line:
            yield number, "use an include guard"
    if path.endswith(".h"):
        guard = "WEIR_" + re.sub(r"\W", "_", path.upper())
        if f"#ifndef {guard}" not in lines or f"#define {guard}" not in lines:
            yield 1, f"include guard {guard} is missing"
    yield from check_functions(code)


def check_file(root, path):
    """All rules for one file."""
    with open(os.path.join(root, path), encoding="utf-8", errors="replace") as file:
        lines = file.read().split("\n")
    if lines and lines[-1] == "":
        lines.pop()
    source = path.endswith((".c", ".h"))
    script = path.endswith((".py", ".sh", ".cmake", "CMakeLists.txt"))
    licence_lines = lines[:1] if source else lines[:3]
    if (source or script) and not any(LICENCE in line for line in licence_lines):
        yield 1, f"the licence line is missing: {LICENCE}"
    if source or script:
        if len(lines) > FILE_LINES:
            yield 1, f"file of {len(lines)} lines; at most {FILE_LINES}"
        for number, line in enumerate(lines, 1):
            if len(line) > COLUMNS:
                yield number, f"line of {len(line)} columns; at most {COLUMNS}"
            if line != line.rstrip():
                yield number, "white space at the end of the line"
            if LEFT_OPEN.search(line):
                yield number, "left open: finish it, or say it in an issue"
    if source:
        yield from check_c_source(root, path, lines)
    if not path.startswith("tests/fuzz/corpus/"):
        for number, line in enumerate(lines, 1):
            if MACHINE_PATH.search(line):
                yield number, "a path that exists on one machine only"


def check_tree(root):
    """All findings of a tree as (path, line, message)."""
    files = list_files(root)
    for top in sorted({path.split("/")[0] for path in files}):
        if top not in TOP_LEVEL and not top.startswith("."):
            yield top, 1, "not in the plan of the house: no such entry at the top level"
    for path in files:
        if path == "LICENSE":
            continue
        for line, message in check_file(root, path):
            yield path, line, message


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.dirname(here))
    found = 0
    for path, line, message in check_tree(root):
        print(f"{path}:{line}: {message}")
        found += 1
    print(f"{found} findings" if found else "clean")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
