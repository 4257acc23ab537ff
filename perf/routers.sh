#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What a request costs with 1 to 10,000 routers: perf/routers.sh [--rounds N] [COUNT…] builds a
# release, measures, and keeps the result in perf/results/. See perf/README.md.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
build=${WEIR_BUILD_DIR:-$root/build/release}
[ -e "$build/build.ninja" ] || cmake -S "$root" --preset release -B "$build" >/dev/null
cmake --build "$build" --target weir >/dev/null
exec python3 "$root/perf/routers/routers.py" --build "$build" "$@"
