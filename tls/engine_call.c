/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What stands around each call of wolfSSL.
 */
#include <wolfssl/error-ssl.h>
#include <wolfssl/wolfcrypt/error-crypt.h>

#include "tls/alert.h"
#include "tls/engine_private.h"

void tls_engine_enter(struct tls_engine *engine, struct span *input, struct buf *output)
{
    engine->input = input;
    engine->output = output;
    engine->output_error = ERR_OK;
}

void tls_engine_leave(struct tls_engine *engine)
{
    engine->input = NULL;
    engine->output = NULL;
}

/* wolfSSL does not send an alert for every failure; while nothing is encrypted
 * we can, and the peer need not guess. */
void tls_engine_fail(struct tls_engine *engine, int error)
{
    engine->failure = error != 0 ? error : WOLFSSL_FATAL_ERROR;
    WOLFSSL_ALERT_HISTORY history = {{-1, 0}, {-1, 0}};
    wolfSSL_get_alert_history(engine->wolfssl, &history);
    bool peer_knows = engine->failure == FATAL_ERROR || history.last_tx.level == alert_fatal;
    if (!peer_knows && !engine->emitted && !engine->context->is_client)
        (void)!tls_alert_append(engine->output,
                                error == UNKNOWN_RECORD_TYPE ? TLS_ALERT_UNEXPECTED_MESSAGE
                                : error == MEMORY_E          ? TLS_ALERT_INTERNAL_ERROR
                                                             : TLS_ALERT_HANDSHAKE_FAILURE);
}
