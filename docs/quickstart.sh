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

if [ $# -eq 0 ]; then
    cat <<'END'

Weir starts on its built-in default: HTTPS on 8443, HTTP on 8080. Try, in another terminal:

    curl -k https://localhost:8443/          the demonstration backend shows the request it saw
    curl -i http://localhost:8080/           sent on to HTTPS
    curl -k --resolve any.example:8443:127.0.0.1 https://any.example:8443/

Next: your own Traefik configuration, or docs/install/weir.yml to begin with:

    build/release/weir check --configFile=traefik.yml
    build/release/weir --configFile=traefik.yml

Ctrl-C ends it.

END
fi
exec build/release/weir "$@"
