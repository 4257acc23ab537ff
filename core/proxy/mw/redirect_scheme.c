/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * redirectScheme, and what http.redirections.entryPoint becomes: the same URL
 * under another scheme and port. The scheme that the client used is what
 * X-Forwarded-Proto says (forward.c has settled whom to believe). A request
 * that is where it should be passes on.
 */
#include "core/proxy/client.h"
#include "core/proxy/exchange.h"
#include "core/proxy/middleware.h"

#include <stdlib.h>

struct redirect_scheme {
    struct middleware middleware; /* first member */
    char *scheme;
    char port[sizeof(":65535")]; /* with the colon, or "" for the scheme's own */
    bool permanent;
};

static bool is_default_port(struct span scheme, struct span port)
{
    return (span_equal(scheme, SPAN("http")) && span_equal(port, SPAN("80"))) ||
           (span_equal(scheme, SPAN("https")) && span_equal(port, SPAN("443")));
}

static enum err create(const struct model_middleware *model, struct middleware **out,
                       struct err_text *why)
{
    struct span scheme = model->redirect_scheme.scheme, port = model->redirect_scheme.port;
    uint64_t number = 0;
    if (scheme.len == 0)
        return err_set(why, ERR_INVALID, "redirectScheme needs a scheme");
    if (port.len > 0 && (!span_to_u64(port, &number) || number == 0 || number > UINT16_MAX))
        return err_set(why, ERR_INVALID, "redirectScheme: port \"%.*s\" is no port",
                       SPAN_ARG(port));
    struct redirect_scheme *self = calloc(1, sizeof(*self));
    if (self == NULL)
        return ERR_NOMEM;
    self->middleware.type = &middleware_redirect_scheme;
    self->permanent = model->redirect_scheme.permanent;
    self->scheme = span_dup(scheme);
    if (self->scheme == NULL) {
        free(self);
        return ERR_NOMEM;
    }
    if (port.len > 0 && port.len < sizeof(self->port) - 1 && !is_default_port(scheme, port)) {
        self->port[0] = ':';
        memcpy(self->port + 1, port.ptr, port.len);
    }
    *out = &self->middleware;
    return ERR_OK;
}

static void destroy(struct middleware *middleware)
{
    struct redirect_scheme *self = container_of(middleware, struct redirect_scheme, middleware);
    free(self->scheme);
    free(self);
}

static struct span current_scheme(const struct exchange *exchange)
{
    const struct http_field *field =
        http_fields_find_id(&exchange->request.fields, HTTP_FIELD_X_FORWARDED_PROTO);
    if (field == NULL || field->value.len == 0)
        return exchange->client->is_tls ? SPAN("https") : SPAN("http");
    /* A hop before us may have named the upgrade's scheme. */
    if (span_equal_nocase(field->value, SPAN("ws")))
        return SPAN("http");
    if (span_equal_nocase(field->value, SPAN("wss")))
        return SPAN("https");
    return field->value;
}

/* Host and ":port" (or nothing) of the Host field. */
static struct span split_authority(struct span authority, struct span *port)
{
    ptrdiff_t colon = span_find_last(authority, ':'), bracket = span_find_last(authority, ']');
    *port = SPAN_EMPTY;
    if (colon <= bracket)
        return authority;
    *port = span_skip(authority, (size_t)colon);
    return span_first(authority, (size_t)colon);
}

static const char *make_location(const struct redirect_scheme *self, struct exchange *exchange,
                                 struct span host)
{
    const struct http_request *request = &exchange->request;
    return arena_format(&exchange->arena, "%s://%.*s%s%.*s%s%.*s", self->scheme, SPAN_ARG(host),
                        self->port, SPAN_ARG(request->path), request->query.ptr ? "?" : "",
                        SPAN_ARG(request->query));
}

static uint16_t redirect_status(const struct redirect_scheme *self, enum http_method method)
{
    if (self->permanent)
        return method == HTTP_METHOD_GET ? 301 : 308;
    return method == HTTP_METHOD_GET ? 302 : 307;
}

static enum middleware_verdict on_request(const struct middleware *middleware,
                                          struct exchange *exchange)
{
    const struct redirect_scheme *self =
        container_of(middleware, const struct redirect_scheme, middleware);
    struct span port, scheme = current_scheme(exchange);
    struct span host = split_authority(exchange->request.authority, &port);
    if (port.len > 0 && is_default_port(scheme, span_skip(port, 1)))
        port = SPAN_EMPTY;
    if (span_equal(scheme, span_cstr(self->scheme)) && span_equal(port, span_cstr(self->port)))
        return MIDDLEWARE_CONTINUE;
    if (host.len == 0) {
        exchange_reply_error(exchange, 400, "a redirect needs a Host");
        return MIDDLEWARE_ANSWERED;
    }
    uint16_t status = redirect_status(self, exchange->request.method);
    struct http_fields fields;
    http_fields_init(&fields, &exchange->arena);
    const char *location = make_location(self, exchange, host);
    if (location == NULL ||
        http_fields_add_id(&fields, HTTP_FIELD_LOCATION, span_cstr(location)) != ERR_OK) {
        exchange_reply_error(exchange, 503, "out of memory");
        return MIDDLEWARE_ANSWERED;
    }
    exchange_reply(exchange, status, &fields, SPAN("text/plain; charset=utf-8"),
                   span_cstr(http_status_reason(status)));
    return MIDDLEWARE_ANSWERED;
}

const struct middleware_type middleware_redirect_scheme = {
    .kind = MIDDLEWARE_REDIRECT_SCHEME,
    .create = create,
    .destroy = destroy,
    .on_request = on_request,
};
