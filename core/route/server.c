/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A server is one block: the struct and behind it its strings. Its key says
 * what makes it the same server in the next configuration.
 */
#include "core/base/hash.h"
#include "core/http/uri.h"
#include "core/route/service_tree.h"

#include <arpa/inet.h>
#include <stdlib.h>

/* ---- what an address consists of ---- */

struct server_parts {
    struct span url, host, authority, base_path;
    uint16_t port;
    bool https, h2c;
};

static enum err parse_url(struct span url, struct server_parts *out, struct err_text *why)
{
    struct uri uri;
    if (uri_parse(url, &uri) != ERR_OK)
        return err_set(why, ERR_INVALID, "the server URL \"%.*s\" should look like "
                       "http://10.0.0.1:8080", SPAN_ARG(span_first(url, 200)));
    bool https = span_equal(uri.scheme, SPAN("https"));
    bool h2c = span_equal(uri.scheme, SPAN("h2c"));
    if (!https && !h2c && !span_equal(uri.scheme, SPAN("http")))
        return err_set(why, ERR_INVALID, "the server URL \"%.*s\" should begin with http://, "
                       "https:// or h2c://", SPAN_ARG(span_first(url, 200)));
    *out = (struct server_parts){.url = url, .host = uri.host, .authority = uri.authority,
                                 .base_path = uri.path, .port = uri.port, .https = https,
                                 .h2c = h2c};
    if (span_equal(out->base_path, SPAN("/")))
        out->base_path = SPAN("");
    return ERR_OK;
}

static enum err parse_address(struct span address, struct arena *arena, struct server_parts *out,
                              struct err_text *why)
{
    struct span host;
    uint16_t port = 0;
    enum err error = uri_parse_authority(address, arena, &host, &port);
    if (error == ERR_NOMEM)
        return error;
    if (error != ERR_OK || port == 0)
        return err_set(why, ERR_INVALID, "the server address \"%.*s\" should look like "
                       "10.0.0.1:5432", SPAN_ARG(span_first(address, 200)));
    *out = (struct server_parts){
        .url = address, .host = host, .authority = address, .base_path = SPAN(""), .port = port};
    return ERR_OK;
}

/* ---- addresses ---- */

/* NULL for a name, or when memory is out (*error says which). */
static struct server_addresses *literal_address(const char *host, uint16_t port, enum err *error)
{
    struct in_addr v4;
    struct in6_addr v6;
    bool is_v4 = inet_pton(AF_INET, host, &v4) == 1;
    *error = ERR_OK;
    if (!is_v4 && inet_pton(AF_INET6, host, &v6) != 1)
        return NULL;
    struct server_addresses *addresses = calloc(1, sizeof(*addresses));
    if (addresses == NULL) {
        *error = ERR_NOMEM;
        return NULL;
    }
    addresses->count = 1;
    if (is_v4) {
        struct sockaddr_in *to = (struct sockaddr_in *)&addresses->items[0];
        *to = (struct sockaddr_in){
            .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = v4};
        addresses->lengths[0] = sizeof(*to);
    } else {
        struct sockaddr_in6 *to = (struct sockaddr_in6 *)&addresses->items[0];
        *to = (struct sockaddr_in6){
            .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = v6};
        addresses->lengths[0] = sizeof(*to);
    }
    return addresses;
}

/* ---- making and releasing ---- */

static struct span place(char **at, struct span text)
{
    struct span copy = span_make(*at, text.len);
    if (text.len > 0)
        memcpy(*at, text.ptr, text.len);
    (*at)[text.len] = '\0';
    *at += text.len + 1;
    return copy;
}

static struct server *server_alloc(const struct server_parts *parts, struct span transport)
{
    size_t strings = parts->url.len + parts->host.len + parts->authority.len +
                     parts->base_path.len + transport.len + 5;
    struct server *server = calloc(1, sizeof(*server) + strings);
    if (server == NULL)
        return NULL;
    char *at = (char *)(server + 1);
    server->url = place(&at, parts->url);
    server->host = place(&at, parts->host);
    server->authority = place(&at, parts->authority);
    server->base_path = place(&at, parts->base_path);
    server->transport = place(&at, transport);
    server->port = parts->port;
    server->https = parts->https;
    server->h2c = parts->h2c;
    return server;
}

static uint64_t server_key(const struct server *server, uint64_t transport_digest)
{
    uint64_t flags = (uint64_t)server->tcp_tls << 1 | (uint64_t)server->preserve_path;
    uint64_t rest[2] = {flags, transport_digest};
    uint64_t key = hash_span_salted(server->url, 1);
    key = hash_span_salted(server->transport, key);
    return hash_span_salted(span_make(rest, sizeof(rest)), key);
}

static enum err server_create_from(const struct server_parts *parts,
                                   const struct model_server *model, struct span transport,
                                   uint64_t transport_digest, struct server **out)
{
    static _Atomic uint64_t next_id = 1;
    struct server *server = server_alloc(parts, transport);
    if (server == NULL)
        return ERR_NOMEM;
    enum err error;
    server->tcp_tls = model->tls;
    server->preserve_path = model->preserve_path;
    server->weight = model->weight;
    server->key = server_key(server, transport_digest);
    server->id = atomic_fetch_add_explicit(&next_id, 1, memory_order_relaxed);
    struct server_addresses *addresses = literal_address(server->host.ptr, parts->port, &error);
    atomic_init(&server->references, 1);
    atomic_init(&server->up, true);
    atomic_init(&server->addresses, addresses);
    atomic_init(&server->epoch, 0);
    if (error == ERR_OK)
        *out = server;
    else
        server_unref(server);
    return error;
}

enum err server_create(const struct model_server *model, bool tcp, struct span transport,
                       uint64_t transport_digest, struct server **out, struct err_text *why)
{
    struct server_parts parts = {0};
    struct arena arena;
    arena_init(&arena, 256, SIZE_MAX);
    enum err error = tcp ? parse_address(model->address, &arena, &parts, why)
                         : parse_url(model->url, &parts, why);
    if (error == ERR_OK)
        error = server_create_from(&parts, model, transport, transport_digest, out);
    if (error == ERR_OK && tcp && (*out)->weight == 0)
        (*out)->weight = 1; /* TCP servers have no weight in the file */
    arena_finish(&arena);
    return error;
}

enum err server_inherit(struct server *server, const struct server *from)
{
    struct server_addresses *addresses = atomic_load(&from->addresses);
    if (addresses != NULL && atomic_load(&server->addresses) == NULL) {
        struct server_addresses *copy = malloc(sizeof(*copy));
        if (copy == NULL)
            return ERR_NOMEM;
        *copy = *addresses;
        atomic_store(&server->addresses, copy);
    }
    atomic_store(&server->up, atomic_load(&from->up));
    return ERR_OK;
}

struct server *server_ref(struct server *server)
{
    /* Whoever takes a reference has one already, so nothing needs ordering. */
    atomic_fetch_add_explicit(&server->references, 1, memory_order_relaxed);
    return server;
}

void server_unref(struct server *server)
{
    if (server == NULL ||
        atomic_fetch_sub_explicit(&server->references, 1, memory_order_acq_rel) != 1)
        return;
    free(atomic_load_explicit(&server->addresses, memory_order_relaxed));
    free(server);
}
