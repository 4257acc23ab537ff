#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Builds wolfSSL as Weir wants it: build.sh TARBALL PREFIX WORK JOBS
# CC names the compiler. What each switch is for: docs/decisions/0002-wolfssl-options.md
set -eu

tarball=$1 prefix=$2 work=$3 jobs=$4
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

case $(uname -m) in
x86_64) assembly="--enable-intelasm --enable-aesni" ;;
aarch64) assembly="--enable-armasm" ;;
*) assembly="" ;;
esac

rm -rf "$work"
mkdir -p "$work/source" "$prefix/include"
tar -xf "$tarball" -C "$work/source" --strip-components=1
cp "$here/random_hook.h" "$prefix/include/weir_random_hook.h"

"$here/mend.sh" "$work/source"
cd "$work/source"
[ -x configure ] || ./autogen.sh

# shellcheck disable=SC2086
./configure --prefix="$prefix" --libdir="$prefix/lib" \
    --disable-shared --enable-static --with-pic \
    --disable-examples --disable-crypttests --disable-benchmark \
    $assembly --enable-sp=yes,384,521,4096 --enable-sp-asm --enable-aesgcm=small \
    --enable-tls13 --enable-alpn --enable-sni --enable-session-ticket \
    --enable-ocsp --enable-ocspstapling --enable-ocspstapling2 --enable-crl \
    --enable-curve25519 --enable-ed25519 --enable-mlkem --disable-dh \
    --enable-certgen --enable-certreq --enable-certext --enable-keygen \
    --enable-altcertchains --enable-atomicuser --enable-pkcallbacks \
    --enable-context-extra-user-data --enable-cert-setup-cb --disable-hashdrbg \
    CC="${CC:-cc}" \
    CFLAGS="-O2 -g -fPIC -fno-omit-frame-pointer -fstack-protector-strong" \
    CPPFLAGS="-DWOLFSSL_ALWAYS_KEEP_SNI -DWOLFSSL_ALWAYS_VERIFY_CB -DWOLFSSL_ALT_NAMES \
-DWOLFSSL_IP_ALT_NAME -DWOLFSSL_ACME_OID -DWOLFSSL_EXTRA_ALERTS -DWOLFSSL_NO_DEF_TICKET_ENC_CB \
-DWOLFSSL_TLS13_MIDDLEBOX_COMPAT -DWOLFSSL_NO_GETPID -DSP_INT_BITS=8192 -DALT_ECC_SIZE \
-include $prefix/include/weir_random_hook.h"

make -j "$jobs"
make install
