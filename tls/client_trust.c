/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A path is found by names, from the leaf up to an authority of ours. Then a
 * fresh certificate manager gets that authority, and downwards each certificate
 * is verified by wolfSSL (signature, dates, name constraints) and, when it is to
 * sign the next one, looked at by us (CA, key usage, purposes) and added, where
 * wolfSSL counts the length of the path. Last come the revocation lists.
 */
#include "tls/client_trust.h"

#include <assert.h>
#include <stdlib.h>

#include <wolfssl/ssl.h>
#include <wolfssl/error-ssl.h>
#include <wolfssl/wolfcrypt/error-crypt.h>

#include "core/base/hash.h"
#include "tls/client_cert.h"
#include "tls/context_private.h"
#include "tls/pem.h"
#include "tls/x509.h"

struct authority {
    struct authority *next;
    struct span der; /* malloc'ed */
    struct x509 parsed;
};

struct tls_client_trust {
    struct authority *authorities;
    struct crl_set *crls; /* NULL: not asked */
    uint64_t digest;
};

/* ---- making ---- */

static enum err add_authority(struct tls_client_trust *trust, const struct pem_block *block,
                              struct err_text *why)
{
    struct authority *authority = calloc(1, sizeof(*authority));
    uint8_t *der = malloc(pem_decoded_max(block) + 1);
    size_t len = 0;
    enum err error = authority == NULL || der == NULL ? err_set(why, ERR_NOMEM, "out of memory")
                                                      : pem_decode(block, der, &len, why);
    if (error == ERR_OK)
        error = x509_parse(span_make(der, len), &authority->parsed, why);
    if (error != ERR_OK) {
        err_prefix(why, "the certificate of line %zu", block->line);
        free(authority);
        free(der);
        return error;
    }
    authority->der = span_make(der, len);
    authority->next = trust->authorities;
    trust->authorities = authority;
    trust->digest = hash_span_salted(authority->der, trust->digest);
    return ERR_OK;
}

static enum err add_file(struct tls_client_trust *trust, struct span pem, struct err_text *why)
{
    const struct authority *before = trust->authorities;
    struct pem_reader reader;
    struct pem_block block;
    pem_reader_init(&reader, pem);
    for (;;) {
        enum err error = pem_next(&reader, &block, why);
        if (error == ERR_NOTFOUND)
            break;
        TRY(error);
        if (span_equal(block.label, SPAN("CERTIFICATE")))
            TRY(add_authority(trust, &block, why));
    }
    if (trust->authorities == before)
        return err_set(why, ERR_SYNTAX, "holds no certificate: a CA file is PEM with at least one "
                       "\"CERTIFICATE\" block");
    return ERR_OK;
}

enum err tls_client_trust_create(const struct span *pems, size_t count, struct crl_set *crls,
                                 struct tls_client_trust **out, struct err_text *why)
{
    struct tls_client_trust *trust = calloc(1, sizeof(*trust));
    if (trust == NULL)
        return err_set(why, ERR_NOMEM, "out of memory");
    enum err error = ERR_OK;
    trust->digest = 1;
    for (size_t i = 0; i < count && error == ERR_OK; i++) {
        error = add_file(trust, pems[i], why);
        if (error != ERR_OK)
            err_prefix(why, "CA file %zu", i + 1);
    }
    if (error != ERR_OK) {
        tls_client_trust_destroy(trust);
        return error;
    }
    if (crls != NULL) {
        trust->crls = crl_set_ref(crls);
        trust->digest = hash_span_salted(span_make(&crls->digest, sizeof(crls->digest)),
                                         trust->digest + 1);
    }
    *out = trust;
    return ERR_OK;
}

void tls_client_trust_destroy(struct tls_client_trust *trust)
{
    if (trust == NULL)
        return;
    while (trust->authorities != NULL) {
        struct authority *next = trust->authorities->next;
        free((char *)(uintptr_t)trust->authorities->der.ptr);
        free(trust->authorities);
        trust->authorities = next;
    }
    crl_set_unref(trust->crls);
    free(trust);
}

uint64_t tls_client_trust_digest(const struct tls_client_trust *trust)
{
    return trust->digest;
}

/* ---- the path ---- */

struct path {
    size_t count;
    struct span der[CLIENT_CERT_MAX]; /* the leaf first */
    struct x509 parsed[CLIENT_CERT_MAX];
};

static enum tls_alert refuse(struct err_text *why, enum tls_alert alert,
                                    const char *reason)
{
    (void)err_set(why, ERR_TLS, "%s", reason);
    return alert;
}

static const struct authority *authority_of(const struct authority *from, struct span issuer)
{
    while (from != NULL && !span_equal(from->parsed.subject, issuer))
        from = from->next;
    return from;
}

static bool path_has(const struct path *path, struct span der)
{
    for (size_t i = 0; i < path->count; i++)
        if (span_equal(path->der[i], der))
            return true;
    return false;
}

/* A certificate with this subject among those sent, that the path has not yet. */
static bool extend(struct path *path, const struct span *certs, size_t count, struct span issuer)
{
    for (size_t i = 1; i < count; i++) {
        struct x509 *parsed = &path->parsed[path->count];
        if (path_has(path, certs[i]) || x509_parse(certs[i], parsed, NULL) != ERR_OK ||
            !span_equal(parsed->subject, issuer))
            continue;
        path->der[path->count++] = certs[i];
        return true;
    }
    return false;
}

/* The authority that the path ends below, or NULL. */
static const struct authority *find_path(const struct tls_client_trust *trust,
                                         const struct span *certs, size_t count,
                                         struct path *path)
{
    path->der[0] = certs[0];
    path->count = 1;
    for (;;) {
        struct span issuer = path->parsed[path->count - 1].issuer;
        const struct authority *top = authority_of(trust->authorities, issuer);
        if (top != NULL)
            return top;
        if (path->count == CLIENT_CERT_MAX || !extend(path, certs, count, issuer))
            return NULL;
    }
}

/* ---- signatures, dates, purposes ---- */

static enum tls_alert judge(int result, struct err_text *why)
{
    switch (result) {
    case WOLFSSL_SUCCESS:
        return TLS_CLIENT_ACCEPTED;
    case ASN_AFTER_DATE_E:
        return refuse(why, TLS_ALERT_CERTIFICATE_EXPIRED, "the certificate is expired");
    case ASN_BEFORE_DATE_E:
        return refuse(why, TLS_ALERT_CERTIFICATE_EXPIRED, "the certificate is not valid yet");
    case ASN_NO_SIGNER_E:
    case ASN_SELF_SIGNED_E:
        return refuse(why, TLS_ALERT_UNKNOWN_CA,
                      "the certificate is signed by an unknown authority");
    case ASN_PATHLEN_INV_E:
    case ASN_PATHLEN_SIZE_E:
        return refuse(why, TLS_ALERT_UNKNOWN_CA,
                      "there are more certificates in the chain than an authority allows");
    case ASN_SIG_CONFIRM_E:
        return refuse(why, TLS_ALERT_BAD_CERTIFICATE, "the certificate's signature is wrong");
    case MEMORY_E:
        return refuse(why, TLS_ALERT_INTERNAL_ERROR, "out of memory");
    default:
        return refuse(why, TLS_ALERT_BAD_CERTIFICATE, tls_wolfssl_reason(result));
    }
}

static int load(WOLFSSL_CERT_MANAGER *manager, struct span der)
{
    return wolfSSL_CertManagerLoadCABuffer(manager, (const byte *)der.ptr, (long)der.len,
                                           WOLFSSL_FILETYPE_ASN1);
}

/* A certificate of version 1 cannot say what it may do. */
static bool may_sign(const struct x509 *parsed)
{
    return (parsed->is_ca || !parsed->has_extensions) &&
           (!parsed->has_key_usage || parsed->signs_certs);
}

/* All authorities of that name: one of them may have been renewed with a new key. */
static enum tls_alert load_authorities(WOLFSSL_CERT_MANAGER *manager,
                                              const struct authority *first,
                                              struct err_text *why)
{
    struct span name = first->parsed.subject;
    enum tls_alert best =
        refuse(why, TLS_ALERT_UNKNOWN_CA, "the certificate of caFiles may not sign others");
    for (const struct authority *one = first; one != NULL; one = authority_of(one->next, name)) {
        struct err_text reason = {""};
        if (!may_sign(&one->parsed))
            continue;
        enum tls_alert alert = judge(load(manager, one->der), &reason);
        if (best == TLS_CLIENT_ACCEPTED)
            continue;
        best = alert;
        (void)err_set(why, ERR_TLS, "the authority of caFiles: %s", reason.text);
    }
    return best;
}

static enum tls_alert check_purpose(const struct x509 *parsed, bool signs,
                                           struct err_text *why)
{
    if (parsed->has_purposes && !parsed->is_for_clients)
        return refuse(why, TLS_ALERT_UNSUPPORTED_CERTIFICATE,
                      "the certificate is not meant for clients (extended key usage)");
    if (signs && (!parsed->is_ca || !may_sign(parsed)))
        return refuse(why, TLS_ALERT_BAD_CERTIFICATE,
                      "an intermediate certificate may not sign certificates");
    return TLS_CLIENT_ACCEPTED;
}

static enum tls_alert check_signatures(const struct path *path,
                                              const struct authority *top, struct err_text *why)
{
    WOLFSSL_CERT_MANAGER *manager = wolfSSL_CertManagerNew();
    if (manager == NULL)
        return refuse(why, TLS_ALERT_INTERNAL_ERROR, "out of memory");
    enum tls_alert alert = load_authorities(manager, top, why);
    for (size_t i = path->count; i-- > 0 && alert == TLS_CLIENT_ACCEPTED;) {
        struct span der = path->der[i];
        alert = judge(wolfSSL_CertManagerVerifyBuffer(manager, (const byte *)der.ptr,
                                                      (long)der.len, WOLFSSL_FILETYPE_ASN1),
                      why);
        if (alert == TLS_CLIENT_ACCEPTED)
            alert = check_purpose(&path->parsed[i], i > 0, why);
        if (alert == TLS_CLIENT_ACCEPTED && i > 0)
            alert = judge(load(manager, der), why);
    }
    wolfSSL_CertManagerFree(manager);
    return alert;
}

/* ---- revocation ---- */

static enum tls_alert judge_revocation(enum err error, struct err_text *why)
{
    switch (error) {
    case ERR_OK:
        return TLS_CLIENT_ACCEPTED;
    case ERR_EXISTS:
        return refuse(why, TLS_ALERT_CERTIFICATE_REVOKED, "the certificate is revoked");
    case ERR_TIMEOUT:
        return refuse(why, TLS_ALERT_CERTIFICATE_UNKNOWN,
                      "the CRL of the certificate's issuer is not current: renew it");
    case ERR_MISMATCH:
        return refuse(why, TLS_ALERT_CERTIFICATE_UNKNOWN,
                      "the CRL of that name is not of the key of the certificate's issuer");
    case ERR_NOTFOUND:
        return refuse(why, TLS_ALERT_CERTIFICATE_UNKNOWN,
                      "there is no CRL of the certificate's issuer in weir.tls.crlFiles");
    default:
        return refuse(why, TLS_ALERT_CERTIFICATE_UNKNOWN,
                      "a CRL of the certificate's issuer has a wrong signature or cannot be "
                      "checked");
    }
}

/* Of authorities with one name any may have issued the certificate; a list of
 * one of them that names it is enough to refuse it. */
static enum err ask_authorities(const struct crl_set *crls, const struct authority *first,
                                struct span serial, int64_t now_s)
{
    struct span name = first->parsed.subject;
    enum err best = ERR_NOTFOUND;
    for (const struct authority *one = first; one != NULL; one = authority_of(one->next, name)) {
        enum err error = crl_set_check(crls, one->der, serial, now_s);
        bool is_final = error != ERR_OK && error != ERR_NOTFOUND && error != ERR_TIMEOUT &&
                        error != ERR_MISMATCH;
        if (is_final) /* revoked, or it cannot be told */
            return error;
        if (best != ERR_OK)
            best = error;
    }
    return best;
}

static enum tls_alert check_revocation(const struct crl_set *crls, const struct path *path,
                                              const struct authority *top, int64_t now_s,
                                              struct err_text *why)
{
    enum tls_alert alert = TLS_CLIENT_ACCEPTED;
    for (size_t i = path->count; i-- > 0 && alert == TLS_CLIENT_ACCEPTED;) {
        struct span serial = path->parsed[i].serial;
        enum err error = i + 1 < path->count
                             ? crl_set_check(crls, path->der[i + 1], serial, now_s)
                             : ask_authorities(crls, top, serial, now_s);
        alert = judge_revocation(error, why);
    }
    return alert;
}

/* ---- all of it ---- */

/* A certificate that caFiles name needs no other to vouch for it. */
static bool is_authority(const struct tls_client_trust *trust, struct span der)
{
    for (const struct authority *one = trust->authorities; one != NULL; one = one->next)
        if (span_equal(one->der, der))
            return true;
    return false;
}

static enum tls_alert check_dates(const struct x509 *parsed, int64_t now_s,
                                         struct err_text *why)
{
    if (now_s > parsed->not_after_s)
        return judge(ASN_AFTER_DATE_E, why);
    return now_s < parsed->not_before_s ? judge(ASN_BEFORE_DATE_E, why) : TLS_CLIENT_ACCEPTED;
}

enum tls_alert tls_client_trust_verify(const struct tls_client_trust *trust,
                                              const struct span *certs, size_t count,
                                              int64_t now_s, struct err_text *why)
{
    struct path path;
    assert(count > 0);
    if (x509_parse(certs[0], &path.parsed[0], why) != ERR_OK)
        return TLS_ALERT_BAD_CERTIFICATE;
    if (is_authority(trust, certs[0])) {
        enum tls_alert alert = check_purpose(&path.parsed[0], false, why);
        return alert != TLS_CLIENT_ACCEPTED ? alert : check_dates(&path.parsed[0], now_s, why);
    }
    const struct authority *top = find_path(trust, certs, count, &path);
    if (top == NULL)
        return judge(ASN_NO_SIGNER_E, why);
    enum tls_alert alert = check_signatures(&path, top, why);
    if (alert != TLS_CLIENT_ACCEPTED || trust->crls == NULL)
        return alert;
    return check_revocation(trust->crls, &path, top, now_s, why);
}
