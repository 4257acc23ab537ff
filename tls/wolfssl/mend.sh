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

# A hello with more suites than 150 is no failure: those that are ours count.
suites='
    /ssl->clSuites->suiteSz > WOLFSSL_MAX_SUITE_SZ/ && index($0, "if (") {
        while (!/XMEMCPY\(ssl->clSuites->suites/)
            getline
        from = /args->idx/ ? "args->idx" : "i"
        print "    {"
        print "        const Suites* own = WOLFSSL_SUITES(ssl);"
        print "        const byte* offered = input + " from ";"
        print "        word16 size = ssl->clSuites->suiteSz, kept = 0, k, o;"
        print "        " from " += size;"
        print "        for (k = 0; k < size && kept < WOLFSSL_MAX_SUITE_SZ; k += 2) {"
        print "            for (o = 0; o < own->suiteSz; o += 2)"
        print "                if (XMEMCMP(own->suites + o, offered + k, 2) == 0)"
        print "                    break;"
        print "            if (size > WOLFSSL_MAX_SUITE_SZ && o >= own->suiteSz &&"
        print "                    (offered[k] != 0 || offered[k + 1] != 0xff))"
        print "                continue; /* neither ours nor the SCSV of RFC 5746 */"
        print "            XMEMCPY(ssl->clSuites->suites + kept, offered + k, 2);"
        print "            kept += 2;"
        print "        }"
        print "        ssl->clSuites->suiteSz = kept;"
        print "    }"
        copied = 1
        next
    }
    copied && /\+= ssl->clSuites->suiteSz;/ { copied = 0; next }'

# After a HelloRetryRequest the tickets of the first hello are still in the list and taken for
# extensions of the second in the wrong order, if that offers none: the handshake failed.
edit src/tls13.c "$suites"'
    /^int DoTls13ClientHello\(/ { hello = 1 }
    hello && /\/\* Parse extensions \*\// {
        print "    if (ssl->options.serverState == SERVER_HELLO_RETRY_REQUEST_COMPLETE)"
        print "        TLSX_Remove(&ssl->extensions, TLSX_PRE_SHARED_KEY, ssl->heap);"
        print ""
        hello = 0
    }
    { print }'

# Early data that nobody asked for is skipped, up to 64 KB (RFC 8446 section 4.2.10), and so is a
# second change_cipher_spec (appendix D.4), which comes with it after a HelloRetryRequest. A peer's
# X25519 key may have its highest bit set, and a ticket of another server be longer than ours.
edit wolfssl/internal.h '
    /byte +emptyRecordCount;/ {
        print "    word32          earlyDataSkipped;   /* bytes */"
        print "    byte            earlyDataOffered;"
    }
    { print }'
edit src/tls.c '
    /^[A-Z_ ]*int TLSX_Parse\(/ { parse = 1 }
    parse && /switch \(type\) \{/ {
        print "        if (type == TLSXT_EARLY_DATA && msgType == client_hello)"
        print "            ssl->options.earlyDataOffered = 1;"
        parse = 0
    }
    /wc_curve25519_check_public\(keyShareEntry->ke, / {
        print "        /* The highest bit is ignored (RFC 7748 section 5). */"
        print "        if (keyShareEntry->keLen == CURVE25519_KEYSIZE)"
        print "            keyShareEntry->ke[CURVE25519_KEYSIZE - 1] &= 0x7f;"
    }
    /len < OPAQUE16_LEN \+ identityLen \+ OPAQUE32_LEN \|\|/ {
        print "        if (len < OPAQUE16_LEN + identityLen + OPAQUE32_LEN)"
        getline
        next
    }
    { print }'
edit src/internal.c "$suites"'
    function skip(state) {
        print "    if (ssl->options.tls1_3 && ssl->options.earlyDataOffered &&"
        print "            ssl->options.side == WOLFSSL_SERVER_END && " state " &&"
        print "            (ssl->options.earlyDataSkipped += ssl->curSize) <= 65536) {"
    }
    /^int DoApplicationData\(/ { data = 1 }
    data && /if \(ssl->options.handShakeDone == 0\) \{/ {
        skip("!ssl->options.handShakeDone && !ssl->keys.encryptionOn")
        print "        *inOutIdx += ssl->curSize;"
        print "        return 0;"
        print "    }"
        data = 0
    }
    /Can.t appear before CH/ { ccs = 1 }
    ccs && /else \{/ {
        sub(/else \{/, "else if (!ssl->options.earlyDataOffered) {")
        ccs = 0
    }
    /Too much EarlyData!/ { decrypt = 1 }
    decrypt && /SendAlert\(ssl, alert_fatal, bad_record_mac\);/ {
        skip("ssl->options.clientState < CLIENT_FINISHED_COMPLETE")
        print "        if (ssl->keys.peer_sequence_number_lo-- == 0)"
        print "            ssl->keys.peer_sequence_number_hi--;"
        print "        ssl->options.processReply = doProcessInit;"
        print "        ssl->buffers.inputBuffer.idx += ssl->curSize;"
        print "        return ssl->buffers.inputBuffer.idx > ssl->buffers.inputBuffer.length ?"
        print "            BUFFER_E : 0;"
        print "    }"
        decrypt = 0
    }
    { print }'

# Three savings of a handshake. Zeroing ends in a barrier for the compiler, as explicit_bzero does,
# where wolfSSL has two fences for all cores each time: nobody else reads those bytes. What a ticket
# is compared by, before and after it was encrypted, comes from SHA-256, for which there are
# instructions. And from the ServerHello of TLS 1.3 on the transcript is hashed for the suite alone.
edit wolfcrypt/src/misc.c '
    /^WC_MISC_STATIC .*ForceZero\(/ { zero = 1 }
    zero { sub(/XFENCE\(\);/, "__asm__ __volatile__(\"\" : : \"r\"(mem) : \"memory\");") }
    /^}/ { zero = object = 0 }
    /^WC_MISC_STATIC .*HashObject\(/ { object = 1 }
    object { sub(/wc_ShaHash\(/, "wc_Sha256Hash(") }
    { print }'
edit src/internal.c '
    /^int HashRaw\(/ { raw = 1 }
    raw && /if \(IsAtLeastTLSv1_2\(ssl\)\) \{/ {
        print "    if (IsAtLeastTLSv1_3(ssl->version) &&"
        print "            ssl->options.serverState >= SERVER_HELLO_COMPLETE) {"
        print "        if (ssl->specs.mac_algorithm == sha256_mac)"
        print "            return wc_Sha256Update(&ssl->hsHashes->hashSha256, data, (word32)sz);"
        print "        if (ssl->specs.mac_algorithm == sha384_mac)"
        print "            return wc_Sha384Update(&ssl->hsHashes->hashSha384, data, (word32)sz);"
        print "    }"
        raw = 0
    }
    { print }'
