/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a ClientHello is refused for before an engine exists: where wolfSSL would
 * answer with another alert than RFC 8446 asks for, or work that a client should
 * not be able to ask for. Any thread; nothing is allocated.
 */
#ifndef WEIR_TLS_REFUSAL_H
#define WEIR_TLS_REFUSAL_H

#include "tls/alert.h"
#include "tls/clienthello.h"
#include "tls/options.h"

/* Tickets in one hello. Clients send one, some of them two; wolfSSL tries to open
 * each, and its time for that grows with the square of their number. */
#define TLS_TICKETS_OFFERED_MAX 8

struct tls_refusal {
    enum tls_alert alert;
    const char *why; /* for the log */
};

/* NULL: nothing speaks against a handshake under these options. */
const struct tls_refusal *tls_refusal_of(const struct clienthello *hello,
                                         const struct tls_options *options);

#endif
