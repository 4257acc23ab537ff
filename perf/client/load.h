/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The two loads of the client.
 *
 * handshakes: each thread opens a connection, asks once, closes, and begins again, until the time
 * is up or `count` connections are made. idle: opens `count` connections, asks once on each, says
 * "ready", and when its standard input ends asks on each again.
 */
#ifndef WEIR_PERF_CLIENT_LOAD_H
#define WEIR_PERF_CLIENT_LOAD_H

#include <stdint.h>

#include "perf/client/histogram.h"
#include "perf/client/session.h"

#define LOAD_THREADS_MAX 256

struct load {
    struct target target;
    unsigned threads;
    double seconds;     /* 0: until count is reached */
    uint64_t count;     /* 0: until the time is up */
    bool resume;        /* each connection resumes a session of its thread */
    bool random_names;  /* each connection asks for a server name of its own */
};

struct load_result {
    struct histogram latency; /* ns from connect to the last byte */
    uint64_t errors, resumed;
    double elapsed;
    char error[SESSION_ERROR]; /* the first one */
    char version[16], cipher[48], group[32];
};

void load_handshakes(const struct load *load, struct load_result *result);
void load_idle(const struct load *load, struct load_result *result);

#endif
