/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Ticket keys from files, in the two formats that fleets have already:
 *
 *   nginx    48 or 80 raw bytes: one key (ssl_session_ticket_key)
 *   HAProxy  lines of base64, each 48 or 80 bytes: one key each, the newest last;
 *            the one before the last seals, so that a new one can be on every
 *            node before it is used (tls-ticket-keys)
 *
 * Of several files the first one's key seals, as in nginx; all keys open. The
 * first 16 bytes name the key, the rest is its secret. No I/O; any thread.
 */
#ifndef WEIR_TLS_TICKET_FILE_H
#define WEIR_TLS_TICKET_FILE_H

#include "tls/ticket.h"

#define TICKET_FILE_MAX 16384

/* files: the contents. On failure *at is the file that is wrong, and `why` says
 * what it is. */
MUST_USE enum err ticket_files_parse(const struct span *files, size_t count,
                                     struct ticket_keys **out, size_t *at, struct err_text *why);

#endif
