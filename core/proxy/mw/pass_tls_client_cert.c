/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * passTLSClientCert: the certificates of the handshake as fields for the backend.
 * Whatever the request said of itself under these names goes first, trusted or
 * not: behind this middleware they speak of the handshake with Weir alone.
 */
#include "core/proxy/client.h"
#include "core/proxy/exchange.h"
#include "core/proxy/middleware.h"

#include <stdlib.h>

#define FIELD_MAX (256 << 10) /* bytes of one of the fields; a longer one is an error */

struct pass_tls_client_cert {
    struct middleware middleware; /* first member */
    bool pem, info;
    struct client_cert_wanted wanted;
};

static uint32_t attributes_of(uint32_t bits)
{
    static const struct {
        uint32_t model, name;
    } table[] = {
        {CERTIFICATE_COUNTRY, NAME_COUNTRY},
        {CERTIFICATE_PROVINCE, NAME_PROVINCE},
        {CERTIFICATE_LOCALITY, NAME_LOCALITY},
        {CERTIFICATE_ORGANIZATION, NAME_ORGANIZATION},
        {CERTIFICATE_ORGANIZATIONAL_UNIT, NAME_ORGANIZATIONAL_UNIT},
        {CERTIFICATE_COMMON_NAME, NAME_COMMON_NAME},
        {CERTIFICATE_SERIAL_NUMBER, NAME_SERIAL_NUMBER},
        {CERTIFICATE_DOMAIN_COMPONENT, NAME_DOMAIN_COMPONENT},
        {CERTIFICATE_USER_ID, NAME_USER_ID},
    };
    uint32_t names = 0;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        names |= bits & table[i].model ? table[i].name : 0;
    return names;
}

static enum err create(const struct model_middleware *model, struct middleware **out,
                       struct err_text *why)
{
    const struct model_certificate_info *info = &model->pass_tls_client_cert.info;
    struct pass_tls_client_cert *self = calloc(1, sizeof(*self));
    (void)why;
    if (self == NULL)
        return ERR_NOMEM;
    self->middleware.type = &middleware_pass_tls_client_cert;
    self->pem = model->pass_tls_client_cert.pem;
    self->info = info->present;
    self->wanted = (struct client_cert_wanted){
        .not_after = info->not_after,
        .not_before = info->not_before,
        .sans = info->sans,
        .serial_number = info->serial_number,
        .subject = attributes_of(info->subject),
        .issuer = attributes_of(info->issuer),
    };
    *out = &self->middleware;
    return ERR_OK;
}

static void destroy(struct middleware *middleware)
{
    free(container_of(middleware, struct pass_tls_client_cert, middleware));
}

/* The text in the exchange's arena becomes the field. */
static enum err set_field(struct exchange *exchange, enum http_field_id id, const struct buf *text)
{
    struct span value = arena_span(&exchange->arena, buf_span(text));
    if (value.ptr == NULL)
        return ERR_NOMEM;
    return http_fields_set_id(&exchange->request.fields, id, value);
}

static enum err set_fields(const struct pass_tls_client_cert *self, struct exchange *exchange,
                           const struct client_cert *cert)
{
    struct buf text;
    enum err error = ERR_OK;
    buf_init(&text, FIELD_MAX);
    if (self->pem) {
        error = client_cert_append_pem(cert, &text);
        if (error == ERR_OK)
            error = set_field(exchange, HTTP_FIELD_X_FORWARDED_TLS_CLIENT_CERT, &text);
    }
    buf_clear(&text);
    if (self->info && error == ERR_OK) {
        error = client_cert_append_info(cert, &self->wanted, &text);
        if (error == ERR_OK)
            error = set_field(exchange, HTTP_FIELD_X_FORWARDED_TLS_CLIENT_CERT_INFO, &text);
    }
    buf_finish(&text);
    return error;
}

static enum middleware_verdict on_request(const struct middleware *middleware,
                                          struct exchange *exchange)
{
    const struct pass_tls_client_cert *self =
        container_of(middleware, const struct pass_tls_client_cert, middleware);
    struct http_fields *fields = &exchange->request.fields;
    http_fields_remove_id(fields, HTTP_FIELD_X_FORWARDED_TLS_CLIENT_CERT);
    http_fields_remove_id(fields, HTTP_FIELD_X_FORWARDED_TLS_CLIENT_CERT_INFO);
    const struct tls_engine *engine = exchange->client->conn.tls;
    const struct client_cert *cert = engine != NULL ? tls_engine_client_cert(engine) : NULL;
    if (cert == NULL || set_fields(self, exchange, cert) == ERR_OK)
        return MIDDLEWARE_CONTINUE;
    /* Without them a backend would take the client for another one. */
    exchange_reply_error(exchange, 503, "the client's certificate cannot be passed on");
    return MIDDLEWARE_ANSWERED;
}

const struct middleware_type middleware_pass_tls_client_cert = {
    .kind = MIDDLEWARE_PASS_TLS_CLIENT_CERT,
    .create = create,
    .destroy = destroy,
    .on_request = on_request,
};
