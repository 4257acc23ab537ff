/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From the text of a scalar to a value, by the conventions of Traefik's
 * decoder (Go's strconv and time.ParseDuration). Pure functions, any thread.
 * ERR_SYNTAX: not of that form; ERR_LIMIT: too big.
 */
#ifndef WEIR_CONFIG_CONVERT_H
#define WEIR_CONFIG_CONVERT_H

#include "config/model.h"
#include "core/base/err.h"

/* 1 t T TRUE true True, 0 f F FALSE false False. */
MUST_USE enum err convert_bool(struct span text, bool *out);
/* Decimal, with a sign; a float without a fraction ("1e3") counts too. */
MUST_USE enum err convert_integer(struct span text, int64_t *out);
MUST_USE enum err convert_float(struct span text, double *out);
/* A bare integer is seconds; else "1h30m", "250ms", "1.5s", "-1s". */
MUST_USE enum err convert_duration(struct span text, int64_t *out);
/* "10.0.0.0/8", "::1", "127.0.0.1": v4 becomes v4-mapped; host bits are cleared. */
MUST_USE enum err convert_cidr(struct span text, struct model_cidr *out);
/* "[host]:port[/tcp|/udp]" as of an entry point. host "" for none; brackets of
 * IPv6 are taken off. Port 0 is legal. */
MUST_USE enum err convert_address(struct span text, struct span *host, uint16_t *port, bool *udp);
/* "host:port" of a TCP server; the port is 1 to 65535. */
MUST_USE enum err convert_host_port(struct span text, struct span *host, uint16_t *port);
/* How an operator would write these nanoseconds: "1m30s", "250ms", "0s". */
#define CONVERT_DURATION_SIZE 80
void convert_format_duration(int64_t nanoseconds, char out[CONVERT_DURATION_SIZE]);

#endif
