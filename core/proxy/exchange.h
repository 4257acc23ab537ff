/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One request and its response, whatever version of HTTP carries either side:
 *
 *   front → exchange_start → router → middlewares → service → balancer
 *         → upstream → response → middlewares → front
 *
 * The front and the upstream are reached through two small vtables, so nothing
 * here knows HTTP/1 from HTTP/2. Body pieces are passed on at once, never
 * gathered; who is congested makes the other side's source stop.
 *
 * Ownership: the exchange owns its arena, the copy of the request head and the
 * references to what it uses (snapshot hold, service, server). It ends when
 * both the front and the upstream are done with it. Worker thread.
 */
#ifndef WEIR_CORE_PROXY_EXCHANGE_H
#define WEIR_CORE_PROXY_EXCHANGE_H

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/http/message.h"
#include "core/proxy/snapshot.h"
#include "core/proxy/upstream.h"

struct exchange;
struct client;
struct worker;
struct upstream;

#define EXCHANGE_ROOM_ANY SIZE_MAX

/* What the exchange asks of the side that the request came from. */
struct downstream_ops {
    /* An informational response (103); may be NULL. */
    void (*send_informational)(struct exchange *exchange, const struct http_response *response);
    /* The final response head. `end`: no body follows. */
    void (*send_head)(struct exchange *exchange, const struct http_response *response, bool end);
    void (*send_body)(struct exchange *exchange, struct span data);
    /* trailers may be NULL. */
    void (*send_end)(struct exchange *exchange, const struct http_fields *trailers);
    /* How much of the response's body the client takes now, about; 0: none until
     * exchange_drained, EXCHANGE_ROOM_ANY: whatever comes. */
    size_t (*room)(struct exchange *exchange);
    /* The exchange wants (more of) the request body / wants it to stop. */
    void (*resume_body)(struct exchange *exchange);
    void (*pause_body)(struct exchange *exchange);
    /* The connection into which the rest of the body may be spliced: it goes out as it
     * is, in nothing of this version's framing. NULL: it may not. */
    struct conn *(*splice_sink)(struct exchange *exchange);
    /* After a 101: gives the connection for a tunnel, with what was read
     * beyond the request; NULL when this version has no such thing. */
    struct conn *(*take_tunnel)(struct exchange *exchange, struct span *early);
    /* The tunnel has ended and is about to close the connection. NULL with take_tunnel. */
    void (*tunnel_ended)(struct exchange *exchange);
    /* The response cannot be completed: cut it so that the client notices. */
    void (*abort)(struct exchange *exchange);
};

#define EXCHANGE_STATE_LIST(X)                                                        \
    X(NEW) X(ROUTING) X(SUSPENDED) /* a middleware or internal service works */       \
    X(CONNECTING) X(REQUEST) /* head sent, waiting for the response */                \
    X(RESPONSE) /* head passed on */ X(TUNNEL) X(DONE)

enum exchange_state {
#define EXCHANGE_STATE_ENUM(name) EXCHANGE_##name,
    EXCHANGE_STATE_LIST(EXCHANGE_STATE_ENUM)
#undef EXCHANGE_STATE_ENUM
};

struct exchange {
    struct worker *worker;
    const struct downstream_ops *downstream;
    struct client *client; /* the connection; NULL once the client has gone */
    void *stream;          /* the front's own, where a connection carries several */
    enum exchange_state state;
    struct snapshot_hold *hold;
    struct arena arena;
    struct http_request request;
    struct http_response response;
    const struct route *route;
    struct middleware_chain *chain;
    struct service *service;
    const struct service *leaf; /* the load balancer that the choice came to */
    struct server *server; /* picked; lives as long as `hold` */
    struct upstream *upstream;
    struct span target_sent; /* to the backend; the fields of `request` are settled with it */
    struct buf body; /* request body that waits for the connection; bounded */
    struct http_fields request_trailers, response_trailers;
    size_t middleware_next; /* index of the first middleware that has not run */
    bool http1_only;        /* the server wants HTTP/1 for this request */
    const void *refused_by; /* the connection that did not take it; never followed */
    bool upgrade;           /* the request asks for a tunnel, and was passed on so */
    bool switched;          /* the bodies are a connection's bytes, after a 101 */
    bool request_ended;    /* the whole request body was received */
    bool body_forwarded;   /* part of it went out: no retry any more */
    bool response_started; /* head passed to the front */
    bool response_ended;
    bool continue_sent;
    bool started; /* was given to the router: counts and is logged */
    struct exchange **pending; /* while SUSPENDED, of who will answer: its pointer to this
                                * exchange, set to NULL when the exchange is freed; may be NULL */
    uint32_t attempts;
    /* For the access log. */
    int64_t started_ns, started_wall_ns, upstream_started_ns, upstream_duration_ns;
    uint64_t request_bytes, response_bytes;
    uint16_t origin_status, status;
    const char *failure; /* why Weir answered itself; static text or in the arena */
    struct list link;    /* exchange_pool.h */
};

const char *exchange_state_name(enum exchange_state state);

/* Allocates; the front fills `request` (spans in exchange->arena). NULL: out
 * of memory. */
struct exchange *exchange_create(struct client *client, const struct downstream_ops *downstream);
void exchange_start(struct exchange *exchange);

/*
 * From the front. Whatever happens in these calls, the exchange lives until the
 * front calls exchange_finish, which it never does from inside its own
 * downstream_ops. Trailers must live as long as the exchange (its
 * request_trailers are made for that).
 */
void exchange_request_body(struct exchange *exchange, struct span data);
void exchange_request_end(struct exchange *exchange, const struct http_fields *trailers);
void exchange_request_failed(struct exchange *exchange, uint16_t status, const char *reason);
void exchange_drained(struct exchange *exchange);    /* the front can take more */
void exchange_flushed(struct exchange *exchange);    /* the front has sent everything */
void exchange_client_gone(struct exchange *exchange); /* no response is wanted any more */
/* The front is done with it (response sent, request read or given up): frees.
 * Never from inside one of the calls above. */
void exchange_finish(struct exchange *exchange);

/* From the upstream (upstream.h). */
void exchange_upstream_ready(struct exchange *exchange);
void exchange_upstream_informational(struct exchange *exchange, const struct http_response *head);
/* exchange->response is filled; `end`: no body, and no exchange_upstream_end, follows. */
void exchange_upstream_head(struct exchange *exchange, bool end);
void exchange_upstream_body(struct exchange *exchange, struct span data);
void exchange_upstream_end(struct exchange *exchange, const struct http_fields *trailers);
void exchange_upstream_drained(struct exchange *exchange);
/* The upstream has let go of the exchange already. `reason`: static text. */
void exchange_upstream_failed(struct exchange *exchange, enum err error,
                              enum upstream_failure kind, const char *reason);

/* A whole response made by Weir: error pages, redirects, internal services.
 * fields may be NULL; everything is copied. Ignored once a response has started. */
void exchange_reply(struct exchange *exchange, uint16_t status, const struct http_fields *fields,
                    struct span content_type, struct span body);
/* "404 page not found" and the like, text/plain, as Traefik writes them.
 * `failure` is kept: static text or in the arena. */
void exchange_reply_error(struct exchange *exchange, uint16_t status, const char *failure);

/* The failure that clients are told of in Traefik's words. */
extern const char EXCHANGE_NO_SERVER[];

/* What the access log is given when an exchange ends; borrowed for the call. */
struct access_record {
    const struct exchange *exchange;
    int64_t duration_ns;
};

#endif
