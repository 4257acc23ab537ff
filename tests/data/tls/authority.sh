# SPDX-License-Identifier: GPL-3.0-or-later
# For the make.sh here and in clients/, which set $out and source it: a temporary folder, functions
# to make keys and certificates in it, and the authorities that both have.

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
days=36500

key() { # NAME KIND
    case $2 in
    p256) openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 ;;
    p384) openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 ;;
    p521) openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-521 ;;
    rsa2048) openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 ;;
    rsa4096) openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:4096 ;;
    rsa8192) openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:8192 ;;
    exponent) openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2056 \
        -pkeyopt rsa_keygen_pubexp:0x1000000000000000000000000000000000000000000000000000000009a7 ;;
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

# Puts NAME's chain and key, and the roots, where they belong: keep NAME ...
keep() {
    for name; do
        mv "$name.chain" "$out/$name.pem"
        mv "$name.key" "$out/$name.key"
    done
    mv ca.crt "$out/ca.pem"
    mv other_ca.crt "$out/other_ca.pem"
}
