/* SPDX-License-Identifier: GPL-3.0-or-later */
/* USES: weir_tls weir_base */
/*
 * Loading certificates and keys. An input that begins with '-' is PEM, for both; any other is DER,
 * a certificate and a key one behind the other, since base64 would hide the structure from the
 * mutations.
 */
#include <stdlib.h>

#include "tls/cert.h"
#include "tls/cert_key.h"
#include "tls/cert_names.h"
#include "tls/der.h"

#define CHECK(condition)  \
    do {                  \
        if (!(condition)) \
            abort();      \
    } while (0)

static void check_names(const struct cert_names *names)
{
    size_t len = 0;
    for (size_t i = 0; i < names->count; i++) {
        CHECK(names->list[i].len > 0);
        CHECK(i == 0 || span_compare(names->list[i - 1], names->list[i]) < 0);
        len += names->list[i].len + (i > 0);
    }
    CHECK(len == names->key_len);
    char *joined = malloc(len + 1);
    CHECK(joined != NULL);
    cert_names_join(names, joined);
    free(joined);
}

static void check_cert(struct cert *cert)
{
    struct cert_description description;
    size_t len = 0;
    for (size_t i = 0; i < cert->name_count; i++)
        len += cert_name(cert, i).len + (i > 0);
    CHECK(len == cert->store_key.len);
    CHECK(cert->chain.len > 0 && cert->key.len > 0);
    CHECK(cert_describe(cert, &description) == ERR_OK);
    cert_description_finish(&description);
    cert_unref(cert);
}

static void load_der(struct span chain, struct span key)
{
    struct x509 parsed;
    struct cert_names names;
    struct cert_public_key public_key;
    struct err_text why;
    struct cert *cert;
    if (x509_parse(chain, &parsed, &why) == ERR_OK) {
        if (cert_names_collect(&parsed, &names, &why) == ERR_OK) {
            check_names(&names);
            cert_names_finish(&names);
        }
        if (cert_key_read_public(parsed.public_key, &public_key, &why) == ERR_OK)
            (void)!cert_key_check(&public_key, key, &why);
    }
    if (cert_create(chain, key, &cert, &why) == ERR_OK)
        check_cert(cert);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span input = span_make(data, size), rest = input;
    struct err_text why = {""};
    struct cert *cert = NULL;
    if (size > 0 && data[0] == '-') {
        if (cert_load(input, input, &cert, &why) == ERR_OK)
            check_cert(cert);
        else
            CHECK(cert == NULL && why.text[0] != '\0');
        return 0;
    }
    if (!der_skip(&rest, DER_SEQUENCE))
        rest = SPAN_EMPTY;
    uint8_t *key = malloc(rest.len + 1);
    CHECK(key != NULL);
    if (rest.len > 0)
        memcpy(key, rest.ptr, rest.len);
    struct span stripped = cert_key_strip(key, rest.len);
    CHECK(stripped.len <= rest.len);
    load_der(span_first(input, size - rest.len), stripped);
    free(key);
    return 0;
}
