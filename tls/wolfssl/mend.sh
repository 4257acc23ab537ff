#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Mends defects of wolfSSL 5.9 in its unpacked source, before it is built: mend.sh SOURCE
# A later version may have done so itself: what is not found is left alone.
set -eu
cd "$1"

edit() { # FILE AWK-PROGRAM
    [ -e "$1" ] || return 0
    awk "$2" "$1" >"$1.mended"
    cmp -s "$1" "$1.mended" && echo "mend: nothing to do in $1" >&2
    mv "$1.mended" "$1"
}

# fe_cmov_table_avx2 sets the low half of YMM9 and copies all of it: with a dirty upper half every
# second X25519 key pair is wrong.
edit wolfcrypt/src/fe_x25519_asm.S '
    /movd\t%rbx, %xmm9/ { sub(/movd/, "vmovq") }
    { print }'

# The table look-ups of RSA and the NIST curves leave the upper halves dirty, and the SHA
# instructions after them, which are legacy SSE, become up to fifty times slower.
edit wolfcrypt/src/sp_x86_64_asm.S '
    /^[A-Za-z_0-9]+:/ && !/^L_/ { dirty = 0 }
    /ymm/ { dirty = 1 }
    /vzeroupper/ { dirty = 0 }
    /repz retq/ && dirty { print "        vzeroupper" }
    { print }'

# A ticket of another server may be longer than ours: a full handshake, not a failure (RFC 5077
# section 3.1). And TLS 1.2 too keeps to the groups that were set.
edit src/tls.c '
    /^static int TLSX_SessionTicket_Parse/ { ticket = 1 }
    ticket && /ret = BAD_TICKET_MSG_SZ;/ {
        print "            ssl->options.rejectTicket = 1;"
        getline
        ticket = 0
        next
    }
    /^int TLSX_ValidateSupportedCurves/ { curves = 1 }
    curves && /#ifdef OPENSSL_EXTRA/ {
        print "    #ifdef WOLFSSL_TLS13"
        print "        if (ssl->numGroups > 0) {"
        print "            int rank = 0;"
        print "            while (rank < ssl->numGroups && ssl->group[rank] != curve->name)"
        print "                rank++;"
        print "            if (rank == ssl->numGroups)"
        print "                continue;"
        print "        }"
        print "    #endif"
        curves = 0
    }
    { print }'
