/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is signed is put together in one buf: for a response the request's MAC,
 * then the message as it was without its last record, then the variables
 * (RFC 8945 §4.3).
 */
#include "core/control/dns_tsig.h"

#include "tls/base64.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#define SIGNED_MAX (DNS_MESSAGE_MAX + 2048)
#define COUNT_AT 10 /* of the additional records */

struct dns_tsig_algorithm {
    struct span name;
    const EVP_MD *(*digest)(void);
};

static const struct dns_tsig_algorithm algorithms[] = {
    {{"hmac-sha1", 9}, EVP_sha1},     {{"hmac-sha224", 11}, EVP_sha224},
    {{"hmac-sha256", 11}, EVP_sha256}, {{"hmac-sha384", 11}, EVP_sha384},
    {{"hmac-sha512", 11}, EVP_sha512},
};

struct tsig {
    struct dns_name algorithm;
    uint64_t time_s;
    unsigned fudge, original_id, error;
    struct span mac, other;
};

/* ---- keys ---- */

static const struct dns_tsig_algorithm *find_algorithm(struct span name)
{
    if (span_ends_with(name, SPAN(".")))
        name.len--;
    for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++)
        if (span_equal_nocase(name, algorithms[i].name))
            return &algorithms[i];
    return NULL;
}

enum err dns_tsig_key_set(struct dns_tsig_key *key, struct span name, struct span algorithm,
                          struct span secret, struct err_text *why)
{
    struct buf bytes;
    *key = (struct dns_tsig_key){.algorithm = find_algorithm(algorithm)};
    if (key->algorithm == NULL)
        return err_set(why, ERR_UNSUPPORTED,
                       "the algorithm \"%.*s\" is not supported; use hmac-sha1, hmac-sha224, "
                       "hmac-sha256, hmac-sha384 or hmac-sha512",
                       SPAN_ARG(algorithm));
    if (dns_name_parse(name, &key->name) != ERR_OK)
        return err_set(why, ERR_SYNTAX, "the key's name \"%.*s\" is no name", SPAN_ARG(name));
    dns_name_canonicalize(&key->name);
    buf_init_fixed(&bytes, (char *)key->secret, sizeof(key->secret));
    if (base64_decode(&bytes, secret, BASE64_STANDARD) != ERR_OK || buf_len(&bytes) == 0)
        return err_set(why, ERR_SYNTAX, "the key's secret is not Base64");
    key->secret_len = buf_len(&bytes);
    return ERR_OK;
}

/* ---- the MAC ---- */

static enum err append_number(struct buf *out, uint64_t value, unsigned bytes)
{
    uint8_t text[8];
    for (unsigned i = 0; i < bytes; i++)
        text[i] = (uint8_t)(value >> 8 * (bytes - 1 - i));
    return buf_append(out, span_make(text, bytes));
}

static enum err append_name(struct buf *out, const struct dns_name *name)
{
    return buf_append(out, span_make(name->wire, name->len));
}

static enum err append_variables(struct buf *out, const struct dns_tsig_key *key,
                                 const struct tsig *tsig)
{
    TRY(append_name(out, &key->name));
    TRY(append_number(out, DNS_ANY, 2));
    TRY(append_number(out, 0, 4)); /* TTL */
    TRY(append_name(out, &tsig->algorithm));
    TRY(append_number(out, tsig->time_s, 6));
    TRY(append_number(out, tsig->fudge, 2));
    TRY(append_number(out, tsig->error, 2));
    TRY(append_number(out, tsig->other.len, 2));
    return buf_append(out, tsig->other);
}

static enum err compute(const struct dns_tsig_key *key, struct span text,
                        struct dns_tsig_mac *mac)
{
    unsigned len = 0;
    if (HMAC(key->algorithm->digest(), key->secret, (int)key->secret_len,
             (const unsigned char *)text.ptr, text.len, mac->bytes, &len) == NULL)
        return ERR_TLS;
    mac->len = len;
    return ERR_OK;
}

/* ---- signing ---- */

static enum err append_record(struct buf *out, const struct dns_tsig_key *key,
                              const struct tsig *tsig)
{
    size_t size = tsig->algorithm.len + 16 + tsig->mac.len + tsig->other.len;
    TRY(append_name(out, &key->name));
    TRY(append_number(out, DNS_TSIG, 2));
    TRY(append_number(out, DNS_ANY, 2));
    TRY(append_number(out, 0, 4));
    TRY(append_number(out, size, 2));
    TRY(append_name(out, &tsig->algorithm));
    TRY(append_number(out, tsig->time_s, 6));
    TRY(append_number(out, tsig->fudge, 2));
    TRY(append_number(out, tsig->mac.len, 2));
    TRY(buf_append(out, tsig->mac));
    TRY(append_number(out, tsig->original_id, 2));
    TRY(append_number(out, tsig->error, 2));
    TRY(append_number(out, tsig->other.len, 2));
    return buf_append(out, tsig->other);
}

static void add_to_count(char *header, int change)
{
    unsigned count = (unsigned)(uint8_t)header[COUNT_AT] << 8 | (uint8_t)header[COUNT_AT + 1];
    count = (unsigned)((int)count + change);
    header[COUNT_AT] = (char)(count >> 8);
    header[COUNT_AT + 1] = (char)count;
}

enum err dns_tsig_sign(struct buf *message, const struct dns_tsig_key *key, int64_t time_s,
                       struct dns_tsig_mac *mac)
{
    struct span bytes = buf_span(message);
    struct buf text;
    struct tsig tsig = {.time_s = (uint64_t)time_s, .fudge = DNS_TSIG_FUDGE_S};
    TRY(dns_name_parse(key->algorithm->name, &tsig.algorithm));
    tsig.original_id = (unsigned)(uint8_t)bytes.ptr[0] << 8 | (uint8_t)bytes.ptr[1];
    buf_init(&text, SIGNED_MAX);
    enum err error = buf_append(&text, bytes);
    if (error == ERR_OK)
        error = append_variables(&text, key, &tsig);
    if (error == ERR_OK)
        error = compute(key, buf_span(&text), mac);
    buf_finish(&text);
    TRY(error);
    tsig.mac = span_make(mac->bytes, mac->len);
    TRY(append_record(message, key, &tsig));
    add_to_count(message->data + message->start, 1);
    return ERR_OK;
}

/* ---- verifying ---- */

static uint64_t read_number(struct span data, size_t at, unsigned bytes)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++)
        value = value << 8 | (uint8_t)data.ptr[at + i];
    return value;
}

/* The record must be the message's last one; the only one of its kind follows from that. */
static bool find_record(const struct dns_message *message, struct dns_record *out)
{
    struct dns_cursor cursor;
    bool found = false;
    dns_cursor_init(&cursor, message);
    while (dns_cursor_next(&cursor, message, out))
        found = out->section == DNS_ADDITIONAL && out->type == DNS_TSIG;
    return found && out->class_ == DNS_ANY;
}

static bool read_record(const struct dns_message *message, const struct dns_record *record,
                        struct tsig *out)
{
    struct span bytes = message->bytes;
    size_t at = record->data_at, end = record->data_at + record->data.len;
    if (dns_name_read(bytes, &at, &out->algorithm) != ERR_OK || at + 10 > end)
        return false;
    out->time_s = read_number(bytes, at, 6);
    out->fudge = (unsigned)read_number(bytes, at + 6, 2);
    size_t mac_len = (size_t)read_number(bytes, at + 8, 2);
    at += 10;
    if (at + mac_len + 6 > end)
        return false;
    out->mac = span_make(bytes.ptr + at, mac_len);
    at += mac_len;
    out->original_id = (unsigned)read_number(bytes, at, 2);
    out->error = (unsigned)read_number(bytes, at + 2, 2);
    size_t other_len = (size_t)read_number(bytes, at + 4, 2);
    out->other = span_make(bytes.ptr + at + 6, other_len);
    dns_name_canonicalize(&out->algorithm);
    return at + 6 + other_len == end;
}

/* The message as it was before its signature was added. */
static enum err append_unsigned(struct buf *out, struct span bytes, const struct tsig *tsig,
                                size_t record_at)
{
    size_t begin = buf_len(out);
    TRY(buf_append(out, span_first(bytes, record_at)));
    char *header = out->data + out->start + begin;
    header[0] = (char)(tsig->original_id >> 8);
    header[1] = (char)tsig->original_id;
    add_to_count(header, -1);
    return ERR_OK;
}

static enum err compute_expected(const struct dns_message *response, const struct tsig *tsig,
                                 size_t record_at, const struct dns_tsig_key *key,
                                 const struct dns_tsig_mac *request, struct dns_tsig_mac *out)
{
    struct buf text;
    buf_init(&text, SIGNED_MAX);
    enum err error = append_number(&text, request->len, 2);
    if (error == ERR_OK)
        error = buf_append(&text, span_make(request->bytes, request->len));
    if (error == ERR_OK)
        error = append_unsigned(&text, response->bytes, tsig, record_at);
    if (error == ERR_OK)
        error = append_variables(&text, key, tsig);
    if (error == ERR_OK)
        error = compute(key, buf_span(&text), out);
    buf_finish(&text);
    return error;
}

enum err dns_tsig_verify(const struct dns_message *response, const struct dns_tsig_key *key,
                         const struct dns_tsig_mac *mac, int64_t now_s, struct err_text *why)
{
    struct dns_record record;
    struct tsig tsig;
    struct dns_name algorithm;
    struct dns_tsig_mac expected;
    TRY(dns_name_parse(key->algorithm->name, &algorithm));
    if (!find_record(response, &record) || !read_record(response, &record, &tsig))
        return err_set(why, ERR_PERMISSION, "the answer is not signed");
    if (!dns_name_equal(&record.name, &key->name) || !dns_name_equal(&tsig.algorithm, &algorithm))
        return err_set(why, ERR_PERMISSION, "the answer is signed by another key");
    TRY(compute_expected(response, &tsig, record.at, key, mac, &expected));
    if (tsig.mac.len != expected.len ||
        CRYPTO_memcmp(tsig.mac.ptr, expected.bytes, expected.len) != 0)
        return err_set(why, ERR_PERMISSION, "the answer's signature is wrong");
    int64_t apart = (int64_t)tsig.time_s - now_s;
    if (apart > (int64_t)tsig.fudge || -apart > (int64_t)tsig.fudge)
        return err_set(why, ERR_PERMISSION, "the answer was signed at another time");
    return ERR_OK;
}

const char *dns_tsig_complaint(const struct dns_message *response)
{
    struct dns_record record;
    struct tsig tsig;
    if (!find_record(response, &record) || !read_record(response, &record, &tsig))
        return NULL;
    switch (tsig.error) {
    case 0:
        return NULL;
    case 16:
        return "BADSIG: the server has another secret for the key";
    case 17:
        return "BADKEY: the server does not know the key, or not with this algorithm";
    case 18:
        return "BADTIME: the server's clock and this one are too far apart";
    case 22:
        return "BADTRUNC: the server takes no MAC of this length";
    default:
        return "the server refuses the signature";
    }
}
