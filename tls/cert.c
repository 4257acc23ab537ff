/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Loading decodes the PEM into one scratch buffer, the chain first and the key
 * behind it, checks that they fit, and copies everything into one allocation of
 * exactly the right size: the struct, the store key, the chain and the key. The
 * key's bytes are wiped wherever they were.
 */
#include "tls/cert.h"

#include "core/base/hash.h"
#include "core/base/limits.h"
#include "tls/cert_key.h"
#include "tls/cert_names.h"
#include "tls/der.h"
#include "tls/fingerprint.h"
#include "tls/ocsp.h"
#include "tls/pem.h"
#include "tls/x509.h"

#include <assert.h>
#include <stdlib.h>

#include <wolfssl/options.h>

#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/error-crypt.h>

#define CHAIN_MAX 10            /* wolfSSL sends at most nine behind the leaf */

/* ---- from DER ---- */

static struct cert *cert_alloc(const struct cert_names *names, struct span chain, struct span key)
{
    struct cert *cert = malloc(sizeof(*cert) + names->key_len + chain.len + key.len);
    if (cert == NULL)
        return NULL;
    memset(cert, 0, sizeof(*cert));
    char *at = (char *)(cert + 1);
    cert_names_join(names, at);
    memcpy(at + names->key_len, chain.ptr, chain.len);
    memcpy(at + names->key_len + chain.len, key.ptr, key.len);
    cert->store_key = span_make(at, names->key_len);
    cert->chain = span_make(at + names->key_len, chain.len);
    cert->key = span_make(at + names->key_len + chain.len, key.len);
    return cert;
}

/* A common name may hold commas: what stands between two is a name of its own, as in Traefik. */
static size_t count_names(struct span store_key)
{
    size_t count = store_key.len > 0;
    for (size_t i = 0; i < store_key.len; i++)
        count += store_key.ptr[i] == ',';
    return count;
}

static enum err build(const struct x509 *leaf, enum cert_key_type type, struct span chain,
                      struct span key, struct cert **out, struct err_text *why)
{
    struct cert_names names;
    TRY(cert_names_collect(leaf, &names, why));
    struct cert *cert = cert_alloc(&names, chain, key);
    cert_names_finish(&names);
    if (cert == NULL)
        return ERR_NOMEM;
    atomic_init(&cert->references, 1);
    cert->key_type = type;
    cert->group = fingerprint_of("group", cert->store_key);
    /* They lie side by side; the salt says where one ends. */
    cert->digest = hash_span_salted(span_make(cert->chain.ptr, chain.len + key.len), chain.len);
    cert->not_before_s = leaf->not_before_s;
    cert->not_after_s = leaf->not_after_s;
    cert->name_count = count_names(cert->store_key);
    struct span responder = ocsp_responder(leaf);
    if (responder.len > 0)
        cert->responder =
            span_make(cert->chain.ptr + (responder.ptr - chain.ptr), responder.len);
    *out = cert;
    return ERR_OK;
}

/* The first certificate of the chain, header and all. */
static enum err split_leaf(struct span chain, struct span *leaf, struct span *rest,
                           struct err_text *why)
{
    struct span contents, after = chain;
    if (!der_read(&after, DER_SEQUENCE, &contents))
        return err_set(why, ERR_SYNTAX, "the certificate is no DER sequence, or is cut short");
    *leaf = span_first(chain, chain.len - after.len);
    *rest = after;
    return ERR_OK;
}

/* Tells somebody with the chain in the wrong order. Returns the mismatch that it was called for. */
static enum err explain_mismatch(struct span rest, struct span key, struct err_text *why)
{
    for (size_t place = 2; rest.len > 0; place++) {
        struct span leaf;
        struct x509 parsed;
        struct cert_public_key public_key;
        if (split_leaf(rest, &leaf, &rest, NULL) != ERR_OK ||
            x509_parse(leaf, &parsed, NULL) != ERR_OK)
            break;
        if (cert_key_read_public(parsed.public_key, &public_key, NULL) == ERR_OK &&
            cert_key_check(&public_key, key, NULL) == ERR_OK)
            return err_set(why, ERR_MISMATCH,
                           "the private key belongs to certificate %zu of the chain; put that one "
                           "first, and its issuers behind it",
                           place);
    }
    return ERR_MISMATCH;
}

static enum err check_chain(struct span rest, struct err_text *why)
{
    struct span leaf;
    size_t count = 1;
    for (; rest.len > 0; count++)
        TRY(split_leaf(rest, &leaf, &rest, why));
    if (count > CHAIN_MAX)
        return err_set(why, ERR_LIMIT,
                       "the chain has %zu certificates; at most %d are served: leave out what is "
                       "not on the way to the root",
                       count, CHAIN_MAX);
    return ERR_OK;
}

/* So that a certificate wolfSSL cannot serve is refused here and not in the first handshake. */
static enum err check_decodable(struct span leaf, struct err_text *why)
{
    word32 len = 0;
    int result = wc_GetSubjectPubKeyInfoDerFromCert((const byte *)leaf.ptr, (word32)leaf.len, NULL,
                                                    &len);
    if (result == 0)
        return ERR_OK;
    return err_set(why, result == MEMORY_E ? ERR_NOMEM : ERR_SYNTAX,
                   "the certificate cannot be used: wolfSSL says %s", wc_GetErrorString(result));
}

enum err cert_create(struct span chain, struct span key, struct cert **out, struct err_text *why)
{
    struct span leaf = SPAN_EMPTY, rest = SPAN_EMPTY;
    struct x509 parsed;
    struct cert_public_key public_key;
    TRY(split_leaf(chain, &leaf, &rest, why));
    TRY(check_chain(rest, why));
    TRY(x509_parse(leaf, &parsed, why));
    TRY(check_decodable(leaf, why));
    TRY(cert_key_read_public(parsed.public_key, &public_key, why));
    enum err error = cert_key_check(&public_key, key, why);
    if (error == ERR_MISMATCH)
        error = explain_mismatch(rest, key, why);
    TRY(error);
    return build(&parsed, public_key.type, chain, key, out, why);
}

/* ---- from PEM ---- */

struct scratch {
    uint8_t *bytes;
    size_t cap;
    size_t chain_len;
    struct span key; /* in `bytes`, behind the chain */
};

/* Where a text without any block may be DER, say how to turn it into PEM. */
static const char *der_hint(struct span text)
{
    if (text.len > 1 && (uint8_t)text.ptr[0] == DER_SEQUENCE && ((uint8_t)text.ptr[1] & 0x80))
        return "; it looks like DER: convert it with openssl's -inform DER";
    return "";
}

static enum err decode_chain(struct span pem, struct scratch *scratch, struct err_text *why)
{
    struct pem_reader reader;
    struct pem_block block;
    enum err error;
    pem_reader_init(&reader, pem);
    while ((error = pem_next(&reader, &block, why)) == ERR_OK) {
        size_t len;
        if (!span_equal(block.label, SPAN("CERTIFICATE")))
            continue;
        assert(scratch->chain_len + pem_decoded_max(&block) <= scratch->cap);
        TRY(pem_decode(&block, scratch->bytes + scratch->chain_len, &len, why));
        struct span der = span_make(scratch->bytes + scratch->chain_len, len);
        if (!der_skip(&der, DER_SEQUENCE) || der.len != 0)
            return err_set(why, ERR_SYNTAX,
                           "line %zu: the CERTIFICATE block does not hold one certificate",
                           block.line);
        scratch->chain_len += len;
    }
    if (error == ERR_NOTFOUND && scratch->chain_len > 0)
        return ERR_OK;
    if (error == ERR_NOTFOUND)
        return err_set(why, error, "no certificate: expected a -----BEGIN CERTIFICATE----- block%s",
                       der_hint(pem));
    return error;
}

/* As in Go: the first block that calls itself a private key. */
static bool is_private_key(struct span label)
{
    return span_equal(label, SPAN("PRIVATE KEY")) ||
           span_ends_with(label, SPAN(" PRIVATE KEY"));
}

static enum err decode_key(struct span pem, struct scratch *scratch, struct err_text *why)
{
    struct pem_reader reader;
    struct pem_block block;
    enum err error;
    pem_reader_init(&reader, pem);
    do {
        error = pem_next(&reader, &block, why);
    } while (error == ERR_OK && !is_private_key(block.label));
    if (error == ERR_NOTFOUND)
        return err_set(why, error, "no private key: expected a -----BEGIN PRIVATE KEY----- block%s",
                       der_hint(pem));
    TRY(error);
    if (block.encrypted)
        return err_set(why, ERR_UNSUPPORTED,
                       "line %zu: the private key is encrypted; decrypt it with: openssl pkey -in "
                       "FILE -out FILE",
                       block.line);
    if (span_equal(block.label, SPAN("OPENSSH PRIVATE KEY")))
        return err_set(why, ERR_UNSUPPORTED,
                       "line %zu: the private key is in OpenSSH's format; convert it with: "
                       "ssh-keygen -p -m PKCS8 -f FILE",
                       block.line);
    assert(scratch->chain_len + pem_decoded_max(&block) <= scratch->cap);
    size_t len;
    TRY(pem_decode(&block, scratch->bytes + scratch->chain_len, &len, why));
    scratch->key = cert_key_strip(scratch->bytes + scratch->chain_len, len);
    return ERR_OK;
}

static enum err load(struct span cert_pem, struct span key_pem, struct scratch *scratch,
                     struct cert **out, struct err_text *why)
{
    TRY(decode_chain(cert_pem, scratch, why));
    TRY(decode_key(key_pem, scratch, why));
    struct span chain = span_make(scratch->bytes, scratch->chain_len);
    return cert_create(chain, scratch->key, out, why);
}

enum err cert_load(struct span cert_pem, struct span key_pem, struct cert **out,
                   struct err_text *why)
{
    if (cert_pem.len > LIMIT_CERT_FILE || key_pem.len > LIMIT_CERT_FILE)
        return err_set(why, ERR_LIMIT,
                       "larger than the %d bytes that a certificate or key may have",
                       LIMIT_CERT_FILE);
    /* The decoded bytes are fewer than the text; pem_decoded_max may be three more. */
    struct scratch scratch = {.cap = cert_pem.len + key_pem.len};
    scratch.bytes = malloc(scratch.cap + 1);
    if (scratch.bytes == NULL)
        return ERR_NOMEM;
    enum err error = load(cert_pem, key_pem, &scratch, out, why);
    explicit_bzero(scratch.bytes, scratch.cap);
    free(scratch.bytes);
    return error;
}

/* ---- the rest ---- */

struct cert *cert_ref(struct cert *cert)
{
    /* Whoever takes one holds one: nothing has to be ordered. */
    atomic_fetch_add_explicit(&cert->references, 1, memory_order_relaxed);
    return cert;
}

void cert_unref(struct cert *cert)
{
    if (cert == NULL)
        return;
    /* All uses come before the release, and the free after the acquire. */
    uint32_t before = atomic_fetch_sub_explicit(&cert->references, 1, memory_order_acq_rel);
    assert(before > 0);
    if (before > 1)
        return;
    if (cert->key.len > 0)
        explicit_bzero((void *)(uintptr_t)cert->key.ptr, cert->key.len);
    free(atomic_load_explicit(&cert->staple, memory_order_relaxed));
    free(atomic_load_explicit(&cert->counters, memory_order_relaxed));
    free(cert->source);
    free(cert->resolver);
    free(cert);
}

struct span cert_name(const struct cert *cert, size_t i)
{
    struct span rest = cert->store_key, name;
    assert(i < cert->name_count);
    do {
        rest = span_split(rest, ',', &name);
    } while (i-- > 0);
    return name;
}

enum cert_validity cert_validity(const struct cert *cert, int64_t now_s)
{
    if (now_s < cert->not_before_s)
        return CERT_NOT_YET_VALID;
    return now_s > cert->not_after_s ? CERT_EXPIRED : CERT_VALID;
}

const char *cert_key_type_name(enum cert_key_type type)
{
    static const char *const names[] = {
        [CERT_KEY_RSA] = "RSA",
        [CERT_KEY_ECDSA_P256] = "ECDSA P-256",
        [CERT_KEY_ECDSA_P384] = "ECDSA P-384",
        [CERT_KEY_ECDSA_P521] = "ECDSA P-521",
        [CERT_KEY_ED25519] = "Ed25519",
    };
    return names[type];
}
