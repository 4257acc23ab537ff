/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Our own reader goes once along the list, notes where the serial numbers lie and
 * looks at every critical extension. The signature is wolfSSL's business: a
 * certificate manager that knows nothing but the issuer accepts the list or not.
 * That costs a pass over the list, so its result is kept: the keyed hash of the
 * issuer's certificate, which was itself verified before. wolfSSL does not tell a
 * wrong signature from a want of memory, so neither is passed over.
 */
#include "tls/crl.h"

#include <stdlib.h>

#include <wolfssl/ssl.h>

#include "core/base/hash.h"
#include "tls/der.h"
#include "tls/pem.h"
#include "tls/x509.h"

#define OID_CRL_NUMBER SPAN("\x55\x1d\x14")      /* 2.5.29.20 */
#define OID_REASON SPAN("\x55\x1d\x15")          /* 2.5.29.21 */
#define OID_INVALIDITY_DATE SPAN("\x55\x1d\x18") /* 2.5.29.24 */
#define OID_DELTA SPAN("\x55\x1d\x1b")           /* 2.5.29.27 */
#define OID_ISSUING_POINT SPAN("\x55\x1d\x1c")   /* 2.5.29.28 */
#define OID_AUTHORITY_KEY SPAN("\x55\x1d\x23")   /* 2.5.29.35 */

/* ---- reading ---- */

static bool is_harmless(struct span oid)
{
    return span_equal(oid, OID_CRL_NUMBER) || span_equal(oid, OID_REASON) ||
           span_equal(oid, OID_INVALIDITY_DATE) || span_equal(oid, OID_AUTHORITY_KEY);
}

/* AuthorityKeyIdentifier: [0] is the key's. */
static void note_key(struct span octets, struct span *key_id)
{
    struct span contents, id;
    if (der_read(&octets, DER_SEQUENCE, &contents) &&
        der_read(&contents, DER_CONTEXT(0), &id))
        *key_id = id;
}

/* Of the list or of one entry: the contents of the SEQUENCE. */
static enum err check_extensions(struct span list, struct span *key_id, struct err_text *why)
{
    struct span extension, oid, critical, octets;
    while (list.len > 0) {
        if (!der_read(&list, DER_SEQUENCE, &extension) ||
            !der_read(&extension, DER_OID, &oid) ||
            !der_read_optional(&extension, DER_BOOLEAN, &critical) ||
            !der_read(&extension, DER_OCTET_STRING, &octets) || extension.len != 0)
            return err_set(why, ERR_SYNTAX, "the CRL is broken at its extensions");
        if (span_equal(oid, OID_AUTHORITY_KEY) && key_id != NULL)
            note_key(octets, key_id);
        if (span_equal(oid, OID_DELTA))
            return err_set(why, ERR_UNSUPPORTED,
                           "a delta CRL is not enough: give the complete one");
        if (span_equal(oid, OID_ISSUING_POINT))
            return err_set(why, ERR_UNSUPPORTED,
                           "the CRL has an issuing distribution point, so it may speak of a part "
                           "of the certificates only: give the complete one");
        if (critical.len > 0 && critical.ptr[0] != 0 && !is_harmless(oid))
            return err_set(why, ERR_UNSUPPORTED,
                           "the CRL has a critical extension that is not known");
    }
    return ERR_OK;
}

static bool is_time(struct span in)
{
    return in.len > 0 && (in.ptr[0] == DER_UTC_TIME || in.ptr[0] == DER_GENERALIZED_TIME);
}

/* An entry: serial number, date, extensions (of version 2). */
static enum err read_entry(struct span *entries, struct span *serial, struct err_text *why)
{
    struct span entry, extensions = SPAN_EMPTY;
    int64_t when_s;
    if (!der_read(entries, DER_SEQUENCE, &entry) || !der_read(&entry, DER_INTEGER, serial) ||
        serial->len == 0 || !der_read_time(&entry, &when_s) ||
        !der_read_optional(&entry, DER_SEQUENCE, &extensions) || entry.len != 0)
        return err_set(why, ERR_SYNTAX, "the CRL is broken at its entries");
    return check_extensions(extensions, NULL, why);
}

static int compare_serials(const void *a, const void *b)
{
    const struct span *left = a, *right = b;
    return span_compare(*left, *right);
}

static enum err read_entries(struct span entries, struct crl *crl, struct err_text *why)
{
    struct span rest = entries, serial;
    size_t count = 0;
    while (rest.len > 0) {
        TRY(read_entry(&rest, &serial, why));
        count++;
    }
    crl->serials = calloc(count + 1, sizeof(crl->serials[0]));
    if (crl->serials == NULL)
        return err_set(why, ERR_NOMEM, "out of memory");
    while (entries.len > 0)
        TRY(read_entry(&entries, &crl->serials[crl->serial_count++], why));
    qsort(crl->serials, crl->serial_count, sizeof(crl->serials[0]), compare_serials);
    return ERR_OK;
}

static enum err read_tbs(struct span tbs, struct crl *crl, struct err_text *why)
{
    struct span entries = SPAN_EMPTY, explicit, extensions;
    int version = 0;
    if ((tbs.len > 0 && tbs.ptr[0] == DER_INTEGER && !der_read_small(&tbs, &version)) ||
        !der_skip(&tbs, DER_SEQUENCE) || !der_read(&tbs, DER_SEQUENCE, &crl->issuer) ||
        !der_read_time(&tbs, &crl->this_update_s) ||
        (is_time(tbs) && !der_read_time(&tbs, &crl->next_update_s)))
        return err_set(why, ERR_SYNTAX, "the CRL is broken at its issuer or dates");
    if (!der_read_optional(&tbs, DER_SEQUENCE, &entries) ||
        !der_read_optional(&tbs, DER_CONTEXT_CONSTRUCTED(0), &explicit) || tbs.len != 0)
        return err_set(why, ERR_SYNTAX, "the CRL is broken at its end");
    if (explicit.len > 0) {
        if (!der_read(&explicit, DER_SEQUENCE, &extensions) || explicit.len != 0)
            return err_set(why, ERR_SYNTAX, "the CRL is broken at its extensions");
        TRY(check_extensions(extensions, &crl->key_id, why));
    }
    return read_entries(entries, crl, why);
}

static void crl_destroy(struct crl *crl)
{
    free((char *)(uintptr_t)crl->der.ptr);
    free(crl->serials);
    free(crl);
}

static void destroy_lists(struct crl *first)
{
    while (first != NULL) {
        struct crl *next = first->next;
        crl_destroy(first);
        first = next;
    }
}

static enum err read_list(struct crl *crl, struct err_text *why)
{
    struct span der = crl->der, list, tbs, signature;
    if (!der_read(&der, DER_SEQUENCE, &list) || der.len != 0)
        return err_set(why, ERR_SYNTAX, "the CRL is no DER sequence, or is cut short");
    if (!der_read(&list, DER_SEQUENCE, &tbs) || !der_skip(&list, DER_SEQUENCE) ||
        !der_read_bits(&list, &signature) || list.len != 0)
        return err_set(why, ERR_SYNTAX, "this is no CRL");
    return read_tbs(tbs, crl, why);
}

/* Takes the bytes, which are malloc'ed. */
static enum err add_der(struct crl_set *set, char *bytes, size_t len, struct err_text *why)
{
    struct crl *crl = calloc(1, sizeof(*crl));
    if (crl == NULL) {
        free(bytes);
        return err_set(why, ERR_NOMEM, "out of memory");
    }
    crl->der = span_make(bytes, len);
    atomic_init(&crl->signer, 0);
    enum err error = read_list(crl, why);
    if (error != ERR_OK) {
        crl_destroy(crl);
        return error;
    }
    crl->next = set->first;
    set->first = crl;
    set->count++;
    set->digest = hash_span_salted(crl->der, set->digest + 1);
    return ERR_OK;
}

static enum err add_block(struct crl_set *set, const struct pem_block *block,
                          struct err_text *why)
{
    size_t len = 0;
    char *bytes = malloc(pem_decoded_max(block) + 1);
    if (bytes == NULL)
        return err_set(why, ERR_NOMEM, "out of memory");
    enum err error = pem_decode(block, (uint8_t *)bytes, &len, why);
    if (error != ERR_OK) {
        free(bytes);
        return error;
    }
    return add_der(set, bytes, len, why);
}

static enum err add_pem(struct crl_set *set, struct span file, struct err_text *why)
{
    struct pem_reader reader;
    struct pem_block block;
    size_t before = set->count;
    pem_reader_init(&reader, file);
    for (;;) {
        enum err error = pem_next(&reader, &block, why);
        if (error == ERR_NOTFOUND)
            break;
        TRY(error);
        if (span_equal(block.label, SPAN("X509 CRL")))
            TRY(add_block(set, &block, why));
    }
    if (set->count == before)
        return err_set(why, ERR_SYNTAX, "holds no \"X509 CRL\" block");
    return ERR_OK;
}

enum err crl_set_add(struct crl_set *set, struct span file, struct err_text *why)
{
    struct crl_set fresh = {.digest = set->digest};
    enum err error;
    if (file.len > 0 && file.ptr[0] == DER_SEQUENCE) {
        char *copy = span_dup(file);
        error = copy != NULL ? add_der(&fresh, copy, file.len, why)
                             : err_set(why, ERR_NOMEM, "out of memory");
    } else {
        error = add_pem(&fresh, file, why);
    }
    if (error != ERR_OK) {
        destroy_lists(fresh.first);
        return error;
    }
    struct crl *last = fresh.first;
    while (last->next != NULL)
        last = last->next;
    last->next = set->first;
    set->first = fresh.first;
    set->count += fresh.count;
    set->digest = fresh.digest;
    return ERR_OK;
}

/* ---- life ---- */

struct crl_set *crl_set_create(void)
{
    struct crl_set *set = calloc(1, sizeof(*set));
    if (set != NULL)
        atomic_init(&set->references, 1);
    return set;
}

struct crl_set *crl_set_ref(struct crl_set *set)
{
    /* Relaxed: whoever takes a reference holds one already. */
    atomic_fetch_add_explicit(&set->references, 1, memory_order_relaxed);
    return set;
}

void crl_set_unref(struct crl_set *set)
{
    /* Acquire-release: all uses happen before the memory is freed. */
    if (set == NULL ||
        atomic_fetch_sub_explicit(&set->references, 1, memory_order_acq_rel) > 1)
        return;
    destroy_lists(set->first);
    free(set);
}

/* ---- asking ---- */

bool crl_names(const struct crl *crl, struct span serial)
{
    return bsearch(&serial, crl->serials, crl->serial_count, sizeof(crl->serials[0]),
                   compare_serials) != NULL;
}

static bool signature_is_right(const struct crl *crl, struct span issuer_der)
{
    WOLFSSL_CERT_MANAGER *manager = wolfSSL_CertManagerNew();
    if (manager == NULL)
        return false;
    bool right = wolfSSL_CertManagerLoadCABuffer(manager, (const byte *)issuer_der.ptr,
                                                 (long)issuer_der.len, WOLFSSL_FILETYPE_ASN1) ==
                     WOLFSSL_SUCCESS &&
                 wolfSSL_CertManagerLoadCRLBuffer(manager, (const byte *)crl->der.ptr,
                                                  (long)crl->der.len, WOLFSSL_FILETYPE_ASN1) ==
                     WOLFSSL_SUCCESS;
    wolfSSL_CertManagerFree(manager);
    return right;
}

static bool is_signed_by(struct crl *crl, struct span issuer_der)
{
    uint64_t signer = hash_span(issuer_der);
    signer += signer == 0;
    /* Relaxed: the word stands for itself; whoever does not see it looks again. */
    if (atomic_load_explicit(&crl->signer, memory_order_relaxed) == signer)
        return true;
    if (!signature_is_right(crl, issuer_der))
        return false;
    atomic_store_explicit(&crl->signer, signer, memory_order_relaxed);
    return true;
}

/* Authorities of one name are told apart by their keys' identifiers. */
static bool is_of_another_key(const struct crl *crl, const struct x509 *issuer)
{
    return crl->key_id.len > 0 && issuer->key_id.len > 0 &&
           !span_equal(crl->key_id, issuer->key_id);
}

static bool is_current(const struct crl *crl, int64_t now_s)
{
    return crl->this_update_s <= now_s &&
           (crl->next_update_s == 0 || now_s <= crl->next_update_s);
}

enum err crl_set_check(const struct crl_set *set, struct span issuer_der, struct span serial,
                       int64_t now_s)
{
    struct x509 issuer;
    enum err result = ERR_NOTFOUND;
    TRY(x509_parse(issuer_der, &issuer, NULL));
    for (struct crl *crl = set->first; crl != NULL; crl = crl->next) {
        if (!span_equal(crl->issuer, issuer.subject))
            continue;
        if (!is_current(crl, now_s)) {
            if (result != ERR_OK)
                result = ERR_TIMEOUT;
            continue;
        }
        if (is_of_another_key(crl, &issuer)) {
            if (result == ERR_NOTFOUND)
                result = ERR_MISMATCH;
            continue;
        }
        /* A list that cannot be checked may be the one that names it. */
        if ((issuer.has_key_usage && !issuer.signs_crls) || !is_signed_by(crl, issuer_der))
            return ERR_TLS;
        if (crl_names(crl, serial))
            return ERR_EXISTS;
        result = ERR_OK;
    }
    return result;
}
