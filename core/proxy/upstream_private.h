/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One connection to a backend, and the pool that it belongs to. Between
 * upstream_pool.c (who has idle connections), upstream_connect.c (getting one)
 * and upstream_http1.c (speaking HTTP/1.1 on it). Worker thread.
 */
#ifndef WEIR_CORE_PROXY_UPSTREAM_PRIVATE_H
#define WEIR_CORE_PROXY_UPSTREAM_PRIVATE_H

#include "core/base/buf.h"
#include "core/http/h1.h"
#include "core/proxy/conn.h"
#include "core/proxy/exchange.h"
#include "core/proxy/upstream.h"

/* Response heads, the informational ones before them included. */
#define UPSTREAM_HEAD_BYTES ((size_t)256 << 10)

#define UPSTREAM_STATE_LIST(X)                                                   \
    X(CONNECTING) X(IDLE) /* in its pool */ X(BUSY) /* has an exchange */        \
    X(TUNNEL) X(CLOSING)

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

struct upstream_pool {
    struct upstream_pool *next; /* in its bucket */
    struct server *server;      /* referenced */
    struct list idle;           /* newest first */
    size_t idle_count;
    size_t users; /* upstreams alive, idle ones included */
    bool gone;    /* not in the newest snapshot: out of the table, freed with its last user */
    /* Of the server's transport in the newest snapshot. */
    uint64_t tls_digest;
    int64_t idle_timeout_ms;
    size_t max_idle;
};

struct upstream_http1 {
    struct conn conn; /* first member */
    struct upstream upstream;
    enum upstream_state state;
    struct upstream_pool *pool;
    struct list link;        /* pool->idle */
    struct worker_task task; /* a write has failed */
    /* Connecting. */
    size_t address; /* index of the one being tried */
    int64_t connect_deadline_ms; /* of all tries; 0: none */
    enum err error; /* of the last try */
    uint64_t tls_digest;
    int64_t response_header_timeout_ms;
    /* The running request. */
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

static inline struct upstream_http1 *http1_of(struct conn *conn)
{
    return container_of(conn, struct upstream_http1, conn);
}

static inline struct upstream_http1 *http1_of_upstream(struct upstream *upstream)
{
    return container_of(upstream, struct upstream_http1, upstream);
}

void upstream_set_state(struct upstream_http1 *http1, enum upstream_state state);

/* The pool of the server; NULL: out of memory. */
struct upstream_pool *upstream_pool_find(struct worker *worker, const struct server *server);
/* The youngest idle connection, taken out; NULL: none. */
struct upstream_http1 *upstream_pool_take(struct upstream_pool *pool);
/* Into the pool; false when it has no use for it. */
bool upstream_pool_park(struct upstream_http1 *http1);
/* A new one without a connection; NULL: out of memory. */
struct upstream_http1 *upstream_create(struct worker *worker, struct upstream_pool *pool);
/* Its connection is closed, or never was. */
void upstream_free(struct upstream_http1 *http1);

/* Begins to connect; exchange_upstream_failed may come at once. */
void upstream_connect(struct upstream_http1 *http1);
/* One try has failed and its connection is closed: the next. */
void upstream_connect_next(struct upstream_http1 *http1);

extern const struct conn_handler upstream_http1_handler;
extern const struct upstream_ops upstream_http1_ops;
/* Makes the upstream ready for its exchange's request. */
void upstream_http1_begin(struct upstream_http1 *http1);
/* Nothing more of the response can be had; the exchange is told unless it has all. */
void upstream_http1_fail(struct upstream_http1 *http1, enum err error, const char *reason);
/* All of the body has been passed on. */
void upstream_http1_complete(struct upstream_http1 *http1);
/* The backend has ended its side. */
void upstream_http1_end(struct upstream_http1 *http1);

/* A piece of the body was passed on: perhaps the rest can be spliced. */
void upstream_splice_consider(struct upstream_http1 *http1);
/* The sink has sent what it had. */
void upstream_splice_flushed(struct upstream_http1 *http1);
/* Leaves the body where it is. */
void upstream_splice_stop(struct upstream_http1 *http1);

/* Lets the exchange and the upstream forget each other. */
struct exchange *upstream_unlink(struct upstream_http1 *http1);

#endif
