/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a client ran into: each limit has a name, a counter of each worker, and one
 * line in the operator's log per hit. An attack must not become a flood of lines: of
 * each limit a worker writes LIMIT_LINES_PER_SECOND at most, and the next line says how
 * many were left out; limit_summary.h has one for all that came. What happens to the
 * client (408, 431, GOAWAY, a reset) is the caller's. Worker thread; the counters may be
 * read by any.
 */
#ifndef WEIR_CORE_PROXY_LIMIT_H
#define WEIR_CORE_PROXY_LIMIT_H

#include "core/base/metric.h"

struct client;
struct conn;

/* X(name of the enum, name that the operator sees) */
#define LIMIT_LIST(X)                                                               \
    X(CLIENT_HELLO, "clientHello")       /* too long, or too slow */                \
    X(HANDSHAKE, "handshake")            /* of TLS, too slow */                     \
    X(KEY_UPDATES, "keyUpdates")         /* of TLS, or records without data */      \
    X(CONNECTIONS_PER_ADDRESS, "connectionsPerAddress")                             \
    X(HEADERS, "headers")                /* of a request, too long or too many */   \
    X(SLOW_HEADERS, "slowHeaders")                                                  \
    X(SLOW_BODY, "slowBody")                                                        \
    X(SLOW_READER, "slowReader")         /* takes nothing of its answer */          \
    X(HTTP2_HEADER_BYTES, "http2HeaderBytes")                                       \
    X(HTTP2_CONTINUATIONS, "http2Continuations")                                    \
    X(HTTP2_RESETS, "http2Resets")                                                  \
    X(HTTP2_SETTINGS, "http2Settings")                                              \
    X(HTTP2_PINGS, "http2Pings")                                                    \
    X(HTTP2_EMPTY_DATA, "http2EmptyData")         /* and other frames for nothing */  \
    X(HTTP2_CONTROL_FRAMES, "http2ControlFrames") /* answers that wait to be read */ \
    X(HTTP2_WINDOW_STALL, "http2WindowStall")     /* no window for what waits */    \
    X(HTTP2_STREAMS, "http2Streams")              /* that never end */

enum limit {
#define LIMIT_ENUM(name, text) LIMIT_OF_##name,
    LIMIT_LIST(LIMIT_ENUM)
#undef LIMIT_ENUM
    LIMIT_COUNT
};

#define LIMIT_LINES_PER_SECOND 5

/* A worker's; zeroed is a fresh one. */
struct limit_reports {
    struct metric hits[LIMIT_COUNT];
    struct limit_lines {
        int64_t second;      /* monotonic, that the lines are counted in */
        uint64_t written;    /* in it */
        uint64_t suppressed; /* since the last line */
    } lines[LIMIT_COUNT];
};

/* "slowHeaders". */
const char *limit_name(enum limit limit);

/* Counts, and logs the client's address. Once per connection (or stream) that is
 * ended for it, not per frame. */
void limit_report(struct client *client, enum limit limit);
/* The same, for a connection that may be a backend's: then nothing happens. */
void limit_report_conn(struct conn *conn, enum limit limit);

#endif
