/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Certificates that have a store key and a key type only, for what looks at nothing else. */
#ifndef WEIR_TESTS_UNIT_TLS_FAKE_CERT_H
#define WEIR_TESTS_UNIT_TLS_FAKE_CERT_H

#include <assert.h>
#include <stdlib.h>

#include "tls/cert.h"

static inline struct cert *fake_cert(const char *store_key, enum cert_key_type type)
{
    size_t len = strlen(store_key);
    struct cert *cert = malloc(sizeof(*cert) + len);
    assert(cert != NULL);
    memset(cert, 0, sizeof(*cert));
    memcpy(cert + 1, store_key, len);
    atomic_init(&cert->references, 1);
    cert->key_type = type;
    cert->store_key = span_make(cert + 1, len);
    return cert;
}

#endif
