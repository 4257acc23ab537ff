/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The routers are walked as the snapshot compiled them, so that the rules need
 * not be parsed again. What is covered by the operator's own certificates the
 * index knows.
 */
#include "core/control/acme_wants.h"

#include "core/base/clock.h"
#include "core/base/hash.h"
#include "core/base/limits.h"
#include "core/base/log.h"
#include "tls/acme_order.h"

#include <stdlib.h>

#define WANTS_MEMORY ((size_t)256 << 20)
#define WANTS_MAX 100000 /* per configuration */

struct collector {
    const struct snapshot *snapshot;
    struct acme_wants *wants;
    struct strmap seen; /* "resolver NUL key" → want */
    size_t cap;
    int64_t now_s;
    bool report;
};

bool acme_name_covers(struct span pattern, struct span name)
{
    if (span_equal(pattern, name))
        return true;
    ptrdiff_t dot = span_find(name, '.', 0);
    return span_starts_with(pattern, SPAN("*.")) && dot > 0 &&
           span_equal(span_skip(pattern, 1), span_skip(name, (size_t)dot));
}

static int compare_spans(const void *a, const void *b)
{
    return span_compare(*(const struct span *)a, *(const struct span *)b);
}

struct span acme_names_key(struct arena *arena, const struct span *names, size_t count)
{
    struct span *sorted = ARENA_ARRAY(arena, struct span, count + 1);
    size_t size = 1, len = 0;
    for (size_t i = 0; i < count; i++)
        size += names[i].len + 1;
    char *text = arena_bytes(arena, size);
    if (sorted == NULL || text == NULL)
        return SPAN_EMPTY;
    memcpy(sorted, names, count * sizeof(*names));
    qsort(sorted, count, sizeof(*sorted), compare_spans);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            text[len++] = ',';
        memcpy(text + len, sorted[i].ptr, sorted[i].len);
        len += sorted[i].len;
    }
    text[len] = '\0';
    return span_make(text, len);
}

/* ---- names ---- */

/* Of a certificate of the operator's that is valid now. */
static bool is_covered(const struct collector *collector, struct span name)
{
    const struct cert_set *set =
        cert_index_find(collector->snapshot->certs, name, hash_span(name));
    for (size_t i = 0; set != NULL && i < CERT_INDEX_KEY_TYPES; i++) {
        const struct cert *cert = set->by_type[i];
        if (cert != NULL && cert->resolver == NULL &&
            cert_validity(cert, collector->now_s) == CERT_VALID)
            return true;
    }
    return false;
}

static bool is_askable(struct span name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        bool star = c == '*' && i == 0 && name.len > 2 && name.ptr[1] == '.';
        if (!word && !star && c != '-' && c != '.' && c != ':' && c != '_')
            return false;
    }
    return name.len > 0;
}

/* Normalised, in the arena; empty: of no use, or no memory. */
static struct span normalise(const struct collector *collector, struct span name,
                             const struct model_object *asker)
{
    char text[LIMIT_HOST_NAME + 1];
    if (span_equal(name, SPAN("*")))
        return SPAN_EMPTY;
    size_t len = cert_name_normalise(name, text);
    if (len == 0 || !is_askable(span_make(text, len))) {
        if (!collector->report)
            return SPAN_EMPTY;
        log_warn("no certificate can be asked for this name: write it in ASCII (an international "
                 "one as xn--…)", "name", name.len > 0 && name.ptr != NULL ? name.ptr : "",
                 "of", asker->name.ptr);
        return SPAN_EMPTY;
    }
    return arena_span(&collector->wants->arena, span_make(text, len));
}

static bool is_among(const struct span *names, size_t count, struct span name)
{
    for (size_t i = 0; i < count; i++)
        if (span_equal(names[i], name))
            return true;
    return false;
}

/* ---- sets ---- */

static enum err grow(struct collector *collector)
{
    struct acme_wants *wants = collector->wants;
    if (wants->count < collector->cap)
        return ERR_OK;
    if (wants->count >= WANTS_MAX)
        return ERR_LIMIT;
    size_t cap = collector->cap > 0 ? 2 * collector->cap : 64;
    struct acme_want *items = realloc(wants->items, cap * sizeof(*items));
    if (items == NULL)
        return ERR_NOMEM;
    wants->items = items;
    collector->cap = cap;
    return ERR_OK;
}

static enum err add(struct collector *collector, struct acme_want *want)
{
    struct arena *arena = &collector->wants->arena;
    want->key = acme_names_key(arena, want->names, want->count);
    const char *id = arena_format(arena, "%.*s\n%.*s", SPAN_ARG(want->resolver->object.name),
                                  SPAN_ARG(want->key));
    if (want->key.ptr == NULL || id == NULL)
        return ERR_NOMEM;
    uintptr_t index = (uintptr_t)strmap_get(&collector->seen, span_cstr(id));
    if (index > 0) {
        collector->wants->items[index - 1].is_default |= want->is_default;
        return ERR_OK;
    }
    TRY(grow(collector));
    collector->wants->items[collector->wants->count++] = *want;
    /* Positions, not addresses: the array moves as it grows. */
    return strmap_add(&collector->seen, span_cstr(id), (void *)collector->wants->count);
}

struct source {
    const struct model_resolver *resolver;
    const struct model_object *asker;
    const struct span *names;
    size_t count;
    bool is_default;
};

/* One certificate for these names, as far as they are not covered. */
static enum err ask(struct collector *collector, const struct source *source)
{
    struct acme_want want = {.resolver = source->resolver, .is_default = source->is_default};
    want.names = ARENA_ARRAY(&collector->wants->arena, struct span, source->count + 1);
    if (want.names == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < source->count; i++) {
        struct span name = normalise(collector, source->names[i], source->asker);
        if (name.len == 0 || is_among(want.names, want.count, name) ||
            (!source->is_default && is_covered(collector, name)))
            continue;
        if (want.count == ACME_NAMES_MAX) {
            if (collector->report)
                log_warn("more names than one certificate may have: write several tls.domains",
                         "of", source->asker->name.ptr);
            break;
        }
        want.names[want.count++] = name;
        want.has_wildcard |= span_starts_with(name, SPAN("*."));
    }
    return want.count > 0 ? add(collector, &want) : ERR_OK;
}

static enum err ask_domain(struct collector *collector, struct source source,
                           const struct model_domain *domain)
{
    struct span *names =
        ARENA_ARRAY(&collector->wants->arena, struct span, domain->sans.count + 1);
    if (names == NULL)
        return ERR_NOMEM;
    if (domain->main.len > 0)
        names[source.count++] = domain->main;
    for (size_t i = 0; i < domain->sans.count; i++)
        names[source.count++] = domain->sans.items[i];
    source.names = names;
    return ask(collector, &source);
}

/* ---- who asks ---- */

static enum err walk_route(struct collector *collector, const struct route *route)
{
    const struct model_router_tls *tls = &route->model->tls;
    struct source source = {
        .resolver = model_resolver(collector->snapshot->settings, tls->cert_resolver),
        .asker = &route->model->object,
    };
    if (source.resolver == NULL || tls->passthrough)
        return ERR_OK;
    for (size_t i = 0; i < tls->domain_count; i++)
        TRY(ask_domain(collector, source, &tls->domains[i]));
    if (tls->domain_count > 0 || route->rule == NULL)
        return ERR_OK;
    rule_named_hosts(route->rule, &source.names, &source.count);
    return source.count > 0 ? ask(collector, &source) : ERR_OK;
}

static enum err walk_table(struct collector *collector, const struct router_table *table)
{
    for (size_t i = 0; i < router_table_count(table); i++)
        TRY(walk_route(collector, router_table_at(table, i)));
    return ERR_OK;
}

static enum err walk_default(struct collector *collector)
{
    const struct model_tls_store *store =
        model_tls_store(collector->snapshot->model, SPAN("default"));
    if (store == NULL || store->has_default_certificate || store->generated_resolver.len == 0)
        return ERR_OK;
    struct source source = {
        .resolver = model_resolver(collector->snapshot->settings, store->generated_resolver),
        .asker = &store->object,
        .is_default = true,
    };
    return source.resolver != NULL ? ask_domain(collector, source, &store->generated_domain)
                                   : ERR_OK;
}

static int compare_wants(const void *a, const void *b)
{
    const struct acme_want *left = a, *right = b;
    if (left->has_wildcard != right->has_wildcard)
        return left->has_wildcard ? -1 : 1;
    if (left->count != right->count)
        return left->count > right->count ? -1 : 1;
    return span_compare(left->key, right->key);
}

static enum err walk(struct collector *collector)
{
    const struct snapshot *snapshot = collector->snapshot;
    TRY(walk_default(collector));
    for (size_t i = 0; i < snapshot->entry_count; i++) {
        TRY(walk_table(collector, snapshot->entries[i].https));
        TRY(walk_table(collector, snapshot->entries[i].tcp_tls));
    }
    return ERR_OK;
}

enum err acme_wants_collect(const struct snapshot *snapshot, bool report, struct acme_wants *out)
{
    struct acme_wants wants = {NULL, 0, {0}};
    struct collector collector = {
        .snapshot = snapshot,
        .wants = &wants,
        .now_s = clock_wall_ns() / NS_PER_S,
        .report = report,
    };
    arena_init(&wants.arena, 16384, WANTS_MEMORY);
    strmap_init(&collector.seen);
    enum err error = walk(&collector);
    strmap_finish(&collector.seen);
    if (error != ERR_OK) {
        acme_wants_finish(&wants);
        return error;
    }
    if (wants.count > 0)
        qsort(wants.items, wants.count, sizeof(*wants.items), compare_wants);
    *out = wants;
    return ERR_OK;
}

void acme_wants_finish(struct acme_wants *wants)
{
    free(wants->items);
    arena_finish(&wants->arena);
    wants->items = NULL;
    wants->count = 0;
}
