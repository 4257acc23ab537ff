/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The tables that the schema_*.c files share; nobody else includes this.
 */
#ifndef WEIR_CONFIG_SCHEMA_TABLES_H
#define WEIR_CONFIG_SCHEMA_TABLES_H

#include "config/decoder.h"
#include "config/schema.h"

/* What is above belongs to ping, the API, redirections and ACME, as in Traefik. */
#define SCHEMA_PRIORITY_MAX (INT64_MAX - 1000)

/* schema_common.c */
extern const struct schema_row schema_client_tls[];
extern const struct schema_row schema_otlp_grpc[];
extern const struct schema_row schema_otlp_http[];
extern const struct schema_row schema_otlp[];
extern const struct schema_row schema_spiffe[];
extern const struct schema_row schema_router_tls[];
extern const struct schema_row schema_tcp_router_tls[];
extern const struct schema_row schema_certificate[];
extern const struct schema_row schema_domains[];
extern const struct schema_choice schema_tls_versions[];
extern const struct schema_choice schema_cipher_suites[];
extern const struct schema_choice schema_curves[];
extern const struct schema_choice schema_trace_verbosity[];
extern const struct schema_choice schema_rule_syntaxes[];
schema_check schema_check_rule_syntax;
schema_check schema_check_rule; /* keeps the place of a router's rule */

/* static sections */
extern const struct schema_row schema_entry_point[];
extern const struct schema_row schema_providers[];
extern const struct schema_row schema_log[];
extern const struct schema_row schema_access_log[];
extern const struct schema_row schema_metrics[];
extern const struct schema_row schema_tracing[];
extern const struct schema_row schema_resolver[];
extern const struct schema_row schema_weir[];

/* dynamic sections */
extern const struct schema_row schema_http[];
extern const struct schema_row schema_middleware[];
extern const struct schema_row schema_tcp[];
extern const struct schema_row schema_udp[];
extern const struct schema_row schema_tls[];

#endif
