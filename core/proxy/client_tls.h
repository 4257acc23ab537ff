/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a ClientHello decides: HTTP or TCP side, TLS options, certificate,
 * ALPN. Worker thread.
 */
#ifndef WEIR_CORE_PROXY_CLIENT_TLS_H
#define WEIR_CORE_PROXY_CLIENT_TLS_H

#include "core/proxy/client.h"
#include "tls/alert.h"

/* `bytes` hold the whole hello (and perhaps more). Settles client->side. */
void client_tls_start(struct client *client, const struct clienthello *hello, struct span bytes);
/* Sends the alert and closes; `why` goes to the debug log. */
void client_tls_refuse(struct client *client, enum tls_alert alert, const char *why);

#endif
