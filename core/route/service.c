/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A table is built by resolving each service of the model, children first. A
 * service that is being resolved is marked, so that meeting it again is a
 * cycle. A service with a problem keeps neither servers nor children: it cannot
 * pick anything by accident.
 */
#include "core/base/hash.h"
#include "core/route/service_tree.h"
#include "core/route/transport_digest.h"

#include <stdlib.h>

struct service_table {
    struct service **services; /* in the order of the model, each referenced */
    size_t count;
    struct strmap by_name;
    struct server **servers; /* of all load balancers; borrowed */
    size_t server_count;
};

enum slot_state { SLOT_NEW, SLOT_OPEN, SLOT_DONE };

struct slot {
    const struct model_service *model;
    struct service *service;
    enum slot_state state;
};

struct builder {
    const struct model_dynamic *model;
    bool tcp;
    const struct service_table *previous;
    size_t worker_count;
    struct service_table *table;
    struct slot *slots;
    struct strmap slot_by_name;
};

/* ---- problems ---- */

static const char *unbuilt_kind(const struct model_service *model)
{
    switch (model->kind) {
    case SERVICE_HIGHEST_RANDOM_WEIGHT:
        return "highestRandomWeight services are not built yet";
    case SERVICE_MIRRORING:
        return "mirroring services are not built yet";
    case SERVICE_FAILOVER:
        return "failover services are not built yet";
    case SERVICE_LOAD_BALANCER:
        if (model->strategy != BALANCER_WRR)
            return "a load-balancing strategy other than wrr is not built yet";
        break;
    case SERVICE_WEIGHTED:
    case SERVICE_INTERNAL:
        break;
    }
    return model->sticky.enabled ? "sticky sessions are not built yet" : NULL;
}

/* The first problem counts. */
static void set_problem(struct service *service, const char *text)
{
    if (service->problem.len > 0)
        return;
    service->problem = arena_span(&service->arena, span_cstr(text));
    if (service->problem.len == 0)
        service->problem = SPAN("out of memory");
}

/* ---- servers transports ---- */

static void check_transport(const struct builder *builder, struct service *service)
{
    const struct model_dynamic *model = builder->model;
    struct span name = service->model.servers_transport, problem = SPAN("does not exist");
    if (name.len == 0 || span_equal(name, SPAN("default@internal")))
        return;
    for (size_t i = 0; !builder->tcp && i < model->http_transport_count; i++) {
        const struct model_servers_transport *transport = &model->http_transports[i];
        if (span_equal(transport->object.name, name)) {
            service->transport_digest = transport_digest_http(transport);
            problem = transport->object.problem;
        }
    }
    for (size_t i = 0; builder->tcp && i < model->tcp_transport_count; i++) {
        const struct model_tcp_servers_transport *transport = &model->tcp_transports[i];
        if (span_equal(transport->object.name, name)) {
            service->transport_digest = transport_digest_tcp(transport);
            problem = transport->object.problem;
        }
    }
    struct err_text text;
    err_set(&text, ERR_INVALID, "the serversTransport \"%.*s\": %.*s",
            SPAN_ARG(span_first(name, 200)), SPAN_ARG(span_first(problem, 200)));
    if (problem.len > 0)
        set_problem(service, text.text);
}

/* ---- load balancers ---- */

static bool service_has_server(const struct service *service, const struct server *server)
{
    for (size_t i = 0; i < service->server_count; i++) {
        if (service->servers[i] == server)
            return true;
    }
    return false;
}

/* The server of the service's earlier self that is the same, weight aside, and
 * not yet taken over; looks at the same position first. */
static struct server *find_earlier(const struct service *service, const struct service *earlier,
                                   const struct server *server)
{
    size_t count = earlier ? earlier->server_count : 0;
    for (size_t n = 0; n < count; n++) {
        struct server *candidate = earlier->servers[(service->server_count + n) % count];
        if (candidate->key == server->key && span_equal(candidate->url, server->url) &&
            !service_has_server(service, candidate))
            return candidate;
    }
    return NULL;
}

static enum err add_server(struct service *service, const struct service *earlier, bool tcp,
                           const struct model_server *model)
{
    struct err_text why = {0};
    struct server *server = NULL;
    enum err error = server_create(model, tcp, service->model.servers_transport,
                                   service->transport_digest, &server, &why);
    if (error == ERR_INVALID) {
        set_problem(service, why.text);
        return ERR_OK;
    }
    TRY(error);
    struct server *same = find_earlier(service, earlier, server);
    if (same != NULL && same->weight == server->weight) {
        server_unref(server);
        server = server_ref(same);
    } else if (same != NULL) {
        error = server_inherit(server, same);
    }
    service->servers[service->server_count++] = server;
    return error;
}

static enum err add_servers(struct service *service, const struct service *earlier, bool tcp)
{
    size_t count = service->model.server_count;
    service->servers = calloc(count ? count : 1, sizeof(struct server *));
    if (service->servers == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < count; i++)
        TRY(add_server(service, earlier, tcp, &service->model.servers[i]));
    return ERR_OK;
}

/* ---- weighted services ---- */

static enum err resolve(struct builder *builder, struct slot *slot, size_t depth);

static enum err add_child(struct builder *builder, struct service *service, struct span name,
                          size_t depth)
{
    struct err_text why = {0};
    struct slot *slot = strmap_get(&builder->slot_by_name, name);
    if (slot != NULL && slot->state == SLOT_NEW && depth < SERVICE_DEPTH_MAX)
        TRY(resolve(builder, slot, depth + 1));
    int len = (int)(name.len < 200 ? name.len : 200);
    if (slot == NULL)
        err_set(&why, ERR_NOTFOUND, "the service \"%.*s\" does not exist", len, name.ptr);
    else if (slot->state == SLOT_OPEN)
        err_set(&why, ERR_INVALID, "the service \"%.*s\" refers back to this one", len, name.ptr);
    else if (slot->state == SLOT_NEW || slot->service->depth >= SERVICE_DEPTH_MAX)
        err_set(&why, ERR_LIMIT, "weighted services nest deeper than %d", SERVICE_DEPTH_MAX);
    else if (slot->service->problem.len > 0)
        err_set(&why, ERR_INVALID, "the service \"%.*s\" is unusable: %.*s", len, name.ptr,
                SPAN_ARG(span_first(slot->service->problem, 200)));
    if (why.text[0] != '\0') {
        set_problem(service, why.text);
        return ERR_OK;
    }
    if (service->depth <= slot->service->depth)
        service->depth = slot->service->depth + 1;
    service->children[service->child_count++] = service_ref(slot->service);
    return ERR_OK;
}

static enum err add_children(struct builder *builder, struct service *service, size_t depth)
{
    size_t count = service->model.weighted_count;
    service->children = calloc(count ? count : 1, sizeof(struct service *));
    if (service->children == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < count; i++)
        TRY(add_child(builder, service, service->model.weighted[i].service, depth));
    return ERR_OK;
}

/* ---- one service ---- */

static void drop_parts(struct service *service)
{
    for (size_t i = 0; i < service->server_count; i++)
        server_unref(service->servers[i]);
    for (size_t i = 0; i < service->child_count; i++)
        service_unref(service->children[i]);
    service->server_count = service->child_count = 0;
}

static enum err fill_service(struct builder *builder, struct service *service,
                             const struct service *earlier, size_t depth)
{
    const struct model_service *model = &service->model;
    const char *unbuilt = unbuilt_kind(model);
    service->problem = model->object.problem;
    if (unbuilt != NULL)
        set_problem(service, unbuilt);
    check_transport(builder, service);
    if (service->problem.len == 0 && model->kind == SERVICE_LOAD_BALANCER)
        TRY(add_servers(service, earlier, builder->tcp));
    if (service->problem.len == 0 && model->kind == SERVICE_WEIGHTED)
        TRY(add_children(builder, service, depth));
    if (service->problem.len > 0)
        drop_parts(service);
    return balancer_init(service, builder->worker_count);
}

static enum err create_service(struct builder *builder, const struct model_service *model,
                               const struct service *earlier, size_t depth, struct service **out)
{
    struct service *service = calloc(1, sizeof(*service));
    if (service == NULL)
        return ERR_NOMEM;
    atomic_init(&service->references, 1);
    arena_init(&service->arena, 512, SIZE_MAX);
    enum err error = model_service_copy(&service->arena, model, &service->model);
    if (error == ERR_OK)
        error = fill_service(builder, service, earlier, depth);
    if (error == ERR_OK)
        *out = service;
    else
        service_unref(service);
    return error;
}

/* Whether the new service differs from its earlier self in nothing that matters. */
static bool is_unchanged(const struct service *service, const struct service *earlier)
{
    if (earlier == NULL || service->problem.len > 0 || earlier->problem.len > 0 ||
        service->transport_digest != earlier->transport_digest ||
        service->worker_count != earlier->worker_count ||
        service->server_count != earlier->server_count ||
        service->child_count != earlier->child_count ||
        !model_service_equal(&service->model, &earlier->model))
        return false;
    for (size_t i = 0; i < service->child_count; i++) {
        if (service->children[i] != earlier->children[i])
            return false;
    }
    return true;
}

static enum err resolve(struct builder *builder, struct slot *slot, size_t depth)
{
    struct service *earlier = NULL, *service;
    if (builder->previous != NULL)
        earlier = service_table_find(builder->previous, slot->model->object.name);
    slot->state = SLOT_OPEN;
    TRY(create_service(builder, slot->model, earlier, depth, &service));
    if (is_unchanged(service, earlier)) {
        service_unref(service);
        service = service_ref(earlier);
    }
    slot->service = service;
    slot->state = SLOT_DONE;
    return ERR_OK;
}

void service_unref(struct service *service)
{
    if (service == NULL ||
        atomic_fetch_sub_explicit(&service->references, 1, memory_order_acq_rel) != 1)
        return;
    drop_parts(service);
    free(service->servers);
    free(service->children);
    free(service->turns);
    arena_finish(&service->arena);
    free(service);
}

struct service *service_ref(struct service *service)
{
    /* Whoever takes a reference has one already, so nothing needs ordering. */
    atomic_fetch_add_explicit(&service->references, 1, memory_order_relaxed);
    return service;
}

const struct model_service *service_model(const struct service *service)
{
    return &service->model;
}

struct server *const *service_servers(const struct service *service, size_t *count)
{
    *count = service->server_count;
    return service->servers;
}

struct span service_problem(const struct service *service)
{
    return service->problem;
}

/* ---- the table ---- */

static enum err open_slots(struct builder *builder, const struct model_service *models,
                           size_t count)
{
    builder->slots = calloc(count ? count : 1, sizeof(*builder->slots));
    builder->table->services = calloc(count ? count : 1, sizeof(struct service *));
    if (builder->slots == NULL || builder->table->services == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < count; i++) {
        builder->slots[i].model = &models[i];
        enum err error =
            strmap_add(&builder->slot_by_name, models[i].object.name, &builder->slots[i]);
        if (error != ERR_OK && error != ERR_EXISTS)
            return error;
    }
    return ERR_OK;
}

static enum err fill_table(struct builder *builder, size_t count)
{
    struct service_table *table = builder->table;
    for (size_t i = 0; i < count; i++) {
        if (builder->slots[i].state == SLOT_NEW)
            TRY(resolve(builder, &builder->slots[i], 0));
    }
    for (size_t i = 0; i < count; i++) {
        struct service *service = builder->slots[i].service;
        table->services[table->count++] = service_ref(service);
        table->server_count += service->server_count;
        enum err error = strmap_add(&table->by_name, service->model.object.name, service);
        if (error != ERR_OK && error != ERR_EXISTS)
            return error;
    }
    return ERR_OK;
}

static enum err list_servers(struct service_table *table, uint64_t epoch)
{
    size_t count = 0;
    table->servers = calloc(table->server_count ? table->server_count : 1,
                            sizeof(struct server *));
    if (table->servers == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < table->count; i++) {
        const struct service *service = table->services[i];
        for (size_t n = 0; n < service->server_count; n++) {
            table->servers[count++] = service->servers[n];
            atomic_store_explicit(&service->servers[n]->epoch, epoch, memory_order_relaxed);
        }
    }
    return ERR_OK;
}

static void close_slots(struct builder *builder, size_t count)
{
    for (size_t i = 0; builder->slots != NULL && i < count; i++)
        service_unref(builder->slots[i].service);
    free(builder->slots);
    strmap_finish(&builder->slot_by_name);
}

enum err service_table_create(const struct model_dynamic *model, bool tcp,
                              const struct service_table *previous, size_t worker_count,
                              uint64_t epoch, struct service_table **out)
{
    size_t count = tcp ? model->tcp_service_count : model->http_service_count;
    struct service_table *table = calloc(1, sizeof(*table));
    if (table == NULL)
        return ERR_NOMEM;
    struct builder builder = {.model = model, .tcp = tcp, .previous = previous,
                              .worker_count = worker_count, .table = table};
    enum err error = open_slots(&builder, tcp ? model->tcp_services : model->http_services, count);
    if (error == ERR_OK)
        error = fill_table(&builder, count);
    if (error == ERR_OK)
        error = list_servers(table, epoch);
    close_slots(&builder, count);
    if (error == ERR_OK)
        *out = table;
    else
        service_table_destroy(table);
    return error;
}

void service_table_destroy(struct service_table *table)
{
    if (table == NULL)
        return;
    for (size_t i = 0; i < table->count; i++)
        service_unref(table->services[i]);
    strmap_finish(&table->by_name);
    free(table->services);
    free(table->servers);
    free(table);
}

struct service *service_table_find(const struct service_table *table, struct span name)
{
    return table ? strmap_get(&table->by_name, name) : NULL;
}

size_t service_table_servers(const struct service_table *table, struct server ***out)
{
    *out = table->servers;
    return table->server_count;
}
