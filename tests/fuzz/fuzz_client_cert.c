/* SPDX-License-Identifier: GPL-3.0-or-later */
/* USES: weir_tls weir_base */
/*
 * What a client sends as its certificate, and revocation lists. The first byte says which: 'c' is
 * a certificate's DER, of which every text is made; anything else a file of lists, which must be
 * told of or answer for each serial number that it holds.
 */
#include <stdlib.h>

#include "tls/client_cert.h"
#include "tls/client_trust.h"
#include "tls/crl.h"
#include "tls/der.h"

#define CHECK(condition)  \
    do {                  \
        if (!(condition)) \
            abort();      \
    } while (0)

static bool is_plain(struct span text, const char *more)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i], low = ascii_lower(c);
        bool fits = (low >= 'a' && low <= 'z') || (c >= '0' && c <= '9') ||
                    (c != '\0' && strchr(more, c) != NULL);
        if (!fits)
            return false;
    }
    return true;
}

/* Neither field may ever hold a byte that a header field may not. */
static void check_texts(const struct client_cert *cert)
{
    const struct client_cert_wanted all = {true, true, true, true, ~0u, ~0u};
    struct buf text;
    buf_init(&text, 1 << 20);
    CHECK(client_cert_append_info(cert, &all, &text) == ERR_OK || buf_len(&text) > 0 ||
          cert->certs[0].len > 8192);
    CHECK(is_plain(buf_span(&text), "-_.~+%"));
    buf_clear(&text);
    CHECK(client_cert_append_pem(cert, &text) == ERR_OK);
    CHECK(is_plain(buf_span(&text), "+/=,"));
    CHECK(buf_len(&text) == (cert->certs[0].len + 2) / 3 * 4);
    buf_finish(&text);
    CHECK(strlen(cert->subject) <= CLIENT_CERT_SUBJECT_MAX);
}

static void try_certificate(struct span der)
{
    struct client_cert *cert;
    if (der.len == 0 || client_cert_create(&der, 1, &cert) != ERR_OK)
        return;
    check_texts(cert);
    client_cert_destroy(cert);
}

static void try_lists(struct span file)
{
    struct crl_set *set = crl_set_create();
    struct err_text why = {""};
    CHECK(set != NULL);
    if (crl_set_add(set, file, &why) != ERR_OK) {
        CHECK(set->first == NULL && set->count == 0 && why.text[0] != '\0');
    } else {
        size_t count = 0;
        for (const struct crl *crl = set->first; crl != NULL; crl = crl->next) {
            count++;
            for (size_t i = 0; i < crl->serial_count; i++)
                CHECK(crl_names(crl, crl->serials[i]));
            CHECK(!crl_names(crl, SPAN_EMPTY));
        }
        CHECK(count == set->count && count > 0);
    }
    crl_set_unref(set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span input = span_make(data, size);
    if (size > 0 && data[0] == 'c')
        try_certificate(span_skip(input, 1));
    else
        try_lists(input);
    return 0;
}
