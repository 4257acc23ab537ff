/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * wolfSSL writes and signs each leaf; the PEM goes into one large mapping, one
 * text after the other.
 */
#include "perf/certs/generate.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <wolfssl/options.h>

#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/error-crypt.h>

#define KEYS 10
#define TEXT_PER_CERT 4096
#define DER_MAX 4096

static void check(int result, const char *what)
{
    if (result >= 0)
        return;
    fprintf(stderr, "%s: %s\n", what, wc_GetErrorString(result));
    exit(1);
}

struct generator {
    WC_RNG rng;
    ecc_key issuer, keys[KEYS];
    struct span issuer_der, issuer_pem, key_pems[KEYS];
    Cert cert; /* large: kept out of the stack */
    char *text;
};

static struct span append_pem(struct generator *generator, const uint8_t *der, int len, int type)
{
    int size = wc_DerToPem(der, (word32)len, (byte *)generator->text, TEXT_PER_CERT, type);
    check(size, "wc_DerToPem");
    struct span pem = span_make(generator->text, (size_t)size);
    generator->text += size;
    return pem;
}

static void make_key(struct generator *generator, ecc_key *key)
{
    check(wc_ecc_init(key), "wc_ecc_init");
    check(-abs(wc_ecc_make_key_ex(&generator->rng, 32, key, ECC_SECP256R1)), "wc_ecc_make_key_ex");
}

static void make_keys(struct generator *generator)
{
    for (size_t i = 0; i < KEYS; i++) {
        uint8_t der[DER_MAX];
        word32 len = sizeof(der);
        make_key(generator, &generator->keys[i]);
        check(wc_EccKeyToPKCS8(&generator->keys[i], der, &len), "wc_EccKeyToPKCS8");
        generator->key_pems[i] = append_pem(generator, der, (int)len, PKCS8_PRIVATEKEY_TYPE);
    }
}

static int sign(struct generator *generator, ecc_key *key, uint8_t *der)
{
    Cert *cert = &generator->cert;
    cert->sigType = CTC_SHA256wECDSA;
    int body = wc_MakeCert(cert, der, DER_MAX, NULL, key, &generator->rng);
    check(body, "wc_MakeCert");
    int len = wc_SignCert(body, cert->sigType, der, DER_MAX, NULL, &generator->issuer,
                          &generator->rng);
    check(len, "wc_SignCert");
    return len;
}

static void make_issuer(struct generator *generator)
{
    static uint8_t der[DER_MAX];
    Cert *cert = &generator->cert;
    make_key(generator, &generator->issuer);
    check(wc_InitCert(cert), "wc_InitCert");
    snprintf(cert->subject.org, sizeof(cert->subject.org), "Benchmark Authority");
    snprintf(cert->subject.commonName, sizeof(cert->subject.commonName), "Benchmark CA 1");
    cert->isCA = 1;
    int len = sign(generator, &generator->issuer, der);
    generator->issuer_der = span_make(der, (size_t)len);
    generator->issuer_pem = append_pem(generator, der, len, CERT_TYPE);
}

size_t generate_exact_name(size_t i, char out[64])
{
    return (size_t)snprintf(out, 64, "shop%zu.customers.example", i);
}

size_t generate_wildcard_name(size_t i, char out[64])
{
    return (size_t)snprintf(out, 64, "anything.shop%zu.customers.example", i);
}

/* GeneralNames with two DNS names; short enough for one-byte lengths. */
static void set_names(Cert *cert, size_t i)
{
    char names[2][64];
    size_t lens[2] = {generate_exact_name(i, names[0]), 0};
    lens[1] = (size_t)snprintf(names[1], 64, i % 10 == 0 ? "*.%s" : "www.%s", names[0]);
    uint8_t *at = cert->altNames + 2;
    for (size_t n = 0; n < 2; n++) {
        *at++ = 0x82;
        *at++ = (uint8_t)lens[n];
        memcpy(at, names[n], lens[n]);
        at += lens[n];
    }
    cert->altNames[0] = 0x30;
    cert->altNames[1] = (uint8_t)(at - cert->altNames - 2);
    cert->altNamesSz = (int)(at - cert->altNames);
    snprintf(cert->subject.commonName, sizeof(cert->subject.commonName), "%s", names[0]);
}

static struct generated make_leaf(struct generator *generator, size_t i)
{
    uint8_t der[DER_MAX];
    Cert *cert = &generator->cert;
    check(wc_InitCert(cert), "wc_InitCert");
    check(wc_SetIssuerBuffer(cert, (const byte *)generator->issuer_der.ptr,
                             (int)generator->issuer_der.len),
          "wc_SetIssuerBuffer");
    check(wc_SetKeyUsage(cert, "digitalSignature"), "wc_SetKeyUsage");
    check(wc_SetExtKeyUsage(cert, "serverAuth,clientAuth"), "wc_SetExtKeyUsage");
    check(wc_SetSubjectKeyIdFromPublicKey(cert, NULL, &generator->keys[i % KEYS]), "key id");
    check(wc_SetAuthKeyIdFromPublicKey(cert, NULL, &generator->issuer), "authority's key id");
    set_names(cert, i);
    int len = sign(generator, &generator->keys[i % KEYS], der);
    struct span pem = append_pem(generator, der, len, CERT_TYPE);
    memcpy(generator->text, generator->issuer_pem.ptr, generator->issuer_pem.len);
    generator->text += generator->issuer_pem.len;
    pem.len += generator->issuer_pem.len;
    return (struct generated){pem, generator->key_pems[i % KEYS]};
}

static void *map(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        perror("mmap");
        exit(1);
    }
    return memory;
}

struct generated *generate_certs(size_t count)
{
    static struct generator generator;
    struct generated *all = map(count * sizeof(*all));
    generator.text = map((count + KEYS + 2) * TEXT_PER_CERT);
    check(-abs(wc_InitRng(&generator.rng)), "wc_InitRng");
    make_keys(&generator);
    make_issuer(&generator);
    for (size_t i = 0; i < count; i++)
        all[i] = make_leaf(&generator, i);
    return all;
}
