/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names become GeneralNames, never text that libcrypto would parse, so that no
 * name can be read as something else.
 */
#include "tls/acme_csr.h"

#include <arpa/inet.h>
#include <openssl/asn1.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#define COMMON_NAME_MAX 64 /* ub-common-name */
#define ACME_IDENTIFIER "1.3.6.1.5.5.7.1.31"
#define ALPN_VALID_S (7 * 24 * 3600)
#define VERSION_3 2

/* The address in bytes; returns how many, or 0. */
static size_t ip_bytes(struct span name, uint8_t out[16])
{
    char text[INET6_ADDRSTRLEN];
    if (name.len == 0 || name.len >= sizeof(text))
        return 0;
    memcpy(text, name.ptr, name.len);
    text[name.len] = '\0';
    if (inet_pton(AF_INET, text, out) == 1)
        return 4;
    return inet_pton(AF_INET6, text, out) == 1 ? 16 : 0;
}

bool acme_name_is_ip(struct span name)
{
    uint8_t ignored[16];
    return ip_bytes(name, ignored) > 0;
}

static bool push_name(GENERAL_NAMES *names, int type, const void *bytes, size_t len)
{
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_STRING *value = type == GEN_IPADD ? ASN1_OCTET_STRING_new() : ASN1_IA5STRING_new();
    if (name == NULL || value == NULL || ASN1_STRING_set(value, bytes, (int)len) != 1) {
        GENERAL_NAME_free(name);
        ASN1_STRING_free(value);
        return false;
    }
    GENERAL_NAME_set0_value(name, type, value);
    if (sk_GENERAL_NAME_push(names, name) > 0)
        return true;
    GENERAL_NAME_free(name);
    return false;
}

static bool push_host(GENERAL_NAMES *names, struct span host)
{
    uint8_t ip[16];
    size_t ip_len = ip_bytes(host, ip);
    return ip_len > 0 ? push_name(names, GEN_IPADD, ip, ip_len)
                      : push_name(names, GEN_DNS, host.ptr, host.len);
}

static GENERAL_NAMES *names_of(const struct acme_csr *csr)
{
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    bool good = names != NULL;
    for (size_t i = 0; good && i < csr->name_count; i++)
        good = push_host(names, csr->names[i]);
    for (size_t i = 0; good && i < csr->email_count; i++)
        good = push_name(names, GEN_EMAIL, csr->emails[i].ptr, csr->emails[i].len);
    if (good)
        return names;
    GENERAL_NAMES_free(names);
    return NULL;
}

static bool add_extensions(X509_REQ *request, const struct acme_csr *csr)
{
    GENERAL_NAMES *names = names_of(csr);
    STACK_OF(X509_EXTENSION) *extensions = NULL;
    bool good = names != NULL &&
                X509V3_add1_i2d(&extensions, NID_subject_alt_name, names, 0, 0) == 1 &&
                X509_REQ_add_extensions(request, extensions) == 1;
    GENERAL_NAMES_free(names);
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    return good;
}

static bool add_common_name(X509_REQ *request, const struct acme_csr *csr)
{
    if (csr->no_common_name || csr->name_count == 0)
        return true;
    struct span first = csr->names[0];
    if (first.len > COMMON_NAME_MAX || acme_name_is_ip(first))
        return true;
    return X509_NAME_add_entry_by_NID(X509_REQ_get_subject_name(request), NID_commonName,
                                      MBSTRING_UTF8, (const unsigned char *)first.ptr,
                                      (int)first.len, -1, 0) == 1;
}

static bool fill(X509_REQ *request, const struct acme_csr *csr)
{
    EVP_PKEY *key = acme_key_native(csr->key);
    const EVP_MD *hash = EVP_PKEY_get_bits(key) == 384 ? EVP_sha384() : EVP_sha256();
    return X509_REQ_set_version(request, 0) == 1 && add_common_name(request, csr) &&
           X509_REQ_set_pubkey(request, key) == 1 && add_extensions(request, csr) &&
           X509_REQ_sign(request, key, hash) > 0;
}

enum err acme_csr_append(const struct acme_csr *csr, struct buf *out, struct err_text *why)
{
    unsigned char *der = NULL;
    X509_REQ *request = X509_REQ_new();
    if (request == NULL)
        return err_set(why, ERR_NOMEM, "out of memory");
    int len = fill(request, csr) ? i2d_X509_REQ(request, &der) : 0;
    X509_REQ_free(request);
    if (len <= 0)
        return err_set(why, ERR_TLS, "libcrypto cannot make the certificate request");
    enum err error = buf_append(out, span_make(der, (size_t)len));
    OPENSSL_free(der);
    return error;
}

/* ---- TLS-ALPN-01 ---- */

/* RFC 8737 §3: the digest in an OCTET STRING, and that in the extension's own. */
static bool add_identifier(X509 *cert, struct span key_authorization)
{
    unsigned char inner[2 + 32] = {V_ASN1_OCTET_STRING, 32};
    ASN1_OBJECT *id = OBJ_txt2obj(ACME_IDENTIFIER, 1);
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    X509_EXTENSION *extension = NULL;
    bool good = id != NULL && value != NULL &&
                EVP_Digest(key_authorization.ptr, key_authorization.len, inner + 2, NULL,
                           EVP_sha256(), NULL) == 1 &&
                ASN1_OCTET_STRING_set(value, inner, sizeof(inner)) == 1 &&
                (extension = X509_EXTENSION_create_by_OBJ(NULL, id, 1, value)) != NULL &&
                X509_add_ext(cert, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    ASN1_OCTET_STRING_free(value);
    ASN1_OBJECT_free(id);
    return good;
}

static bool add_name(X509 *cert, struct span name)
{
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    bool good = names != NULL && push_host(names, name) &&
                X509_add1_ext_i2d(cert, NID_subject_alt_name, names, 0, 0) == 1;
    GENERAL_NAMES_free(names);
    return good;
}

static bool fill_alpn(X509 *cert, EVP_PKEY *key, struct span name, struct span key_authorization)
{
    X509_NAME *subject = X509_get_subject_name(cert);
    return X509_set_version(cert, VERSION_3) == 1 &&
           ASN1_INTEGER_set(X509_get_serialNumber(cert), 1) == 1 &&
           X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                                      (const unsigned char *)"ACME challenge", -1, -1, 0) == 1 &&
           X509_set_issuer_name(cert, subject) == 1 &&
           X509_gmtime_adj(X509_getm_notBefore(cert), -3600) != NULL &&
           X509_gmtime_adj(X509_getm_notAfter(cert), ALPN_VALID_S) != NULL &&
           X509_set_pubkey(cert, key) == 1 && add_name(cert, name) &&
           add_identifier(cert, key_authorization) && X509_sign(cert, key, EVP_sha256()) > 0;
}

static enum err alpn_cert(const struct acme_key *key, struct span name,
                          struct span key_authorization, struct cert **out, struct err_text *why)
{
    struct buf key_der;
    unsigned char *der = NULL;
    X509 *cert = X509_new();
    buf_init(&key_der, ACME_KEY_TEXT_MAX);
    int len = cert != NULL && fill_alpn(cert, acme_key_native(key), name, key_authorization)
                  ? i2d_X509(cert, &der)
                  : 0;
    X509_free(cert);
    enum err error = len > 0 ? acme_key_append_der(key, &key_der)
                             : err_set(why, ERR_TLS, "libcrypto cannot make the certificate");
    if (error == ERR_OK)
        error = cert_create(span_make(der, (size_t)len), buf_span(&key_der), out, why);
    OPENSSL_free(der);
    if (key_der.data != NULL)
        explicit_bzero(key_der.data, key_der.cap);
    buf_finish(&key_der);
    return error;
}

enum err acme_alpn_cert_create(struct span name, struct span key_authorization, struct cert **out,
                               struct err_text *why)
{
    struct acme_key *key;
    TRY(acme_key_generate(ACME_KEY_EC256, NULL, &key, why));
    enum err error = alpn_cert(key, name, key_authorization, out, why);
    acme_key_destroy(key);
    return error;
}
