/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a ClientHello decides: HTTP or TCP side, TLS options, certificate,
 * ALPN. Worker thread.
 */
#ifndef WEIR_CORE_PROXY_CLIENT_TLS_H
#define WEIR_CORE_PROXY_CLIENT_TLS_H

#include "core/proxy/client.h"

/* RFC 8446 §6.2. */
enum client_alert {
    CLIENT_ALERT_UNEXPECTED_MESSAGE = 10,
    CLIENT_ALERT_DECODE_ERROR = 50,
    CLIENT_ALERT_PROTOCOL_VERSION = 70,
    CLIENT_ALERT_INTERNAL_ERROR = 80,
    CLIENT_ALERT_UNRECOGNIZED_NAME = 112,
    CLIENT_ALERT_NO_APPLICATION_PROTOCOL = 120,
};

/* `bytes` hold the whole hello (and perhaps more). Settles client->side. */
void client_tls_start(struct client *client, const struct clienthello *hello, struct span bytes);
/* Sends the alert and closes; `why` goes to the debug log. */
void client_tls_refuse(struct client *client, enum client_alert alert, const char *why);

#endif
