/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Distinguished names as text: whole, in the form that Go's pkix.Name prints
 * (RFC 2253 with its order of types), which Traefik's access log has; and chosen
 * attributes, in the form of Traefik's passTLSClientCert. Pure; any thread.
 */
#ifndef WEIR_TLS_NAME_TEXT_H
#define WEIR_TLS_NAME_TEXT_H

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/span.h"

/* `name`: the contents of a Name. "CN=a,OU=x+OU=y,O=b"; what stands behind a
 * broken attribute is left out. ERR_LIMIT, ERR_NOMEM: part of it may be there. */
MUST_USE enum err name_text_append(struct span name, struct buf *out);

enum name_attribute {
    NAME_DOMAIN_COMPONENT = 1u << 0,
    NAME_COUNTRY = 1u << 1,
    NAME_PROVINCE = 1u << 2,
    NAME_LOCALITY = 1u << 3,
    NAME_ORGANIZATION = 1u << 4,
    NAME_ORGANIZATIONAL_UNIT = 1u << 5,
    NAME_SERIAL_NUMBER = 1u << 6,
    NAME_COMMON_NAME = 1u << 7,
    NAME_USER_ID = 1u << 8,
};
/* "DC=org,C=FR,CN=a" of the wanted ones; nothing where none is there. Nothing is
 * escaped, as in Traefik. */
MUST_USE enum err name_text_append_some(struct span name, uint32_t wanted, struct buf *out);

#endif
