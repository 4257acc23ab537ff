#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Makes the certificates that the TLS tests use, valid for 100 years: make.sh [FOLDER]
# The result is committed; run it again only to change what is in the certificates. The keys are
# for tests alone.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
out=${1:-$here}
. "$here/authority.sh"
names="DNS:server.test,DNS:*.wild.test,DNS:backend,IP:127.0.0.1,IP:::1"

leaf='basicConstraints=CA:FALSE\nkeyUsage=digitalSignature\nextendedKeyUsage=serverAuth\n'
for kind in p256 p384 p521 rsa2048 rsa4096 ed25519; do
    key $kind $kind
    issue $kind intermediate "/CN=server.test" "${leaf}subjectAltName=$names\n" -days $days
    cat $kind.crt intermediate.crt >$kind.chain
done

key cn_only p256
issue cn_only intermediate "/CN=server.test" "$leaf" -days $days
cat cn_only.crt intermediate.crt >cn_only.chain

# -days with a negative number makes a certificate that ended yesterday.
key expired p256
issue expired intermediate "/CN=server.test" "${leaf}subjectAltName=$names\n" -days -1
cat expired.crt intermediate.crt >expired.chain

key self_signed p256
openssl req -x509 -new -key self_signed.key -subj "/CN=server.test" -days $days -sha256 \
    -addext basicConstraints=CA:FALSE -addext "subjectAltName=$names" -out self_signed.chain

key rsa8192 rsa8192
openssl req -x509 -new -key rsa8192.key -subj "/CN=server.test" -days $days -sha256 \
    -addext basicConstraints=critical,CA:TRUE -addext "subjectAltName=$names" -out rsa8192.chain

keep p256 p384 p521 rsa2048 rsa4096 rsa8192 ed25519 cn_only expired self_signed
