#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Instructions of each handshake, request and look-up against the baseline: perf/micro/run.sh
# [--record]. See gate.py.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
build=${WEIR_BUILD_DIR:-$root/build/release}
[ -e "$build/build.ninja" ] || cmake -S "$root" --preset release -B "$build" >/dev/null
cmake --build "$build" --target weir-perf-micro >/dev/null
exec /usr/bin/python3 -B "$root/perf/micro/gate.py" --program "$build/perf/weir-perf-micro" \
    --facts "$build/perf/micro-facts.json" "$@"
