/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Middlewares: what stands between the router and the service. A chain is
 * compiled per router when a snapshot is built, immutable, shared by workers.
 * Each kind is a file in core/proxy/mw/ with one struct middleware_type, listed
 * in middleware.c's table.
 */
#ifndef WEIR_CORE_PROXY_MIDDLEWARE_H
#define WEIR_CORE_PROXY_MIDDLEWARE_H

#include "config/model.h"
#include "core/base/err.h"

#include <stdatomic.h>

struct exchange;

enum middleware_verdict {
    MIDDLEWARE_CONTINUE, /* on to the next */
    MIDDLEWARE_ANSWERED, /* it has called exchange_reply: nothing else runs */
    MIDDLEWARE_SUSPENDED, /* it will call middleware_resume later */
};

struct middleware;

struct middleware_type {
    enum middleware_kind kind;
    /* Compiles the model; the problem is shown to the operator, and the router
     * then serves 503. */
    enum err (*create)(const struct model_middleware *model, struct middleware **out,
                       struct err_text *why);
    void (*destroy)(struct middleware *middleware);
    enum middleware_verdict (*on_request)(const struct middleware *middleware,
                                          struct exchange *exchange);
    /* May change the response head; NULL: not interested. */
    void (*on_response)(const struct middleware *middleware, struct exchange *exchange);
};

/* First member of every compiled middleware. */
struct middleware {
    const struct middleware_type *type;
};

struct middleware_chain {
    size_t count;
    struct span problem; /* malloc'ed with the chain, NUL-terminated; not empty: serve 503 */
    _Atomic bool reported; /* the problem stands in the log already */
    struct middleware *items[];
};

/* Control thread. Never fails for a bad middleware: that becomes the problem. */
MUST_USE enum err middleware_chain_create(const struct model_dynamic *model,
                                          const struct model_router *router,
                                          struct middleware_chain **out);
void middleware_chain_destroy(struct middleware_chain *chain);

/* From who returned MIDDLEWARE_SUSPENDED: on to the next. Worker thread. */
void middleware_resume(struct exchange *exchange);

extern const struct middleware_type middleware_pass_tls_client_cert;
extern const struct middleware_type middleware_redirect_scheme;

#endif
