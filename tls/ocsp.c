/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A request is a CertID in four sequences, short enough for one-byte lengths. An
 * answer is walked along its fields in their order, and what is not as it must
 * be ends the walk.
 */
#include "tls/ocsp_private.h"

#include "core/base/rcu.h"
#include "tls/der.h"

#include <stdlib.h>

#include <wolfssl/options.h>

#include <wolfssl/wolfcrypt/sha.h>

#define OID_OCSP SPAN("\x2b\x06\x01\x05\x05\x07\x30\x01")           /* 1.3.6.1.5.5.7.48.1 */
#define OID_OCSP_BASIC SPAN("\x2b\x06\x01\x05\x05\x07\x30\x01\x01") /* .1 */
#define OID_SHA1 SPAN("\x2b\x0e\x03\x02\x1a")                        /* 1.3.14.3.2.26 */
#define URI_NAME DER_CONTEXT(6)
#define SERIAL_MAX 40

/* ---- whom to ask ---- */

static bool is_http(struct span url)
{
    for (size_t i = 0; i < url.len; i++) {
        if ((uint8_t)url.ptr[i] <= ' ' || (uint8_t)url.ptr[i] >= 0x7f)
            return false;
    }
    return span_starts_with(url, SPAN("http://")) || span_starts_with(url, SPAN("https://"));
}

struct span ocsp_responder(const struct x509 *leaf)
{
    struct span octets = leaf->authority_info, list, description, oid, url;
    if (!der_read(&octets, DER_SEQUENCE, &list))
        return SPAN_EMPTY;
    while (der_read(&list, DER_SEQUENCE, &description)) {
        if (der_read(&description, DER_OID, &oid) && span_equal(oid, OID_OCSP) &&
            der_read(&description, URI_NAME, &url) && is_http(url))
            return url;
    }
    return SPAN_EMPTY;
}

/* ---- what to ask ---- */

static void sha1_of(struct span bytes, uint8_t out[OCSP_HASH_SIZE])
{
    wc_Sha sha;
    (void)wc_InitSha(&sha); /* in plain C on the stack: these cannot fail */
    (void)wc_ShaUpdate(&sha, (const byte *)bytes.ptr, (word32)bytes.len);
    (void)wc_ShaFinal(&sha, out);
    wc_ShaFree(&sha);
}

static bool next_certificate(struct span *chain, struct x509 *out)
{
    struct span contents;
    return der_read(chain, DER_SEQUENCE, &contents) &&
           x509_parse(der_whole(contents), out, NULL) == ERR_OK;
}

enum err ocsp_identify(const struct cert *cert, struct x509 *leaf, struct x509 *issuer,
                       struct ocsp_id *out)
{
    struct span chain = cert->chain, key, bits;
    if (!next_certificate(&chain, leaf) || !next_certificate(&chain, issuer) ||
        !span_equal(leaf->issuer, issuer->subject))
        return ERR_NOTFOUND;
    key = issuer->public_key;
    if (!der_skip(&key, DER_SEQUENCE) || !der_read_bits(&key, &bits))
        return ERR_NOTFOUND;
    sha1_of(der_whole(leaf->issuer), out->name_hash);
    sha1_of(bits, out->key_hash);
    out->serial = leaf->serial;
    return ERR_OK;
}

static size_t put(uint8_t *to, uint8_t tag, const void *bytes, size_t len)
{
    to[0] = tag;
    to[1] = (uint8_t)len;
    if (len > 0)
        memcpy(to + 2, bytes, len);
    return len + 2;
}

/* Puts a header in front of what has been written. */
static size_t wrap(uint8_t *bytes, size_t len)
{
    memmove(bytes + 2, bytes, len);
    bytes[0] = DER_SEQUENCE;
    bytes[1] = (uint8_t)len;
    return len + 2;
}

enum err ocsp_request_append(const struct cert *cert, struct buf *out)
{
    struct x509 leaf, issuer;
    struct ocsp_id id;
    uint8_t bytes[128];
    TRY(ocsp_identify(cert, &leaf, &issuer, &id));
    if (id.serial.len > SERIAL_MAX)
        return ERR_LIMIT;
    size_t len = put(bytes, DER_OID, OID_SHA1.ptr, OID_SHA1.len);
    len += put(bytes + len, DER_NULL, NULL, 0);
    len = wrap(bytes, len);
    len += put(bytes + len, DER_OCTET_STRING, id.name_hash, OCSP_HASH_SIZE);
    len += put(bytes + len, DER_OCTET_STRING, id.key_hash, OCSP_HASH_SIZE);
    len += put(bytes + len, DER_INTEGER, id.serial.ptr, id.serial.len);
    for (int level = 0; level < 5; level++) /* CertID, Request, list, TBSRequest, OCSPRequest */
        len = wrap(bytes, len);
    return buf_append(out, span_make(bytes, len));
}

/* ---- what is answered ---- */

static bool id_matches(struct span id, const struct ocsp_id *wanted)
{
    struct span algorithm, oid, name, key, serial;
    return der_read(&id, DER_SEQUENCE, &algorithm) && der_read(&algorithm, DER_OID, &oid) &&
           span_equal(oid, OID_SHA1) && der_read(&id, DER_OCTET_STRING, &name) &&
           der_read(&id, DER_OCTET_STRING, &key) && der_read(&id, DER_INTEGER, &serial) &&
           id.len == 0 && span_equal(name, span_make(wanted->name_hash, OCSP_HASH_SIZE)) &&
           span_equal(key, span_make(wanted->key_hash, OCSP_HASH_SIZE)) &&
           span_equal(serial, wanted->serial);
}

/* NULL, or what is wrong with it. */
static const char *read_single(struct span in, struct ocsp_single *out)
{
    struct span status, next;
    uint8_t tag;
    if (!der_next(&in, &tag, &status) || !der_read_time(&in, &out->this_update_s) ||
        !der_read_optional(&in, DER_CONTEXT_CONSTRUCTED(0), &next))
        return "it is broken";
    if (tag == DER_CONTEXT_CONSTRUCTED(1)) {
        out->status = OCSP_REVOKED;
        return NULL;
    }
    if (tag != DER_CONTEXT(0) || status.len != 0)
        return "the responder does not know the certificate";
    if (next.ptr == NULL)
        return "it does not say until when it holds";
    if (!der_read_time(&next, &out->next_update_s))
        return "it is broken";
    out->status = OCSP_GOOD;
    return NULL;
}

/* The answer about our certificate among all in the data. */
const char *ocsp_find(struct span data, const struct ocsp_id *id, struct ocsp_single *out)
{
    struct span ignored, list, single, name;
    uint8_t tag;
    int64_t produced_s;
    if (!der_read_optional(&data, DER_CONTEXT_CONSTRUCTED(0), &ignored) ||
        !der_next(&data, &tag, &ignored) || !der_read_time(&data, &produced_s) ||
        !der_read(&data, DER_SEQUENCE, &list))
        return "it is broken";
    while (der_read(&list, DER_SEQUENCE, &single)) {
        if (der_read(&single, DER_SEQUENCE, &name) && id_matches(name, id))
            return read_single(single, out);
    }
    return "it is about another certificate";
}

/* The contents of the BasicOCSPResponse. */
static const char *unwrap(struct span response, struct span *basic)
{
    struct span outer, status, explicit, bytes, oid, octets;
    if (!der_read(&response, DER_SEQUENCE, &outer) || response.len != 0 ||
        !der_read(&outer, DER_ENUMERATED, &status) || status.len != 1)
        return "it is no OCSP response";
    if (status.ptr[0] != 0)
        return "the responder refuses to answer";
    if (!der_read(&outer, DER_CONTEXT_CONSTRUCTED(0), &explicit) ||
        !der_read(&explicit, DER_SEQUENCE, &bytes) || !der_read(&bytes, DER_OID, &oid) ||
        !span_equal(oid, OID_OCSP_BASIC) || !der_read(&bytes, DER_OCTET_STRING, &octets) ||
        !der_read(&octets, DER_SEQUENCE, basic) || octets.len != 0)
        return "it is broken";
    return NULL;
}

static const char *check(const struct cert *cert, struct span response, int64_t now_s,
                         struct ocsp_single *out)
{
    struct x509 leaf, issuer;
    struct ocsp_id id;
    struct span basic, data;
    if (response.len > OCSP_RESPONSE_MAX)
        return "it is too long";
    if (ocsp_identify(cert, &leaf, &issuer, &id) != ERR_OK)
        return "the certificate's issuer is not in its chain";
    const char *wrong = unwrap(response, &basic);
    if (wrong == NULL && !ocsp_is_signed(basic, &issuer, now_s, &data))
        wrong = "its signature is not of the issuer, or of one whom the issuer has authorised";
    if (wrong == NULL)
        wrong = ocsp_find(data, &id, out);
    if (wrong == NULL && out->this_update_s > now_s + OCSP_CLOCK_SKEW_S)
        wrong = "it is of the future: look at the clock";
    if (wrong == NULL && out->status == OCSP_GOOD && out->next_update_s <= now_s)
        wrong = "it is stale";
    return wrong;
}

enum ocsp_status ocsp_check(const struct cert *cert, struct span response, int64_t now_s,
                            struct ocsp_answer *out, struct err_text *why)
{
    struct ocsp_single single = {.status = OCSP_UNUSABLE};
    const char *wrong = check(cert, response, now_s, &single);
    if (wrong != NULL) {
        (void)err_set(why, ERR_INVALID, "%s", wrong);
        return OCSP_UNUSABLE;
    }
    if (single.status == OCSP_GOOD)
        *out = (struct ocsp_answer){single.this_update_s, single.next_update_s};
    return single.status;
}

enum err ocsp_publish(struct cert *cert, struct span response, int64_t next_update_s,
                      struct ocsp_staple **old)
{
    struct ocsp_staple *staple = NULL;
    if (response.len > 0) {
        staple = malloc(sizeof(*staple) + response.len);
        if (staple == NULL)
            return ERR_NOMEM;
        staple->next_update_s = next_update_s;
        staple->len = response.len;
        memcpy(staple->bytes, response.ptr, response.len);
    }
    *old = rcu_exchange(&cert->staple, staple);
    return ERR_OK;
}
