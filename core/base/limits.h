/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every maximum that is not a configuration key, in one place. What operators
 * tune is in the `weir` section of the configuration, with its own bounds.
 */
#ifndef WEIR_CORE_BASE_LIMITS_H
#define WEIR_CORE_BASE_LIMITS_H

#define LIMIT_HOST_NAME 255            /* bytes of a host name, RFC 1035 §2.3.4 */
#define LIMIT_CONFIG_FILE (64 << 20)   /* bytes of one configuration file */
#define LIMIT_CONFIG_DEPTH 64          /* nesting of a configuration tree */
#define LIMIT_CERT_FILE (1 << 20)      /* bytes of a certificate or key file */
#define LIMIT_RULE_BYTES (64 << 10)    /* bytes of one router rule */
#define LIMIT_RULE_DEPTH 64            /* nesting of one router rule */
#define LIMIT_CLIENTHELLO (64 << 10)   /* ceiling of weir.limits.clientHelloBytes */
#define LIMIT_HEADERS 256              /* ceiling of header fields in one message */
#define LIMIT_LOG_LINE (8 << 10)       /* bytes of one line of the operator's log */
#define LIMIT_JSON_DEPTH 64            /* nesting of JSON that we write */
#define LIMIT_WORKERS 256              /* worker threads */

#endif
