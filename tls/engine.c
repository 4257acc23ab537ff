/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A thin shell around a WOLFSSL. For the time of a call the caller's input and
 * output hang on the engine, where the I/O callbacks find them; wolfSSL asks for
 * exactly one record header or body at a time, so it takes no byte too many. A
 * failure is kept, so that a call after it says the same again.
 */
#include "tls/engine.h"

#include <assert.h>
#include <stdlib.h>

#include <wolfssl/error-ssl.h>
#include <wolfssl/wolfcrypt/error-crypt.h>

#include "tls/engine_private.h"
#include "tls/peer_name.h"

static enum err engine_create(struct tls_context *context, struct tls_engine **out)
{
    struct tls_engine *engine = calloc(1, sizeof(*engine));
    if (engine == NULL)
        return ERR_NOMEM;
    engine->context = tls_context_ref(context);
    engine->wolfssl = wolfSSL_new(context->wolfssl);
    if (engine->wolfssl == NULL) {
        tls_engine_destroy(engine);
        return ERR_NOMEM;
    }
    wolfSSL_SetIOReadCtx(engine->wolfssl, engine);
    wolfSSL_SetIOWriteCtx(engine->wolfssl, engine);
    *out = engine;
    return ERR_OK;
}

void tls_engine_destroy(struct tls_engine *engine)
{
    if (engine == NULL)
        return;
    wolfSSL_free(engine->wolfssl);
    if (engine->has_writer)
        record_writer_finish(&engine->writer);
    tls_engine_forget_client(engine);
    tls_context_unref(engine->context);
    free(engine->server_name);
    free(engine);
}

static bool engine_use_alpn(struct tls_engine *engine, const char *list, byte policy)
{
    return wolfSSL_UseALPN(engine->wolfssl, (char *)(uintptr_t)list, (unsigned)strlen(list),
                           policy) == WOLFSSL_SUCCESS;
}

enum err tls_engine_create_server(struct tls_context *context,
                                  const struct tls_server_params *params, struct tls_engine **out)
{
    assert(!context->is_client);
    struct tls_engine *engine;
    TRY(engine_create(context, &engine));
    if (params->alpn != NULL &&
        !engine_use_alpn(engine, params->alpn, WOLFSSL_ALPN_FAILED_ON_MISMATCH)) {
        tls_engine_destroy(engine);
        return ERR_NOMEM;
    }
    wolfSSL_SetCertCbCtx(engine->wolfssl, engine);
    if (ticket_keys_current() == NULL) {
        (void)wolfSSL_NoTicketTLSv12(engine->wolfssl);
        (void)wolfSSL_no_ticket_TLSv13(engine->wolfssl); /* refuses a context of TLS 1.2 */
    }
    *out = engine;
    return ERR_OK;
}

static enum err client_set_name(struct tls_engine *engine, const char *server_name)
{
    uint8_t ip[16];
    struct span name = span_cstr(server_name);
    engine->server_name = span_dup(name);
    if (engine->server_name == NULL)
        return ERR_NOMEM;
    wolfSSL_SetCertCbCtx(engine->wolfssl, engine);
    if (name.len > 0 && name.ptr[name.len - 1] == '.')
        name = span_first(name, name.len - 1);
    if (name.len == 0 || peer_name_parse_ip(server_name, ip) > 0)
        return ERR_OK;
    if (wolfSSL_UseSNI(engine->wolfssl, WOLFSSL_SNI_HOST_NAME, name.ptr,
                       (unsigned short)name.len) != WOLFSSL_SUCCESS)
        return ERR_NOMEM;
    return ERR_OK;
}

enum err tls_engine_create_client(struct tls_context *context, const char *server_name,
                                  const char *alpn, struct tls_engine **out)
{
    assert(context->is_client);
    if (server_name == NULL)
        server_name = "";
    if (strlen(server_name) > UINT16_MAX || (context->verify && server_name[0] == '\0'))
        return ERR_INVALID;
    struct tls_engine *engine;
    TRY(engine_create(context, &engine));
    enum err error = client_set_name(engine, server_name);
    if (alpn == NULL)
        alpn = context->alpn;
    if (error == ERR_OK && alpn != NULL &&
        !engine_use_alpn(engine, alpn, WOLFSSL_ALPN_CONTINUE_ON_MISMATCH))
        error = ERR_NOMEM;
    if (error != ERR_OK) {
        tls_engine_destroy(engine);
        return error;
    }
    *out = engine;
    return ERR_OK;
}

static enum err engine_failed(const struct tls_engine *engine, struct err_text *why)
{
    tls_engine_explain(engine, why);
    return engine->failure == MEMORY_E || engine->failure == MEMORY_ERROR ? ERR_NOMEM : ERR_TLS;
}

/* What a result ≤ 0 of wolfSSL means; ERR_TLS: the engine has failed. */
static enum err engine_classify(struct tls_engine *engine, int result)
{
    int error = wolfSSL_get_error(engine->wolfssl, result);
    switch (error) {
    case WOLFSSL_ERROR_WANT_READ:
        return ERR_AGAIN;
    case WOLFSSL_ERROR_WANT_WRITE:
        return engine->output_error != ERR_OK ? engine->output_error : ERR_LIMIT;
    case WOLFSSL_ERROR_ZERO_RETURN:
        engine->peer_closed = true;
        return ERR_CLOSED;
    default:
        tls_engine_fail(engine, error);
        return ERR_TLS;
    }
}

/* Of TLS 1.2 only: in 1.3 wolfSSL keeps to the groups itself. */
static bool engine_group_allowed(const struct tls_engine *engine)
{
    static const struct {
        const char *name;
        int group;
    } groups[] = {
        {"X25519", WOLFSSL_ECC_X25519},
        {"SECP256R1", WOLFSSL_ECC_SECP256R1},
        {"SECP384R1", WOLFSSL_ECC_SECP384R1},
        {"SECP521R1", WOLFSSL_ECC_SECP521R1},
    };
    const struct tls_options *options = engine->context->options;
    const char *name = wolfSSL_get_curve_name(engine->wolfssl);
    if (options == NULL || name == NULL || wolfSSL_session_reused(engine->wolfssl) ||
        wolfSSL_version(engine->wolfssl) == TLS1_3_VERSION)
        return true;
    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
        for (size_t j = 0; strcmp(groups[i].name, name) == 0 && j < options->group_count; j++)
            if (options->groups[j] == groups[i].group)
                return true;
    return false;
}

/* wolfSSL is content; are we? */
static enum err engine_establish(struct tls_engine *engine)
{
    bool is_client = engine->context->is_client;
    if (is_client && engine->context->verify && !engine->peer_verified)
        tls_engine_fail(engine, VERIFY_CERT_ERROR);
    else if (!engine_group_allowed(engine))
        tls_engine_fail(engine, ECC_CURVE_ERROR);
    else
        engine->established = true;
    return engine->established ? ERR_OK : ERR_TLS;
}

enum err tls_engine_handshake(struct tls_engine *engine, struct span *input, struct buf *output,
                              struct err_text *why)
{
    if (engine->failure != 0)
        return engine_failed(engine, why);
    if (engine->established)
        return ERR_OK;
    tls_engine_enter(engine, input, output);
    bool is_client = engine->context->is_client;
    int result = is_client ? wolfSSL_connect(engine->wolfssl) : wolfSSL_accept(engine->wolfssl);
    enum err error = result == WOLFSSL_SUCCESS ? engine_establish(engine)
                                               : engine_classify(engine, result);
    tls_engine_leave(engine);
    if (error == ERR_CLOSED)
        return err_set(why, ERR_CLOSED, "the %s closed the connection during the handshake",
                       is_client ? "server" : "client");
    return error == ERR_TLS ? engine_failed(engine, why) : error;
}

enum err tls_engine_read(struct tls_engine *engine, struct span *input, struct buf *output,
                         char *plain, size_t cap, size_t *length, struct err_text *why)
{
    assert(engine->established && cap > 0);
    enum err error = ERR_OK;
    size_t have = 0;
    if (cap > INT32_MAX)
        cap = INT32_MAX;
    tls_engine_enter(engine, input, output);
    while (have < cap && error == ERR_OK) {
        if (engine->failure != 0) {
            error = ERR_TLS;
        } else if (engine->peer_closed) {
            error = ERR_CLOSED;
        } else {
            int got = wolfSSL_read(engine->wolfssl, plain + have, (int)(cap - have));
            if (got > 0) {
                have += (size_t)got;
                if (engine->idle_records > 1) /* the last of them has brought this */
                    engine->quiet_records += engine->idle_records - 1;
                engine->idle_records = 0;
            } else {
                error = engine_classify(engine, got);
            }
        }
    }
    if (error == ERR_AGAIN && engine->idle_records > TLS_IDLE_RECORDS_MAX) {
        tls_engine_fail(engine, EMPTY_RECORD_LIMIT_E);
        error = ERR_TLS;
    }
    tls_engine_leave(engine);
    if (have > 0) {
        *length = have;
        return ERR_OK;
    }
    return error == ERR_TLS ? engine_failed(engine, why) : error;
}

uint64_t tls_engine_quiet_records(const struct tls_engine *engine)
{
    return engine->quiet_records + engine->idle_records;
}

bool tls_engine_is_flooded(const struct tls_engine *engine)
{
    return engine->failure == EMPTY_RECORD_LIMIT_E || engine->failure == ALERT_COUNT_E;
}

size_t tls_engine_pending(const struct tls_engine *engine)
{
    int pending = wolfSSL_pending(engine->wolfssl);
    return pending > 0 ? (size_t)pending : 0;
}

bool tls_engine_sends_tickets_last(const struct tls_engine *engine)
{
    return !engine->context->is_client && wolfSSL_version(engine->wolfssl) == TLS1_3_VERSION;
}

void tls_engine_info(const struct tls_engine *engine, struct tls_engine_info *out)
{
    WOLFSSL *wolfssl = engine->wolfssl;
    int suite = wolfSSL_get_current_cipher_suite(wolfssl);
    char *alpn = NULL;
    unsigned short alpn_len = 0;
    if (wolfSSL_ALPN_GetProtocol(wolfssl, &alpn, &alpn_len) != WOLFSSL_SUCCESS)
        alpn = NULL;
    *out = (struct tls_engine_info){
        .version = wolfSSL_version(wolfssl) == TLS1_3_VERSION ? "1.3" : "1.2",
        .cipher = wolfSSL_get_cipher_name_iana_from_suite((unsigned char)(suite >> 8),
                                                          (unsigned char)suite),
        .alpn = alpn,
        .group = wolfSSL_get_curve_name(wolfssl),
        .resumed = wolfSSL_session_reused(wolfssl),
    };
}

struct cert *tls_engine_cert(const struct tls_engine *engine)
{
    return engine->context->cert;
}
