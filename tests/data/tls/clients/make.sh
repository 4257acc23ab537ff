#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Makes the clients' certificates and revocation lists of the TLS tests, valid for 100 years:
# make.sh [FOLDER]
# The result is committed; run it again only to change what is in them. The keys are for tests
# alone.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
out=${1:-$here}
. "$here/../authority.sh"

# Below the intermediate, which allows no further authority.
key too_deep p256
issue too_deep intermediate "/CN=Weir test too deep" \
    'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n' -days $days

client='basicConstraints=CA:FALSE\nkeyUsage=digitalSignature\nextendedKeyUsage=clientAuth\n'
alternative="DNS:client.test,email:a@client.test,IP:10.0.0.1,IP:2001:db8::1,URI:spiffe://test/a"
subject="/DC=org/DC=cheese/C=FR/C=US/ST=Cheese org state/L=TOULOUSE/O=Cheese/OU=Simple, really"
subject="$subject/OU=\"b\"/serialNumber=1234/UID=me/CN=*.cheese.org"
server='basicConstraints=CA:FALSE\nkeyUsage=digitalSignature\nextendedKeyUsage=serverAuth\n'
key client p256
issue client ca "$subject" "${client}subjectAltName=$alternative\n" -days $days -set_serial 4660
cp client.crt client.chain
key client_rsa rsa2048
issue client_rsa intermediate "/CN=client through an intermediate" "$client" -days $days \
    -set_serial 128
cat client_rsa.crt intermediate.crt >client_rsa.chain
key client_expired p256
issue client_expired ca "/CN=expired client" "$client" -days -1
cp client_expired.crt client_expired.chain
key client_server p256
issue client_server ca "/CN=no client" "$server" -days $days
cp client_server.crt client_server.chain
# Signed by a certificate that may not sign.
key client_forged p256
issue client_forged client "/CN=forged" "$client" -days $days
cat client_forged.crt client.crt >client_forged.chain

key client_deep p256
issue client_deep too_deep "/CN=too deep" "$client" -days $days
cat client_deep.crt too_deep.crt intermediate.crt >client_deep.chain

# Whose signatures are dear to verify.
key client_exponent exponent
openssl req -x509 -new -key client_exponent.key -subj "/CN=dear client" -days $days -sha256 \
    -addext basicConstraints=CA:FALSE -out client_exponent.chain

# crl CA NAME DAYS [revoked certificate …]
crl() {
    printf '%s\n' '[ca]' 'default_ca=it' '[it]' 'database=index' 'crlnumber=number' \
        'default_md=sha256' 'crl_extensions=ext' '[ext]' 'authorityKeyIdentifier=keyid' >conf
    signer=$1 name=$2 length=$3
    : >index
    [ -e number ] || echo 01 >number
    shift 3
    for revoked; do
        openssl ca -config conf -cert "$signer.crt" -keyfile "$signer.key" \
            -revoke "$revoked.crt" 2>/dev/null
    done
    openssl ca -config conf -cert "$signer.crt" -keyfile "$signer.key" -gencrl \
        -crldays "$length" -out "$out/$name.crl" 2>/dev/null
}
crl ca ca $days
crl ca ca_revokes $days client client_expired
crl ca ca_revokes_intermediate $days intermediate
crl intermediate intermediate $days
crl other_ca other_ca $days
# Of the right name, signed by another.
key impostor p256
openssl req -x509 -new -key impostor.key -subj "/CN=Weir test ca" -days $days -sha256 \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign \
    -out impostor.crt
crl impostor impostor $days
# One second long: it has run out when anybody reads it.
: >index
openssl ca -config conf -cert ca.crt -keyfile ca.key -gencrl -crlsec 1 -out "$out/ca_stale.crl" \
    2>/dev/null
openssl crl -in "$out/ca_revokes.crl" -outform DER -out "$out/ca_revokes.der"

keep client client_rsa client_expired client_server client_forged client_deep \
    client_exponent
