/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * USES: weir_tls weir_base
 * Whatever a responder answers is refused unless it is signed; since nothing that
 * is made here is, the parts behind the signature are also given the bytes alone.
 */
#include "tls/ocsp_private.h"
#include "tls/selfsigned.h"

#include <assert.h>
#include <stdlib.h>

#define NOW_S 1700000000

static struct cert *cert;

/* Its own issuer: the same certificate twice makes a chain. */
static void make_cert(void)
{
    struct cert *one;
    assert(selfsigned_create(CERT_KEY_ECDSA_P256, NOW_S, &one, NULL) == ERR_OK);
    char *chain = malloc(2 * one->chain.len);
    assert(chain != NULL);
    memcpy(chain, one->chain.ptr, one->chain.len);
    memcpy(chain + one->chain.len, one->chain.ptr, one->chain.len);
    assert(cert_create(span_make(chain, 2 * one->chain.len), one->key, &cert, NULL) == ERR_OK);
    free(chain);
    cert_unref(one);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ocsp_answer answer;
    struct ocsp_single single;
    struct ocsp_id id;
    struct x509 leaf, issuer;
    struct err_text why = {""};
    struct span bytes = span_make(data, size), signed_data;
    if (cert == NULL)
        make_cert();
    assert(ocsp_check(cert, bytes, NOW_S, &answer, &why) == OCSP_UNUSABLE);
    assert(why.text[0] != '\0');
    assert(ocsp_identify(cert, &leaf, &issuer, &id) == ERR_OK);
    assert(!ocsp_is_signed(bytes, &issuer, NOW_S, &signed_data));
    (void)ocsp_find(bytes, &id, &single);
    return 0;
}
