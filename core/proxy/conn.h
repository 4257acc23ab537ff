/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One stream socket, towards a client or a backend: receiving, sending, TLS
 * through a transport, one timer, and an orderly end. It knows no HTTP.
 *
 * In:  a multishot receive from the worker's provided buffers. Plain text is
 *      given to handler->on_data, which takes all of it at once. conn_pause
 *      stops the deliveries; what the kernel had already put into buffers is
 *      held, in order, and once more than a little is held the receive is
 *      cancelled, so that the peer's window closes. When many of the worker's
 *      buffers are held, bytes are copied instead. From a peer that sends a lot at
 *      a time (a stream), pieces are read into one buffer of the worker's, which
 *      stays in the cache, and never before the piece before was dealt with.
 * Out: conn_write queues; everything queued in one loop turn leaves in one
 *      send, and small writes share one TLS record. conn_backlog tells how much
 *      waits; when it falls below the low mark, on_drained is called (only if
 *      it had been above the high mark).
 * End: conn_close is immediate; conn_close_after_flush sends what is queued and
 *      close_notify first, then closes; with `linger` it shuts down its side and
 *      drops what still arrives, for a short while, so that an answer given
 *      before the request was read whole is not lost to a reset.
 *      Either way on_closed is the last call, after which the owner may free.
 *
 * An idle connection owns no buffer. Worker thread only.
 */
#ifndef WEIR_CORE_PROXY_CONN_H
#define WEIR_CORE_PROXY_CONN_H

#include "core/base/buf.h"
#include "core/proxy/worker.h"
#include "io/sock.h"
#include "tls/engine.h"

struct conn;
struct transport; /* transport.h */

struct conn_handler {
    /* Connected and, with TLS, the handshake is done. */
    void (*on_open)(struct conn *conn);
    /* Plain text; borrowed for the call. */
    void (*on_data)(struct conn *conn, struct span data);
    /* The peer will send no more (FIN or close_notify). */
    void (*on_end)(struct conn *conn);
    void (*on_drained)(struct conn *conn);
    /* The last queued byte was handed to the kernel; may be NULL. */
    void (*on_flushed)(struct conn *conn);
    /* Connect, handshake, receive or send failed, or the timer ran out
     * (ERR_TIMEOUT). Nothing more will come; the handler calls conn_close. */
    void (*on_failed)(struct conn *conn, enum err error, const struct err_text *why);
    /* No operation is pending any more and the descriptor is closed. */
    void (*on_closed)(struct conn *conn);
};

#define CONN_STATE_LIST(X) \
    X(FREE) X(CONNECTING) X(HANDSHAKING) X(OPEN) X(FLUSHING) X(LINGERING) X(CLOSING)

enum conn_state {
#define CONN_STATE_ENUM(name) CONN_##name,
    CONN_STATE_LIST(CONN_STATE_ENUM)
#undef CONN_STATE_ENUM
};

/* How the peer takes what is sent to it, conn_reader.c. */
struct conn_reader {
    struct timer timer;
    int64_t since_ms; /* when the span began that the timer ends */
    uint64_t mark;    /* how far the output was then */
    bool waited;      /* something waited then */
    bool took_all;    /* at some time in it nothing waited */
    bool spliced;     /* a pump writes into the socket */
};

struct conn {
    struct worker *worker;
    const struct conn_handler *handler;
    const struct transport *transport;
    struct tls_engine *tls; /* NULL on a plain connection */
    int fd;
    enum conn_state state;
    bool is_client;        /* the first member of a struct client */
    bool paused;           /* by the owner */
    bool receive_ended;    /* FIN seen; delivered once what is held is delivered */
    bool end_delivered;
    bool above_high_mark;
    bool kernel_bounded;   /* what the kernel keeps for it */
    bool linger;
    bool delivering;       /* guards against re-entry */
    bool output_ended;     /* FIN follows what is queued */
    bool output_shut;      /* FIN is sent */
    bool send_failed;      /* what is queued cannot be sent any more */
    bool streaming;        /* polls, and receives piece by piece */
    bool by_piece;         /* the receive that runs is no multishot */
    bool ktls_refused;     /* records stay in user space */
    bool hangup_watched;   /* conn_watch_hangup */
    uint8_t short_receives; /* of a stream, in a row */
    uint16_t held_first, held_last; /* chain of held buffers (worker->buffer_links) */
    uint32_t held_count;
    uint32_t wanted;         /* what the owner can do with at once, conn_want */
    uint32_t receive_most;   /* what the receive that was begun last may bring */
    struct buf held_bytes;   /* copies of what came behind the held buffers */
    size_t provoked_bytes;   /* unsent TLS records that the peer provoked, transport_tls.c */
    uint64_t quiet_records;  /* of TLS, without data, that have been counted */
    struct rate quiet_rate;
    struct op receive, send;
    struct bufring_waiter buffer_waiter;
    struct timer timer;
    struct buf staged;  /* plain text waiting to become one TLS record */
    struct buf filling; /* bytes for the next send */
    struct buf sending; /* bytes of the send that runs */
    struct list flush_link;  /* worker->flush, or worker->later */
    int64_t flush_at_ms;     /* in worker->later; else 0 */
    struct worker_task task; /* deferred resume or end of life */
    void (*release_done)(struct conn *conn);
    struct conn_ktls *ktls; /* transport_ktls.c; NULL: not the kernel's */
    struct tunnel *tunnel; /* tunnel.c, while joined to another */
    struct sock_address connect_address;
    uint64_t bytes_in, bytes_out; /* on the wire */
    uint64_t flush_mark; /* how far the output was when the flush timer was set */
    struct conn_reader reader;
};

const char *conn_state_name(enum conn_state state);

/* An accepted socket: OPEN and plain. Receiving starts with conn_start. */
void conn_init_accepted(struct conn *conn, struct worker *worker, int fd,
                        const struct conn_handler *handler);
/* The TLS side of a connection to be: tls_engine_create_client. */
struct conn_tls {
    struct tls_context *context;
    const char *server_name, *alpn;
};
/* Connects; with `tls` (not NULL) a client handshake follows. timeout_ms covers both
 * (0: none). On an error returned here nothing was started and on_closed will not
 * be called. */
MUST_USE enum err conn_connect(struct conn *conn, struct worker *worker,
                               const struct sock_address *address, const struct conn_tls *tls,
                               int64_t timeout_ms, const struct conn_handler *handler);
/* The first bytes on the wire, as they are and in front of any TLS. Only between
 * conn_connect and its result. */
MUST_USE enum err conn_send_first(struct conn *conn, struct span bytes);
void conn_start(struct conn *conn);

/* From now on TLS: `hello` (and what follows it) is fed to the engine first.
 * on_open when the handshake is done. */
MUST_USE enum err conn_start_tls_server(struct conn *conn, struct tls_context *context,
                                        const struct tls_server_params *params, struct span hello);

void conn_pause(struct conn *conn);
void conn_resume(struct conn *conn);
/* Until conn_resume the peer's end (FIN or RST), though behind bytes that nobody has
 * read, is on_failed(ERR_CLOSED). Costs an operation: for who has been paused for long. */
void conn_watch_hangup(struct conn *conn);
/* What the next receive may bring before its owner can say stop; CONN_RECEIVE_SMALL at
 * least, and more than fits a turn at most. */
void conn_want(struct conn *conn, size_t bytes);
/* For the one that runs, too. */
void conn_want_now(struct conn *conn, size_t bytes);
#define CONN_RECEIVE_SMALL ((uint32_t)16 << 10)

/* ERR_LIMIT never: the mark is advice, the owner stops its source. */
MUST_USE enum err conn_write(struct conn *conn, struct span data);
/* Queued and unsent bytes. */
size_t conn_backlog(const struct conn *conn);
/* Whether the source should stop until on_drained. */
bool conn_is_congested(struct conn *conn);
/* Sends FIN (and close_notify) after what is queued; receiving goes on. */
void conn_end_output(struct conn *conn);

void conn_close(struct conn *conn);
void conn_close_after_flush(struct conn *conn, bool linger);
/* RST instead of FIN. */
void conn_abort(struct conn *conn);

/* Makes it fail from outside: on_failed, as if the peer had. */
void conn_fail(struct conn *conn, enum err error, const struct err_text *why);

/* One timer; 0 stops it. Running out is on_failed(ERR_TIMEOUT). */
void conn_set_timeout(struct conn *conn, int64_t after_ms);

/* Called by worker_turn_end. */
void conn_flush(struct conn *conn);
/* The worker's later_timer has run out. */
void conn_flush_overdue(struct timer *timer);
/* For transports: plain text for the handler / output for the end of the turn. */
void conn_deliver(struct conn *conn, struct span data);
void conn_opened(struct conn *conn);
void conn_schedule_flush(struct conn *conn);
/* Output that nobody waits for: it leaves with the next that is written, or alone
 * in a few milliseconds. */
void conn_schedule_flush_later(struct conn *conn);
/* Whether a transport may deliver now. */
static inline bool conn_is_reading(const struct conn *conn)
{
    return !conn->paused && (conn->state == CONN_OPEN || conn->state == CONN_HANDSHAKING);
}

/*
 * Stops receiving and hands the plain socket over (splice): when no receive is
 * pending any more, `done` is called; bytes that had arrived are delivered
 * through on_data before. Only for a connection without TLS.
 */
void conn_release_receive(struct conn *conn, void (*done)(struct conn *conn));
/* Not after all, or not any more: receives as before. */
void conn_retake_receive(struct conn *conn);

/*
 * Whether bytes may be spliced into the socket, as far as can be seen: plain, or TLS
 * that the kernel seals or could be given to seal.
 */
bool conn_takes_splice(const struct conn *conn);
/* Makes it so, with nothing queued. On failure it goes on as it was, and TLS is never
 * offered to the kernel again. */
MUST_USE enum err conn_open_to_splice(struct conn *conn);
/* So many bytes under one key are enough, which the kernel cannot change: about 2^22
 * records, well below what RFC 8446 §5.5 allows. Who can ends such a connection. */
#define CONN_KTLS_BYTES_MAX (UINT64_C(1) << 36)
static inline bool conn_is_worn(const struct conn *conn)
{
    return conn->ktls != NULL && conn->bytes_out >= CONN_KTLS_BYTES_MAX;
}
/* Whether nothing is queued and nothing is being sent. */
static inline bool conn_is_flushed(const struct conn *conn)
{
    return conn_backlog(conn) == 0 && !op_pending(&conn->send);
}

#endif
