#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Weir and its peers side by side: perf/run.sh [WORKLOAD…] [--peer NAME…] [--rounds N] [--seconds S]
# Installs the peers, builds a release, measures, and keeps the result in perf/results/.
# perf/run.sh --list names the workloads. See perf/README.md.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
. "$root/docs/install/packages.sh"
# shellcheck disable=SC2086
weir_install $weir_packages_build $weir_packages_test $weir_packages_perf

build=${WEIR_BUILD_DIR:-$root/build/release}
[ -e "$build/build.ninja" ] || cmake -S "$root" --preset release -B "$build" >/dev/null
cmake --build "$build" --target weir weir-perf-client weir-bench-certs weir-bench-files >/dev/null
exec /usr/bin/python3 -B "$root/perf/run.py" --build "$build" "$@"
