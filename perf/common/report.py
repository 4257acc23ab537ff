# SPDX-License-Identifier: GPL-3.0-or-later
"""A result: a table on the terminal; JSON, a dated page and a chart in perf/results/."""

import datetime
import json
import os
import shlex

from common import chart, machine

RESULTS = os.path.join(machine.ROOT, "perf", "results")
ROUNDS = 5  # fewer do not make a result

# Key of a row, heading, and how it is written.
COLUMNS = (
    ("per_second", "per second", "{:,.0f}"), ("cpu_us", "CPU us", "{:.2f}"),
    ("user_us", "user", "{:.2f}"), ("kernel_us", "kernel", "{:.2f}"),
    ("p50_us", "p50 us", "{:,.0f}"), ("p99_us", "p99 us", "{:,.0f}"),
    ("max_us", "max us", "{:,.0f}"), ("peak_kb", "peak KB", "{:,.0f}"),
    ("kb_each", "KB each", "{:.2f}"), ("load_us", "load us", "{:.2f}"),
    ("heap_bytes", "heap B", "{:,.0f}"), ("lookup_ns", "unknown ns", "{:.0f}"),
    ("cpu_us_per_mb", "CPU us/MB", "{:,.0f}"),
    ("visible_ms", "visible ms", "{:.1f}"), ("reload_ms", "reload ms", "{:.0f}"),
    ("growth_kb", "growth KB", "{:,.0f}"),
)


def _ratio(row):
    found = row.get("base_of_this")
    if found is None:
        return ""
    text = f"{found['median']:.2f} ({found['low']:.2f}..{found['high']:.2f})"
    return text + (" noise" if found["noise"] else "")


def _cells(outcome):
    rows = outcome["rows"]
    used = [column for column in COLUMNS if any(row.get(column[0]) is not None
                                                for row in rows.values())]
    ratios = any("base_of_this" in row for row in rows.values())
    base = next(iter(rows))
    lines = [["", *(heading for _, heading, _ in used)] + ([f"{base} of it"] if ratios else [])]
    for label, row in rows.items():
        cells = ["-" if row.get(key) is None else form.format(row[key]) for key, _, form in used]
        lines.append([label, *cells] + ([_ratio(row)] if ratios else []))
    return lines


def verdict_line(one):
    if one["holds"] is None:
        return f"target: {one['target']} <= {one['limit']}{one['unit']}: not measured"
    said = "holds" if one["holds"] else "MISSED"
    noise = ", a difference within noise" if one.get("noise") else ""
    return (f"target: {one['target']} <= {one['limit']} {one['unit']}".rstrip() +
            f": {one['value']:.3g}{noise}: {said}")


def table(outcome):
    lines = _cells(outcome)
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    text = ["  ".join(cell.ljust(widths[i]) if i == 0 else cell.rjust(widths[i])
                      for i, cell in enumerate(line)).rstrip() for line in lines]
    text += outcome.get("notes", [])
    return "\n".join(text + [verdict_line(one) for one in outcome["verdicts"]])


def _page(name, date, command, facts, outcomes, picture):
    yield f"# {name}, {date}\n\n`{command}`\n\n"
    yield from (f"- {key.replace('_', ' ')}: {value}\n" for key, value in facts.items())
    if picture:
        yield f"\n![CPU time of each operation]({picture})\n"
    for workload, outcome in outcomes.items():
        yield f"\n## {workload}: {outcome['title']}\n\n"
        text = (f"skipped: {outcome['skipped']}" if "skipped" in outcome else
                f"FAILED: {outcome['failed']}" if "failed" in outcome else table(outcome))
        yield "".join(f"    {line}\n" for line in text.splitlines())


def keep(name, bench, arguments, outcomes):
    """perf/results/NAME-DATE.{json,md,png}; a second one of the day replaces the first. What was
    only a trial stays in the build directory."""
    words = [word for word in arguments if word not in ("--build", bench.build)]
    command = " ".join(["perf/run.sh", *map(shlex.quote, words)])
    date = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    facts = machine.facts(bench.weir)
    trial = bench.short or bench.rounds < ROUNDS
    folder = os.path.join(bench.build, "perf", "trials") if trial else RESULTS
    os.makedirs(folder, exist_ok=True)
    stem = os.path.join(folder, f"{name}-{date}")
    with open(f"{stem}.json", "w", encoding="utf-8") as file:
        json.dump({"name": name, "date": date, "command": command, "machine": facts,
                   "rounds": bench.rounds, "seconds": bench.seconds, "workloads": outcomes},
                  file, indent=1)
        file.write("\n")
    picture = chart.draw(outcomes, f"{stem}.png")
    with open(f"{stem}.md", "w", encoding="utf-8") as file:
        file.writelines(_page(name, date, command, facts, outcomes,
                              picture and os.path.basename(picture)))
    print(f"\nkept as {os.path.relpath(stem, machine.ROOT)}: .json .md" +
          (" .png" if picture else ""))
