#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Gets wolfSSL's source, 5.9 or a later 5.x, as the distribution's source package: fetch.sh FOLDER
# It leaves wolfssl_VERSION.orig.tar.* in FOLDER. The mirror is the one this system already uses;
# apt checks the archive's signature and the checksums. All of apt's own state stays in FOLDER/apt,
# so the system's package lists are neither read nor changed, and root is not needed.
set -eu

folder=$1
keyrings=/usr/share/keyrings

fail() {
    printf 'wolfSSL: %s\n' "$*" >&2
    printf '%s\n' "Give the source with -DWEIR_WOLFSSL_TARBALL=wolfssl-5.9.x.tar.gz," \
        "or an installed wolfSSL with -DWEIR_WOLFSSL_ROOT=PREFIX." >&2
    exit 1
}

command -v apt-get >/dev/null || fail "this system has no apt to get the source with"
. /etc/os-release

case " $ID ${ID_LIKE:-} " in
*" ubuntu "*) origin=Ubuntu component=universe suites="${VERSION_CODENAME:-} devel resolute"
    keyring=$keyrings/ubuntu-archive-keyring.gpg ;;
*" debian "*) origin=Debian component=main suites="sid testing"
    keyring=$keyrings/debian-archive-keyring.gpg ;;
*) fail "neither Debian nor Ubuntu" ;;
esac

# The first mirror of the distribution itself among this system's package sources.
mirror=$(apt-get indextargets --format '$(REPO_URI)|$(ORIGIN)|$(LABEL)' 'Created-By: Packages' |
    awk -F'|' -v origin=$origin -v path="/$(printf %s $origin | tr A-Z a-z)/?$" '
        $2 == origin && $3 == origin { print $1; found = 1; exit }
        $1 ~ path && !guess { guess = $1 }
        END { if (!found && guess) print guess }')
[ -n "$mirror" ] || fail "no mirror of $origin among this system's package sources"
[ -e "$keyring" ] || fail "the archive's keyring $keyring is missing"

apt=$folder/apt
private() {
    tool=$1
    shift
    "$tool" -o Dir::State="$apt/state" -o Dir::State::status="$apt/status" \
        -o Dir::Cache="$apt/cache" -o Dir::Etc::sourceparts=/dev/null \
        -o Dir::Etc::sourcelist="$apt/weir.sources" \
        -o APT::Sandbox::User=root -o Acquire::Languages=none -o Acquire::Retries=3 "$@"
}

for suite in $suites; do
    rm -rf "$apt"
    mkdir -p "$apt/state/lists/partial" "$apt/cache/archives/partial"
    : >"$apt/status"
    printf 'Types: deb-src\nURIs: %s\nSuites: %s\nComponents: %s\nSigned-By: %s\n' \
        "$mirror" "$suite" "$component" "$keyring" >"$apt/weir.sources"
    private apt-get update -q || continue
    version=$(private apt-cache showsrc --only-source wolfssl 2>/dev/null |
        sed -n 's/^Version: \(5\.\(9\|[1-9][0-9]\+\)\.[0-9].*\)$/\1/p' | sort -V | tail -n 1)
    [ -n "$version" ] || continue
    (cd "$folder" &&
        private apt-get source -q --download-only --tar-only "wolfssl=$version") || continue
    rm -rf "$apt"
    exit 0
done
rm -rf "$apt"
fail "none of $origin's suites $suites gave wolfSSL 5.9 or later"
