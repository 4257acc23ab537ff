/* SPDX-License-Identifier: GPL-3.0-or-later */
/* USES: weir_tls weir_base weir_wolfssl */
/* CORPUS: clienthello */
/*
 * The peek against wolfSSL's own reading of the same hello: where wolfSSL answers with a
 * ServerHello, both must have seen the same server name and agree on the protocol, or the
 * certificate and the options would be another host's than the handshake's. What the peek refuses
 * never reaches wolfSSL in Weir. An input that does not begin as a record is the inside of the two
 * extensions: the server name's up to its first 0xff, and the protocols' behind it.
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
        tls_options_choose_alpn(options, hello, false, &params.alpn) != ERR_OK)
        return;
    CHECK(tls_engine_create_server(context, &params, &engine) == ERR_OK);
    buf_init(&answer, ANSWER_MAX);
    enum err error = tls_engine_handshake(engine, &bytes, &answer, &why);
    CHECK(error != ERR_OK); /* the client has not finished */
    struct span sent = buf_span(&answer);
    if (sent.len > RANDOM_AT && sent.ptr[0] == 22 && sent.ptr[5] == SERVER_HELLO) {
        check_name(engine->wolfssl, hello);
        if (!is_retry(sent))
            check_protocol(engine->wolfssl, params.alpn);
    }
    buf_finish(&answer);
    tls_engine_destroy(engine);
}

static void read_both(struct span bytes)
{
    struct clienthello hello;
    struct buf joined;
    if (clienthello_peek(bytes, LIMIT_CLIENTHELLO, &hello) != ERR_OK)
        return;
    buf_init(&joined, 2 * bytes.len + LIMIT_CLIENTHELLO);
    enum err error = clienthello_join(bytes, &joined);
    if (error == ERR_OK)
        compare(buf_span(&joined), &hello);
    else if (error != ERR_SYNTAX)
        compare(bytes, &hello);
    buf_finish(&joined);
}

static void append_u16(struct buf *to, size_t value)
{
    CHECK(buf_append(to, span_make((char[]){(char)(value >> 8), (char)value}, 2)) == ERR_OK);
}

static void append_extension(struct buf *to, uint16_t type, struct span content)
{
    append_u16(to, type);
    append_u16(to, content.len);
    CHECK(buf_append(to, content) == ERR_OK);
}

/* version, random, no session, TLS_AES_128_GCM_SHA256, no compression */
static const char hello_start[] = "\3\3" "0123456789abcdef0123456789abcdef" "\0" "\0\2\x13\1" "\1";
/* groups, signature schemes, versions, and a key share of X25519 */
static const char hello_rest[] = "\0\x0a\0\4\0\2\0\x1d" "\0\x0d\0\4\0\2\4\3"
                                 "\0\x2b\0\3\2\3\4" "\0\x33\0\x26\0\x24\0\x1d\0\x20"
                                 "a key of 32 bytes is not checked";

static void read_extensions(struct span name, struct span protocols)
{
    const struct span start = {hello_start, sizeof(hello_start)}; /* with its final 0 */
    const struct span rest = {hello_rest, sizeof(hello_rest) - 1};
    size_t extensions = 8 + name.len + protocols.len + rest.len;
    size_t body = start.len + 2 + extensions;
    struct buf hello;
    buf_init(&hello, LIMIT_CLIENTHELLO);
    append_u16(&hello, 0x1603);
    CHECK(buf_append(&hello, SPAN("\1")) == ERR_OK);
    append_u16(&hello, body + 4);
    append_u16(&hello, 0x0100);
    append_u16(&hello, body);
    CHECK(buf_append(&hello, start) == ERR_OK);
    append_u16(&hello, extensions);
    append_extension(&hello, 0, name);
    append_extension(&hello, 16, protocols);
    CHECK(buf_append(&hello, rest) == ERR_OK);
    read_both(buf_span(&hello));
    buf_finish(&hello);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span bytes = span_make(data, size);
    if (context == NULL)
        set_up();
    if (size == 0 || data[0] == 22) {
        read_both(bytes);
    } else if (size < 8192) {
        const uint8_t *end = memchr(data, 0xff, size);
        size_t len = end != NULL ? (size_t)(end - data) : size;
        read_extensions(span_first(bytes, len), span_skip(bytes, len < size ? len + 1 : len));
    }
    return 0;
}
