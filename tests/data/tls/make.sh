#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Makes the certificates that the TLS tests use, valid for 100 years: make.sh [FOLDER]
# The result is committed; run it again only to change what is in the certificates. The keys are
# for tests alone.
set -eu

out=${1:-$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
names="DNS:server.test,DNS:*.wild.test,DNS:backend,IP:127.0.0.1,IP:::1"
days=36500

key() { # NAME KIND
    case $2 in
    p256) openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 ;;
    p384) openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 ;;
    p521) openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-521 ;;
    rsa2048) openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 ;;
    rsa4096) openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:4096 ;;
    ed25519) openssl genpkey -algorithm ED25519 ;;
    esac >"$1.key" 2>/dev/null
}

# Signs NAME's request with CA: issue NAME CA SUBJECT EXTENSIONS [openssl x509 options]
issue() {
    name=$1 ca=$2 subject=$3
    printf '%b' "$4" >ext
    shift 4
    openssl req -new -key "$name.key" -subj "$subject" -out csr
    openssl x509 -req -in csr -CA "$ca.crt" -CAkey "$ca.key" -CAcreateserial -extfile ext -sha256 \
        "$@" -out "$name.crt" 2>/dev/null
}

root() { # NAME
    key "$1" p256
    openssl req -x509 -new -key "$1.key" -subj "/CN=Weir test $1" -days $days -sha256 \
        -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign \
        -out "$1.crt"
}

root ca
root other_ca
key intermediate p256
issue intermediate ca "/CN=Weir test intermediate" \
    'basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign\n' \
    -days $days

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

for name in p256 p384 p521 rsa2048 rsa4096 ed25519 cn_only expired self_signed; do
    mv $name.chain "$out/$name.pem"
    mv $name.key "$out/$name.key"
done
mv ca.crt "$out/ca.pem"
mv other_ca.crt "$out/other_ca.pem"
