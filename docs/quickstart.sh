#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# From a fresh clone to a running server: installs what is missing, builds, starts Weir on its
# built-in default. What is given on the command line goes to Weir.
set -eu

cd "$(dirname -- "$0")/.."
. docs/install/packages.sh

# shellcheck disable=SC2086
weir_install $weir_packages_build

[ -e build/release/build.ninja ] || cmake --preset release
cmake --build --preset release --target weir

exec build/release/weir "$@"
