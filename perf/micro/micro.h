/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A micro workload: one operation of ours, always with the same input. The
 * program runs it COUNT times; what is counted is only what happens inside
 * micro_measure, so preparing and the other side of a connection cost nothing.
 */
#ifndef WEIR_PERF_MICRO_MICRO_H
#define WEIR_PERF_MICRO_MICRO_H

#include <stdbool.h>

struct micro {
    const char *name;
    void *(*prepare)(void);      /* what operations share */
    void (*operate)(void *data); /* calls micro_measure at least once */
    void (*finish)(void *data);
};

/* Calls step(data), and callgrind counts while it does (--toggle-collect=micro_measured). */
void micro_measure(void (*step)(void *data), void *data);

/* Ends the program unless the condition holds: a workload that fails measures nothing. */
void micro_require(bool holds, const char *what);

extern const struct micro micro_handshake, micro_record, micro_request;
extern const struct micro micro_cert_exact, micro_cert_wildcard, micro_cert_miss, micro_cert_cached;
extern const struct micro micro_rule_host, micro_rule_complex;

#endif
