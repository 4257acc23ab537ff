#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# One certificate of many is replaced under load: perf/replace.sh [--certs N] [--rounds N] builds a
# release, measures, and keeps the result in perf/results/. See perf/README.md.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
build=${WEIR_BUILD_DIR:-$root/build/release}
[ -e "$build/build.ninja" ] || cmake -S "$root" --preset release -B "$build" >/dev/null
cmake --build "$build" --target weir weir-bench-files >/dev/null
exec python3 "$root/perf/replace/replace.py" --build "$build" "$@"
