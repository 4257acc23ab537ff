/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the log says of limits at its default level, ERROR: one line a minute and limit
 * at most, for all workers together, and only of a crowd. A client that is slow now and
 * then is no error; many in a minute are an attack, a limit that is too low, or a
 * network that is ill.
 *
 * A hit is added to what all workers share, and sets its worker's timer. Whoever's runs
 * out first writes the line for all, with the last address that it has seen itself.
 * Worker thread.
 */
#ifndef WEIR_CORE_PROXY_LIMIT_SUMMARY_H
#define WEIR_CORE_PROXY_LIMIT_SUMMARY_H

#include "core/proxy/limit.h"

#include "core/base/timerwheel.h"
#include "io/sock.h"

#define LIMIT_SUMMARY_MS 60000
#define LIMIT_SUMMARY_LEAST 10  /* hits in that time */
#define LIMIT_SUMMARY_WORDS 16

/* All workers', one for each limit; zeroed is a fresh one. Relaxed single words: nothing is
 * ordered by them, and a hit may be counted in one line or in the next. */
struct limit_total {
    _Atomic uint64_t times;
    _Atomic uint64_t addresses[LIMIT_SUMMARY_WORDS]; /* a bit for each, by its hash */
    _Atomic int64_t since_ms; /* when the span began; 0: none has */
};

/* A worker's; zeroed is a fresh one. */
struct limit_summary {
    struct limit_total *totals; /* LIMIT_COUNT of them, which outlive the worker; NULL: no lines */
    struct timer timer;
    bool hit[LIMIT_COUNT]; /* since the last line, by a client of this worker */
    char last[LIMIT_COUNT][SOCK_TEXT_SIZE];
};

void limit_summary_add(struct client *client, enum limit limit);

#endif
