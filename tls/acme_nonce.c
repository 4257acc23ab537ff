/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The nonces that a CA has given out (RFC 8555 §6.5). The newest is used first: it is
 * the least likely to have been forgotten.
 */
#include "tls/acme_client_private.h"

#include <stdlib.h>
#include <string.h>

char *acme_client_take_nonce(struct acme_client *client)
{
    return client->nonce_count > 0 ? client->nonces[--client->nonce_count] : NULL;
}

static bool is_nonce(struct span text)
{
    if (text.len == 0 || text.len > 512)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool word = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!word && c != '-' && c != '_')
            return false;
    }
    return true;
}

void acme_client_keep_nonce(struct acme_client *client, struct span nonce)
{
    if (!is_nonce(nonce))
        return;
    char *text = span_dup(nonce);
    if (text == NULL)
        return;
    if (client->nonce_count == ACME_NONCES_MAX) { /* the oldest goes */
        free(client->nonces[0]);
        client->nonce_count--;
        memmove(client->nonces, client->nonces + 1, client->nonce_count * sizeof(char *));
    }
    client->nonces[client->nonce_count++] = text;
}
