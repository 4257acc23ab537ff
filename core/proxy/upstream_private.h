/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One connection to a backend, and the pool that it belongs to. Between
 * upstream_pool.c (who has idle connections), upstream_connect.c (getting one),
 * upstream_http1.c (speaking HTTP/1.1 on it) and upstream_http2.c (HTTP/2, with a
 * stream for each exchange, upstream_stream.h). Worker thread.
 *
 * Exchanges that HTTP/2 may serve wait in the pool, as streams without a session, and
 * share what is dialled for them; the others dial for themselves. What the server
 * agreed to last, the pool remembers.
 */
#ifndef WEIR_CORE_PROXY_UPSTREAM_PRIVATE_H
#define WEIR_CORE_PROXY_UPSTREAM_PRIVATE_H

#include "core/base/buf.h"
#include "core/base/limits.h"
#include "core/http/h1.h"
#include "core/proxy/conn.h"
#include "core/proxy/exchange.h"
#include "core/proxy/upstream.h"

/* Response heads, the informational ones before them included. */
#define UPSTREAM_HEAD_BYTES ((size_t)256 << 10)
#define UPSTREAM_FIELDS_MAX (LIMIT_HEADERS - 8) /* room for what is added on the way */

#define UPSTREAM_STATE_LIST(X)                                                       \
    X(CONNECTING) X(IDLE) /* HTTP/1: in its pool */ X(BUSY) /* HTTP/1: has an exchange */ \
    X(TUNNEL) X(SESSION) /* HTTP/2: among its pool's sessions */ X(CLOSING)

enum upstream_state {
#define UPSTREAM_STATE_ENUM(name) UPSTREAM_##name,
    UPSTREAM_STATE_LIST(UPSTREAM_STATE_ENUM)
#undef UPSTREAM_STATE_ENUM
};

/* How the kernel comes to move a response's body. */
enum upstream_splice {
    SPLICE_NONE,      /* not asked for yet */
    SPLICE_RELEASING, /* the receive ends, and what came is passed on */
    SPLICE_FLUSHING,  /* the sink sends that */
    SPLICE_PUMPING,
    SPLICE_REFUSED, /* the body is copied to its end */
};

enum upstream_protocol {
    UPSTREAM_UNKNOWN, /* the first connection will tell */
    UPSTREAM_HTTP1,
    UPSTREAM_HTTP2,
};

struct upstream_conn;
struct upstream_http2;
struct upstream_stream;

struct upstream_pool {
    struct upstream_pool *next; /* in its bucket */
    struct worker *worker;
    struct server *server; /* referenced */
    struct list idle;      /* HTTP/1, newest first */
    size_t idle_count;
    size_t users; /* connections and streams alive, idle ones included */
    bool gone;    /* not in the newest snapshot: out of the table, freed with its last user */
    enum upstream_protocol protocol; /* to expect */
    struct list sessions;            /* HTTP/2, oldest first */
    struct list waiting;             /* struct upstream_stream, oldest first */
    struct upstream_conn *dialing;   /* for those who wait; NULL: nothing */
    /* Of the server's transport in the newest snapshot. */
    bool http2;
    uint64_t tls_digest;
    int64_t idle_timeout_ms;
    size_t max_idle;
};

struct upstream_conn {
    struct conn conn; /* first member */
    struct upstream upstream; /* HTTP/1: its exchange, from the connecting on */
    enum upstream_state state;
    struct upstream_pool *pool;
    struct list link;        /* pool->idle, pool->sessions; while it is flushed, all pools' */
    struct worker_task task; /* HTTP/1: a write has failed; HTTP/2: output */
    /* Connecting. */
    struct snapshot_hold *hold; /* whose transport is used; NULL: over */
    bool http1_only;            /* HTTP/2 is not offered */
    size_t address; /* index of the one being tried */
    int64_t connect_deadline_ms; /* of all tries; 0: none */
    enum err error; /* of the last try */
    uint64_t tls_digest;
    int64_t response_header_timeout_ms;
    struct upstream_http2 *http2; /* NULL: not spoken */
    /* The running request of HTTP/1. */
    bool reused;
    bool received; /* a byte of the response */
    bool head_done, response_complete, request_complete;
    bool request_chunked;
    bool as_bytes; /* both sides, after a 101 */
    bool keep_alive;
    struct buf input; /* an incomplete response head */
    size_t scanned;
    struct h1_body body;
    struct span rest; /* behind the head, while the exchange is told of it */
    /* upstream_splice.c: of the running response. */
    enum upstream_splice splice;
    struct conn *sink;
    struct pump *pump;
};

static inline struct upstream_conn *upstream_conn_of(struct conn *conn)
{
    return container_of(conn, struct upstream_conn, conn);
}

static inline struct upstream_conn *upstream_http1_of(struct upstream *upstream)
{
    return container_of(upstream, struct upstream_conn, upstream);
}

void upstream_set_state(struct upstream_conn *backend, enum upstream_state state);

/* ---- pools ---- */

/* The pool of the server; NULL: out of memory. */
struct upstream_pool *upstream_pool_find(struct worker *worker, const struct server *server);
/* One more user, one less. */
void upstream_pool_use(struct upstream_pool *pool);
void upstream_pool_release(struct upstream_pool *pool);
/* The youngest idle connection, taken out; NULL: none. */
struct upstream_conn *upstream_pool_take(struct upstream_pool *pool);
/* Into the pool; false when it has no use for it. */
bool upstream_pool_park(struct upstream_conn *backend);
/* A new one without a connection; NULL: out of memory. */
struct upstream_conn *upstream_create(struct upstream_pool *pool);
/* Sends what is queued, and is freed when that is done, or at the worker's end. */
void upstream_close_after_flush(struct upstream_conn *backend);
/* Its connection is closed, or never was. */
void upstream_free(struct upstream_conn *backend);
/* A stream's memory; NULL: out of memory. */
struct upstream_stream *upstream_stream_alloc(struct upstream_pool *pool);
void upstream_stream_free(struct upstream_stream *stream);

/* ---- getting a connection ---- */

/* A connection for those who wait in the pool; their failure may come at once. */
void upstream_dial(struct upstream_pool *pool, struct snapshot_hold *hold);
/* Nobody waits for it any more. */
void upstream_undial(struct upstream_pool *pool);

/* ---- HTTP/1 ---- */

extern const struct conn_handler upstream_http1_handler;
extern const struct upstream_ops upstream_http1_ops;
/* Makes the connection ready for its exchange's request. */
void upstream_http1_begin(struct upstream_conn *backend);
/* Nothing more of the response can be had; the exchange is told unless it has all. */
void upstream_http1_fail(struct upstream_conn *backend, enum err error, const char *reason);
/* All of the body has been passed on. */
void upstream_http1_complete(struct upstream_conn *backend);
/* The backend has ended its side. */
void upstream_http1_end(struct upstream_conn *backend);

/* A piece of the body was passed on: perhaps the rest can be spliced. */
void upstream_splice_consider(struct upstream_conn *backend);
/* The sink has sent what it had. */
void upstream_splice_flushed(struct upstream_conn *backend);
/* Leaves the body where it is. */
void upstream_splice_stop(struct upstream_conn *backend);

/* Lets the exchange and the connection forget each other. */
struct exchange *upstream_unlink(struct upstream_conn *backend);

#endif
