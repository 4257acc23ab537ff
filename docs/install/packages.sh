# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# The packages Weir needs on Debian 12 and 13 and Ubuntu 24.04, and how to get those that are
# missing. Read by docs/quickstart.sh and tests/run.sh; it changes nothing by being read.

weir_packages_build="gcc libc6-dev make cmake ninja-build pkg-config autoconf automake libtool
ca-certificates liburing-dev liburcu-dev libxxhash-dev libjemalloc-dev libfyaml-dev libpcre2-dev
libssl-dev libcurl4-openssl-dev libnghttp2-dev libjansson-dev"

# Intel's IPsec-MB is made for this one architecture.
if [ "$(dpkg --print-architecture 2>/dev/null)" = amd64 ]; then
    weir_packages_build="$weir_packages_build libipsec-mb-dev"
fi

weir_packages_test="git libcmocka-dev python3 python3-pytest python3-cryptography python3-yaml
python3-websockets python3-h2 python3-grpcio python3-dnspython
curl openssl gnutls-bin testssl.sh sslscan chromium
nginx haproxy apache2-bin wrk slowhttptest nghttp2-client nghttp2-server pebble uacme
strace valgrind procps iproute2 util-linux kmod"

# The peers that perf/run.sh measures Weir against, and what draws its chart.
weir_packages_perf="nginx haproxy hitch caddy python3-matplotlib"

# User-Mode Linux, whose kernel has TLS where the machine's own may have none. Not everywhere.
weir_packages_uml="user-mode-linux"

weir_as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        printf 'This needs root, and there is no sudo: %s\n' "$*" >&2
        return 1
    fi
}

# Prints those of the named packages that are not installed.
weir_missing() {
    for package; do
        state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || state=
        [ "$state" = installed ] || printf '%s\n' "$package"
    done
}

# Installs those of the named packages that are missing. The servers among them are for the tests,
# which start their own: none is started as a service.
weir_install() {
    missing=$(weir_missing "$@")
    [ -n "$missing" ] || return 0
    command -v apt-get >/dev/null || {
        printf 'There is no apt here. Please install what these hold:\n%s\n' "$missing" >&2
        return 1
    }
    printf 'Installing: %s\n' "$(printf %s "$missing" | tr '\n' ' ')"
    # shellcheck disable=SC2016,SC2086
    weir_as_root env DEBIAN_FRONTEND=noninteractive sh -euc '
        policy=/usr/sbin/policy-rc.d
        if [ ! -e $policy ]; then
            trap "rm -f $policy" EXIT
            printf "#!/bin/sh\nexit 101\n" >$policy
            chmod 755 $policy
        fi
        apt-get update -qq
        apt-get install -y -qq --no-install-recommends "$@" >/dev/null
    ' sh $missing
}
