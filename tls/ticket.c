/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A ring holds its keys with the newest first; each has a name that travels in
 * front of the ticket and says which key opens it. Nonces are drawn at random:
 * with 96 bits and a key of 12 hours that is safe far beyond the tickets one
 * machine can make. The secret of a key from a file is derived for this use and
 * this version of wolfSSL, whose own state is what a ticket holds: another
 * version must not read it. What a ticket is bound to is not in it: it is
 * authenticated with it, so a ticket for another binding does not open.
 */
#include "tls/ticket.h"

#include <assert.h>
#include <endian.h>
#include <stdlib.h>

#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/aes.h>
#include <wolfssl/wolfcrypt/hmac.h>

#include "core/base/rcu.h"
#include "tls/random.h"

#define TICKET_KEY_SIZE 32

struct ticket_key {
    uint8_t name[TICKET_NAME_SIZE];
    uint8_t secret[TICKET_KEY_SIZE];
};

struct ticket_keys {
    size_t count, seal;
    struct ticket_key keys[TICKET_KEYS_MAX]; /* newest first */
};

static _Atomic(struct ticket_keys *) published;

enum err ticket_keys_create(const struct ticket_keys *previous, struct ticket_keys **out)
{
    struct ticket_keys *ring = calloc(1, sizeof(*ring));
    if (ring == NULL)
        return ERR_NOMEM;
    if (weir_random_block((unsigned char *)&ring->keys[0], sizeof(ring->keys[0])) != 0) {
        free(ring);
        return ERR_SYSTEM;
    }
    ring->count = 1;
    size_t kept = previous != NULL ? previous->count : 0;
    if (kept > TICKET_GENERATIONS - 1)
        kept = TICKET_GENERATIONS - 1;
    for (size_t i = 0; i < kept; i++)
        ring->keys[ring->count++] = previous->keys[i];
    *out = ring;
    return ERR_OK;
}

static enum err derive_secret(struct span from, uint8_t out[TICKET_KEY_SIZE])
{
    static const char purpose[] = "weir session ticket, wolfSSL " LIBWOLFSSL_VERSION_STRING;
    int result = wc_HKDF(WC_SHA256, (const byte *)from.ptr, (word32)from.len, NULL, 0,
                         (const byte *)purpose, sizeof(purpose) - 1, out, TICKET_KEY_SIZE);
    return result == 0 ? ERR_OK : ERR_TLS;
}

static bool has_name(const struct ticket_keys *ring, const uint8_t *name)
{
    for (size_t i = 0; i < ring->count; i++) {
        if (memcmp(ring->keys[i].name, name, TICKET_NAME_SIZE) == 0)
            return true;
    }
    return false;
}

static enum err add_derived(struct ticket_keys *ring, const struct ticket_material *material)
{
    struct ticket_key *key = &ring->keys[ring->count];
    assert(material->name.len == TICKET_NAME_SIZE && ring->count < TICKET_KEYS_MAX);
    if (has_name(ring, (const uint8_t *)material->name.ptr))
        return ERR_EXISTS;
    memcpy(key->name, material->name.ptr, TICKET_NAME_SIZE);
    TRY(derive_secret(material->secret, key->secret));
    ring->count++;
    return ERR_OK;
}

enum err ticket_keys_derive(const struct ticket_material *material, size_t count, size_t seal,
                            struct ticket_keys **out)
{
    assert(seal < count && count <= TICKET_KEYS_MAX);
    struct ticket_keys *ring = calloc(1, sizeof(*ring));
    if (ring == NULL)
        return ERR_NOMEM;
    ring->seal = seal;
    enum err error = ERR_OK;
    for (size_t i = 0; error == ERR_OK && i < count; i++)
        error = add_derived(ring, &material[i]);
    if (error != ERR_OK) {
        ticket_keys_destroy(ring);
        return error;
    }
    *out = ring;
    return ERR_OK;
}

void ticket_keys_destroy(struct ticket_keys *keys)
{
    if (keys == NULL)
        return;
    explicit_bzero(keys, sizeof(*keys));
    free(keys);
}

struct ticket_keys *ticket_keys_publish(struct ticket_keys *keys)
{
    return rcu_exchange(&published, keys);
}

const struct ticket_keys *ticket_keys_current(void)
{
    return rcu_load(&published);
}

/* What is authenticated beside the ticket: key name, group, options. */
struct binding_bytes {
    uint8_t bytes[TICKET_NAME_SIZE + 2 * sizeof(uint64_t)];
};

static struct binding_bytes binding_serialise(const struct ticket_key *key,
                                              const struct ticket_binding *binding)
{
    struct binding_bytes out;
    memcpy(out.bytes, key->name, TICKET_NAME_SIZE);
    uint64_t numbers[2] = {htole64(binding->cert_group), htole64(binding->options_identity)};
    memcpy(out.bytes + TICKET_NAME_SIZE, numbers, sizeof(numbers));
    return out;
}

static enum err cipher_start(Aes *cipher, const struct ticket_key *key)
{
    if (wc_AesInit(cipher, NULL, INVALID_DEVID) != 0)
        return ERR_TLS;
    if (wc_AesGcmSetKey(cipher, key->secret, TICKET_KEY_SIZE) == 0)
        return ERR_OK;
    wc_AesFree(cipher);
    return ERR_TLS;
}

static void cipher_stop(Aes *cipher)
{
    wc_AesFree(cipher);
    explicit_bzero(cipher, sizeof(*cipher));
}

enum err ticket_seal_pieces(const struct ticket_keys *keys, const struct ticket_binding *binding,
                            const struct ticket_pieces *pieces)
{
    const struct ticket_key *key = &keys->keys[keys->seal];
    struct binding_bytes bound = binding_serialise(key, binding);
    Aes cipher;
    if (weir_random_block(pieces->nonce, TICKET_NONCE_SIZE) != 0)
        return ERR_SYSTEM;
    TRY(cipher_start(&cipher, key));
    int result = wc_AesGcmEncrypt(&cipher, pieces->bytes, pieces->bytes, (word32)pieces->len,
                                  pieces->nonce, TICKET_NONCE_SIZE, pieces->tag, TICKET_TAG_SIZE,
                                  bound.bytes, sizeof(bound.bytes));
    cipher_stop(&cipher);
    if (result != 0)
        return ERR_TLS;
    memcpy(pieces->name, key->name, TICKET_NAME_SIZE);
    return ERR_OK;
}

enum err ticket_open_pieces(const struct ticket_keys *keys, const struct ticket_binding *binding,
                            const struct ticket_pieces *pieces, uint8_t *out, bool *old)
{
    size_t i = 0;
    while (i < keys->count && memcmp(keys->keys[i].name, pieces->name, TICKET_NAME_SIZE) != 0)
        i++;
    if (i == keys->count)
        return ERR_MISMATCH;
    struct binding_bytes bound = binding_serialise(&keys->keys[i], binding);
    Aes cipher;
    TRY(cipher_start(&cipher, &keys->keys[i]));
    int result = wc_AesGcmDecrypt(&cipher, out, pieces->bytes, (word32)pieces->len, pieces->nonce,
                                  TICKET_NONCE_SIZE, pieces->tag, TICKET_TAG_SIZE, bound.bytes,
                                  sizeof(bound.bytes));
    cipher_stop(&cipher);
    if (result != 0)
        return ERR_MISMATCH;
    *old = i > keys->seal;
    return ERR_OK;
}

/* name | nonce | bytes | tag */
static struct ticket_pieces ticket_split(uint8_t *ticket, size_t plain_len)
{
    uint8_t *bytes = ticket + TICKET_NAME_SIZE + TICKET_NONCE_SIZE;
    return (struct ticket_pieces){
        .name = ticket,
        .nonce = ticket + TICKET_NAME_SIZE,
        .tag = bytes + plain_len,
        .bytes = bytes,
        .len = plain_len,
    };
}

enum err ticket_seal(const struct ticket_keys *keys, const struct ticket_binding *binding,
                     struct span plain, uint8_t *out, size_t *out_len)
{
    struct ticket_pieces pieces = ticket_split(out, plain.len);
    memcpy(pieces.bytes, plain.ptr, plain.len);
    TRY(ticket_seal_pieces(keys, binding, &pieces));
    *out_len = plain.len + TICKET_OVERHEAD;
    return ERR_OK;
}

enum err ticket_open(const struct ticket_keys *keys, const struct ticket_binding *binding,
                     struct span sealed, uint8_t *out, size_t *out_len, bool *old)
{
    if (sealed.len <= TICKET_OVERHEAD)
        return ERR_MISMATCH;
    struct ticket_pieces pieces =
        ticket_split((uint8_t *)(uintptr_t)sealed.ptr, sealed.len - TICKET_OVERHEAD);
    TRY(ticket_open_pieces(keys, binding, &pieces, out, old));
    *out_len = pieces.len;
    return ERR_OK;
}
