#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# A good client beside each attack: perf/abuse.sh [ATTACK…] [--rounds N] [--seconds S] [--name NAME]
# Ends with 0 where the client saw no error and kept its p99 within twice the quiet figure.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
. "$root/docs/install/packages.sh"
# shellcheck disable=SC2086
weir_install $weir_packages_build $weir_packages_test $weir_packages_perf

build=${WEIR_BUILD_DIR:-$root/build/release}
[ -e "$build/build.ninja" ] || cmake -S "$root" --preset release -B "$build" >/dev/null
cmake --build "$build" --target weir >/dev/null
WEIR_BINARY=$build/weir exec /usr/bin/python3 -B "$root/perf/abuse.py" "$@"
