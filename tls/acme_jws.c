/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is signed is "header.payload", both in base64url; the signature comes
 * from the account's key, or from an HMAC.
 */
#include "tls/acme_jws.h"

#include "core/base/json.h"
#include "tls/base64.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

static enum err append_header(const struct acme_jws *jws, struct buf *out)
{
    struct json json;
    json_init(&json, out, false);
    json_begin_object(&json);
    json_field_cstr(&json, "alg", acme_key_algorithm(jws->key));
    if (jws->kid != NULL) {
        json_field_cstr(&json, "kid", jws->kid);
    } else {
        struct buf jwk;
        buf_init(&jwk, ACME_KEY_TEXT_MAX);
        enum err error = acme_key_append_jwk(jws->key, &jwk);
        json_write_key(&json, SPAN("jwk"));
        json_write_raw(&json, buf_span(&jwk));
        buf_finish(&jwk);
        TRY(error);
    }
    json_field_cstr(&json, "nonce", jws->nonce);
    json_field_cstr(&json, "url", jws->url);
    json_end_object(&json);
    return json_finish(&json);
}

static enum err append_eab_header(const char *kid, const char *url, struct buf *out)
{
    struct json json;
    json_init(&json, out, false);
    json_begin_object(&json);
    json_field_cstr(&json, "alg", "HS256");
    json_field_cstr(&json, "kid", kid);
    json_field_cstr(&json, "url", url);
    json_end_object(&json);
    return json_finish(&json);
}

/* "header.payload" */
static enum err append_signed_part(struct span header, struct span payload, struct buf *out)
{
    TRY(base64_append(out, header, BASE64_URL));
    TRY(buf_append(out, SPAN(".")));
    return base64_append(out, payload, BASE64_URL);
}

static enum err append_members(struct span signed_part, struct span signature, struct buf *out)
{
    struct span header, payload = span_split(signed_part, '.', &header);
    TRY(buf_append_format(out, "{\"protected\":\"%.*s\",\"payload\":\"%.*s\",\"signature\":\"",
                          SPAN_ARG(header), (int)payload.len,
                          payload.len > 0 ? payload.ptr : ""));
    TRY(base64_append(out, signature, BASE64_URL));
    return buf_append(out, SPAN("\"}"));
}

static enum err sign_hmac(struct span key, struct span text, struct buf *out)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    if (HMAC(EVP_sha256(), key.ptr, (int)key.len, (const unsigned char *)text.ptr, text.len,
             digest, &len) == NULL)
        return ERR_TLS;
    return buf_append(out, span_make(digest, len));
}

/* hmac empty: the key of `jws` signs. */
static enum err compose(const struct acme_jws *jws, struct span hmac, struct span header,
                        struct span payload, struct buf *out)
{
    struct buf text, signature;
    buf_init(&text, ACME_JWS_MAX);
    buf_init(&signature, ACME_KEY_TEXT_MAX);
    enum err error = append_signed_part(header, payload, &text);
    if (error == ERR_OK)
        error = jws != NULL ? acme_key_sign(jws->key, buf_span(&text), &signature)
                            : sign_hmac(hmac, buf_span(&text), &signature);
    if (error == ERR_OK)
        error = append_members(buf_span(&text), buf_span(&signature), out);
    buf_finish(&text);
    buf_finish(&signature);
    return error;
}

enum err acme_jws_append(const struct acme_jws *jws, struct span payload, struct buf *out)
{
    struct buf header;
    buf_init(&header, ACME_JWS_MAX);
    enum err error = append_header(jws, &header);
    if (error == ERR_OK)
        error = compose(jws, SPAN_EMPTY, buf_span(&header), payload, out);
    buf_finish(&header);
    return error;
}

enum err acme_eab_append(const struct acme_key *account, const char *kid, struct span hmac,
                         const char *new_account_url, struct buf *out)
{
    struct buf key, header, jwk;
    buf_init(&key, ACME_KEY_TEXT_MAX);
    buf_init(&header, ACME_JWS_MAX);
    buf_init(&jwk, ACME_KEY_TEXT_MAX);
    enum err error = base64_decode(&key, hmac, BASE64_URL);
    if (error != ERR_OK) /* some CAs give it in the other alphabet */
        error = base64_decode(&key, hmac, BASE64_STANDARD);
    if (error == ERR_OK)
        error = append_eab_header(kid, new_account_url, &header);
    if (error == ERR_OK)
        error = acme_key_append_jwk(account, &jwk);
    if (error == ERR_OK)
        error = compose(NULL, buf_span(&key), buf_span(&header), buf_span(&jwk), out);
    if (key.data != NULL)
        explicit_bzero(key.data, key.cap);
    buf_finish(&key);
    buf_finish(&header);
    buf_finish(&jwk);
    return error;
}
