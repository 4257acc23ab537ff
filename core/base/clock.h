/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Time. The data path never asks the kernel itself: each loop reads the clock
 * once per turn and passes `now` down; tests pass what they like.
 */
#ifndef WEIR_CORE_BASE_CLOCK_H
#define WEIR_CORE_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S INT64_C(1000000000)
#define MS_PER_S INT64_C(1000)

/* CLOCK_MONOTONIC and CLOCK_REALTIME, in nanoseconds. */
int64_t clock_monotonic_ns(void);
int64_t clock_wall_ns(void);

/* "2026-11-24T03:08:00Z" (RFC 3339, UTC), NUL-terminated. */
#define CLOCK_RFC3339_SIZE 40
void clock_format_rfc3339(int64_t wall_ns, char out[CLOCK_RFC3339_SIZE]);
/* The same with nine digits of fraction, as Traefik's JSON access log has it. */
void clock_format_rfc3339_nano(int64_t wall_ns, char out[CLOCK_RFC3339_SIZE]);
/* "24/Nov/2026:03:08:00 +0000", the common log format. */
void clock_format_common_log(int64_t wall_ns, char out[CLOCK_RFC3339_SIZE]);
/* "Tue, 24 Nov 2026 03:08:00 GMT", RFC 9110 §5.6.7 (IMF-fixdate). */
void clock_format_http_date(int64_t wall_ns, char out[CLOCK_RFC3339_SIZE]);

#endif
