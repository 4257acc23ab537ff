# SPDX-License-Identifier: GPL-3.0-or-later
"""What certificates cost to load, to keep and to find: perf/certs, without a server."""

import json
import os
import subprocess

from common import processes
from common.workload import verdict

COUNTS, COUNTS_SHORT = (1000, 10000, 100000), (1000, 10000)
LOAD_US, HEAP_BYTES, LOOKUP_NS, LINEAR = 60, 5000, 300, 1.25


class Certs:
    name = "certs"
    title = "certificates: load, memory, look-up of names that nobody has"

    def run(self, bench):
        counts = COUNTS_SHORT if bench.short else COUNTS
        path = os.path.join(bench.make_folder("certs"), "certs.json")
        subprocess.run([os.path.join(bench.build, "perf", "weir-bench-certs"), "--json", path,
                        *map(str, counts)], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, preexec_fn=processes.settle(bench.server_cpus))
        with open(path, encoding="ascii") as file:
            measured = json.load(file)["results"]
        rows = {f"{one['certs']:,} certificates": {
            "load_us": one["load_us"] + one["index_us"], "heap_bytes": one["heap_bytes"],
            "lookup_ns": one["miss_unknown_ns"], "all": one} for one in measured}
        last, first = measured[-1], measured[0]
        load = last["load_us"] + last["index_us"]
        return {"rows": rows, "verdicts": [
            verdict("load of each", load, LOAD_US, "us"),
            verdict("load of each, of that with the fewest",
                    load / (first["load_us"] + first["index_us"]), LINEAR),
            verdict("memory of each", last["heap_bytes"], HEAP_BYTES, "B"),
            verdict("look-up of an unknown name", last["miss_unknown_ns"], LOOKUP_NS, "ns")]}


WORKLOADS = (Certs(),)
