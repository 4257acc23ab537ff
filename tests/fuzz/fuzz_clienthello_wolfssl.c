/* SPDX-License-Identifier: GPL-3.0-or-later */
/* USES: weir_tls weir_base weir_wolfssl */
/* CORPUS: clienthello */
/*
 * The peek against wolfSSL's own reading of the same hello: where wolfSSL answers with a
 * ServerHello, both must have seen the same server name and agree on the protocol, or the
 * certificate and the options would be another host's than the handshake's. What the peek refuses
 * never reaches wolfSSL in Weir.
 */
#include <stdlib.h>

#include <wolfssl/ssl.h>

#include "tls/cert.h"
#include "tls/engine_private.h"
#include "tls/refusal.h"
#include "tls/selfsigned.h"

#define CHECK(condition) \
    do {                 \
        if (!(condition)) \
            abort();     \
    } while (0)

#define ANSWER_MAX (1 << 16)
#define NOW_S INT64_C(1790000000)
#define SERVER_HELLO 2
#define RANDOM_AT (5 + 4 + 2) /* behind the headers and the version */

static struct tls_context *context;
static struct tls_options *options;

static void set_up(void)
{
    static const struct span protocols[] = {SPAN("h2"), SPAN("http/1.1")};
    const struct tls_options_config config = {
        .name = SPAN("default"), .alpn = protocols, .alpn_count = 2, .session_tickets = true};
    struct err_text why = {""};
    struct ticket_keys *keys;
    struct cert *cert;
    CHECK(tls_options_create(&config, &options, &why) == ERR_OK);
    CHECK(ticket_keys_create(NULL, &keys) == ERR_OK);
    (void)ticket_keys_publish(keys);
    CHECK(selfsigned_create(CERT_KEY_ECDSA_P256, NOW_S, &cert, &why) == ERR_OK);
    CHECK(tls_server_context_create(cert, options, &context, &why) == ERR_OK);
    cert_unref(cert);
}

/* As the peek has it: lower case, no trailing dot. */
static size_t normalised(const char *name, size_t len, char *out)
{
    for (size_t i = 0; i < len; i++)
        out[i] = ascii_lower(name[i]);
    return len > 0 && out[len - 1] == '.' ? len - 1 : len;
}

/* Letters, digits, hyphens and underscores in labels of 1 to 63. */
static bool looks_like_a_host(const char *name, size_t len)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-_";
    size_t label = 0;
    for (size_t i = 0; i < len; i++) {
        label = name[i] == '.' ? 0 : label + 1;
        if (name[i] == '.' ? i == 0 || name[i - 1] == '.'
                           : label > 63 || memchr(allowed, name[i], sizeof(allowed) - 1) == NULL)
            return false;
    }
    return len > 0 && len <= LIMIT_HOST_NAME && label > 0;
}

static void check_name(WOLFSSL *wolfssl, const struct clienthello *hello)
{
    static char name[UINT16_MAX];
    void *seen = NULL;
    size_t len = wolfSSL_SNI_GetRequest(wolfssl, WOLFSSL_SNI_HOST_NAME, &seen);
    len = normalised(seen, seen != NULL ? len : 0, name);
    bool same = len == hello->server_name_len && memcmp(name, hello->server_name, len) == 0;
    /* An address of IPv6 is brought into one form by the peek. */
    bool is_address = memchr(name, ':', len) != NULL;
    CHECK(same || is_address || (hello->server_name_len == 0 && !looks_like_a_host(name, len)));
}

static void check_protocol(WOLFSSL *wolfssl, const char *expected)
{
    char *agreed = NULL;
    unsigned short len = 0;
    if (wolfSSL_ALPN_GetProtocol(wolfssl, &agreed, &len) != WOLFSSL_SUCCESS)
        agreed = NULL;
    CHECK((agreed == NULL) == (expected == NULL));
    CHECK(agreed == NULL || strcmp(agreed, expected) == 0);
}

static bool is_retry(struct span answer)
{
    static const char random[] = "\xcf\x21\xad\x74\xe5\x9a\x61\x11\xbe\x1d\x8c\x02\x1e\x65\xb8\x91";
    return answer.len > RANDOM_AT + 32 && memcmp(answer.ptr + RANDOM_AT, random, 16) == 0;
}

static void compare(struct span bytes, const struct clienthello *hello)
{
    struct tls_server_params params = {NULL};
    struct tls_engine *engine;
    struct err_text why = {""};
    struct buf answer;
    if (tls_refusal_of(hello, options) != NULL ||
        tls_options_choose_alpn(options, hello, &params.alpn) != ERR_OK)
        return;
    CHECK(tls_engine_create_server(context, &params, &engine) == ERR_OK);
    buf_init(&answer, ANSWER_MAX);
    (void)tls_engine_handshake(engine, &bytes, &answer, &why);
    struct span sent = buf_span(&answer);
    if (sent.len > RANDOM_AT && sent.ptr[0] == 22 && sent.ptr[5] == SERVER_HELLO) {
        check_name(engine->wolfssl, hello);
        if (!is_retry(sent))
            check_protocol(engine->wolfssl, params.alpn);
    }
    buf_finish(&answer);
    tls_engine_destroy(engine);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span bytes = span_make(data, size);
    struct clienthello hello;
    if (context == NULL)
        set_up();
    if (clienthello_peek(bytes, LIMIT_CLIENTHELLO, &hello) != ERR_OK)
        return 0;
    struct buf joined;
    buf_init(&joined, 2 * size + LIMIT_CLIENTHELLO);
    enum err error = clienthello_join(bytes, &joined);
    if (error == ERR_OK)
        compare(buf_span(&joined), &hello);
    else if (error != ERR_SYNTAX)
        compare(bytes, &hello);
    buf_finish(&joined);
    return 0;
}
