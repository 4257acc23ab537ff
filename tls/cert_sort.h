/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Puts certificates in the byte order of their store keys, in time linear in
 * the bytes that tell the keys apart. Stable: equal keys keep their order,
 * so "the first loaded wins" can be told afterwards. Any thread.
 */
#ifndef WEIR_TLS_CERT_SORT_H
#define WEIR_TLS_CERT_SORT_H

#include "tls/cert.h"

/* ERR_NOMEM leaves the order as it was. */
MUST_USE enum err cert_sort(struct cert **certs, size_t count);

#endif
