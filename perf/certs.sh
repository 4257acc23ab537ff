#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What certificates cost: perf/certs.sh [COUNT…] builds the benchmark in release mode, runs it and
# keeps the result, with the machine and the date, in perf/results/.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
build=${WEIR_BUILD_DIR:-$root/build/release}
[ -e "$build/build.ninja" ] || cmake -S "$root" --preset release -B "$build" >/dev/null
cmake --build "$build" --target weir-bench-certs >/dev/null

date=$(date -u +%Y-%m-%d)
result=$root/perf/results/certs-$date
"$build/perf/weir-bench-certs" --json "$result.json" "$@" | tee "$result.table"
{
    echo "# Certificates, $date"
    echo
    echo "\`perf/certs.sh${*:+ $*}\` on $(uname -srm),"
    echo "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) cores,"
    echo "commit $(git -C "$root" rev-parse --short HEAD 2>/dev/null || echo unknown)."
    echo
    sed 's/^/    /' "$result.table"
} >"$result.md"
rm -f "$result.table"
echo "kept in perf/results/certs-$date.md and .json"
