/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is stored is loaded at the start and served from then on. Each snapshot
 * says anew what is wanted: by exactly these names, or by certificates that
 * cover them; only what is left over becomes a new item.
 */
#include "core/control/acme_private.h"

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/proxy/challenges.h"
#include "tls/acme_csr.h"
#include "tls/random.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#define LOOK_MS 2000 /* at the storages and for wishes */

int64_t acme_now_ms(void)
{
    return clock_monotonic_ns() / NS_PER_MS;
}

int64_t acme_now_s(void)
{
    return clock_wall_ns() / NS_PER_S;
}

int64_t acme_random(int64_t below)
{
    uint32_t random = 0;
    (void)weir_random_block((unsigned char *)&random, sizeof(random));
    return (int64_t)((uint64_t)random * (uint64_t)below >> 32);
}

int64_t acme_spread(int64_t ms)
{
    return ms - ms / 4 + acme_random(ms / 2);
}

/* ---- what is served ---- */

static const struct cert *fallback_cert(const struct acme *acme)
{
    return acme->fallback != NULL ? acme->fallback->cert : NULL;
}

static void grow_obtained(struct acme *acme)
{
    struct cert **certs = realloc(acme->obtained.certs, acme->cap * sizeof(struct cert *));
    if (certs == NULL)
        return;
    acme->obtained.certs = certs;
    acme->obtained_cap = acme->cap;
}

/* Whatever memory there is: a certificate that was replaced must not stay in the list. */
void acme_note_change(struct acme *acme)
{
    struct obtained_certs *obtained = &acme->obtained;
    if (acme->count > acme->obtained_cap)
        grow_obtained(acme);
    obtained->count = 0;
    for (size_t i = 0; i < acme->count && obtained->count < acme->obtained_cap; i++)
        if (acme->list[i]->cert != NULL)
            obtained->certs[obtained->count++] = acme->list[i]->cert;
    obtained->fallback = (struct cert *)fallback_cert(acme);
    acme->settings.on_change(acme->settings.context);
}

const struct obtained_certs *acme_obtained(const struct acme *acme)
{
    return acme != NULL ? &acme->obtained : NULL;
}

/* ---- items ---- */

enum err acme_add_item(struct acme *acme, struct acme_item *item)
{
    if (acme->count == acme->cap) {
        size_t cap = acme->cap > 0 ? 2 * acme->cap : 64;
        struct acme_item **list = realloc(acme->list, cap * sizeof(struct acme_item *));
        if (list == NULL)
            return ERR_NOMEM;
        acme->list = list;
        acme->cap = cap;
    }
    TRY(strmap_add(&acme->items, span_cstr(item->id), item));
    acme->list[acme->count++] = item;
    return ERR_OK;
}

struct acme_item *acme_find_item(const struct acme *acme, struct span resolver, struct span key)
{
    char *id;
    if (asprintf(&id, "%.*s\n%.*s", SPAN_ARG(resolver), SPAN_ARG(key)) < 0)
        return NULL;
    struct acme_item *item = strmap_get(&acme->items, span_cstr(id));
    free(id);
    return item;
}

static struct acme_resolver *resolver_of(struct acme *acme, const struct model_resolver *model)
{
    for (size_t i = 0; i < acme->resolver_count; i++)
        if (acme->resolvers[i].model == model)
            return &acme->resolvers[i];
    return NULL;
}

/* Items that nobody wants and that have nothing to serve. */
static void sweep(struct acme *acme)
{
    struct strmap kept;
    strmap_init(&kept);
    for (size_t i = 0; i < acme->count; i++) {
        struct acme_item *item = acme->list[i];
        bool keep = item->wanted || item->cert != NULL || item->state >= ACME_ITEM_KEY;
        if (keep && strmap_add(&kept, span_cstr(item->id), item) != ERR_OK) {
            strmap_finish(&kept);
            return; /* the old map still has everything */
        }
    }
    size_t count = 0;
    for (size_t i = 0; i < acme->count; i++) {
        struct acme_item *item = acme->list[i];
        if (item->wanted || item->cert != NULL || item->state >= ACME_ITEM_KEY)
            acme->list[count++] = item;
        else
            acme_item_destroy(item);
    }
    acme->count = count;
    strmap_finish(&acme->items);
    acme->items = kept;
}

/* ---- what is wanted ---- */

/* Who covers a name: those that are wanted already and serve, and all that serve or
 * are on their way. */
struct cover {
    struct strmap settled, able;
};

static void cover_names(struct strmap *map, struct acme_item *item)
{
    for (size_t i = 0; i < item->name_count; i++)
        if (strmap_add(map, item->names[i], item) == ERR_NOMEM)
            return; /* the worst that comes of it is an order too many */
}

static struct acme_item *covering(const struct strmap *map, struct span name)
{
    char wildcard[LIMIT_HOST_NAME + 2];
    struct acme_item *item = strmap_get(map, name);
    ptrdiff_t dot = span_find(name, '.', 0);
    if (item != NULL || dot <= 0 || span_starts_with(name, SPAN("*")))
        return item;
    int len = snprintf(wildcard, sizeof(wildcard), "*%.*s", (int)(name.len - (size_t)dot),
                       name.ptr + dot);
    return strmap_get(map, span_make(wildcard, (size_t)len));
}

static bool is_covered(const struct strmap *map, const struct acme_want *want)
{
    for (size_t i = 0; i < want->count; i++)
        if (covering(map, want->names[i]) == NULL)
            return false;
    return true;
}

static bool serves(const struct acme_item *item)
{
    return item->cert != NULL && cert_validity(item->cert, acme_now_s()) == CERT_VALID;
}

static const char *problem_of(const struct acme_want *want)
{
    if (want->has_wildcard && !want->resolver->acme.has_dns)
        return "a certificate for a wildcard needs a dnsChallenge";
    for (size_t i = 0; i < want->count; i++)
        if (acme_name_is_ip(want->names[i]) &&
            acme_challenge_of(want->resolver, want->has_wildcard) == ACME_DNS_01)
            return "a certificate for an IP address needs an httpChallenge or a tlsChallenge, "
                   "and no wildcard beside it";
    return NULL;
}

static struct acme_item *create(struct acme *acme, const struct acme_want *want)
{
    struct acme_resolver *resolver = resolver_of(acme, want->resolver);
    struct acme_item *item;
    if (resolver == NULL ||
        acme_item_create(resolver, want->names, want->count, want->key, &item) != ERR_OK)
        return NULL;
    item->problem = problem_of(want);
    if (item->problem != NULL)
        log_error("certificate cannot be obtained", "resolver",
                  want->resolver->object.name.ptr, "names", item->key, "error", item->problem);
    return item;
}

static void want_item(struct cover *cover, struct acme_item *item)
{
    item->wanted = true;
    if (serves(item))
        cover_names(&cover->settled, item);
}

static struct acme_item *match(struct acme *acme, struct cover *cover,
                               const struct acme_want *want)
{
    if (is_covered(&cover->settled, want))
        return covering(&cover->settled, want->names[0]);
    struct acme_item *item = acme_find_item(acme, want->resolver->object.name, want->key);
    if (item == NULL && is_covered(&cover->able, want)) {
        for (size_t i = 0; i < want->count; i++)
            want_item(cover, covering(&cover->able, want->names[i]));
        return covering(&cover->able, want->names[0]);
    }
    if (item == NULL && (item = create(acme, want)) != NULL && item->problem == NULL)
        cover_names(&cover->able, item);
    if (item != NULL)
        want_item(cover, item);
    return item;
}

static void match_all(struct acme *acme, const struct acme_wants *wants)
{
    struct cover cover;
    struct acme_item *fallback = NULL;
    strmap_init(&cover.settled);
    strmap_init(&cover.able);
    for (size_t i = 0; i < acme->count; i++) {
        struct acme_item *item = acme->list[i];
        item->wanted = item->is_default = false;
        if (serves(item) || (item->problem == NULL && item->failures == 0 && item->cert == NULL))
            cover_names(&cover.able, item);
    }
    for (size_t i = 0; i < wants->count; i++) {
        struct acme_item *item = match(acme, &cover, &wants->items[i]);
        if (wants->items[i].is_default)
            fallback = item;
    }
    strmap_finish(&cover.settled);
    strmap_finish(&cover.able);
    acme->fallback = fallback;
    if (fallback != NULL)
        fallback->is_default = true;
}

void acme_update(struct acme *acme, const struct snapshot *snapshot)
{
    struct acme_wants wants;
    if (acme == NULL)
        return;
    bool is_new = snapshot->model != acme->model; /* compared, never followed */
    acme->model = snapshot->model;
    if (acme_wants_collect(snapshot, is_new, &wants) != ERR_OK) {
        log_error("which certificates are wanted cannot be found out: out of memory");
        return;
    }
    match_all(acme, &wants);
    acme_wants_finish(&wants);
    sweep(acme);
    for (size_t i = 0; i < acme->count; i++)
        acme_item_schedule(acme->list[i]);
    if (acme->obtained.fallback != fallback_cert(acme))
        acme_note_change(acme);
}

/* ---- life ---- */

/* What may be mended without a new start is no problem of the resolver. */
static void look_at_dns(const struct acme_resolver *resolver)
{
    struct err_text why = {""};
    if (resolver->dns != NULL && acme_dns_look(resolver->dns, &why) != ERR_OK)
        log_error("the DNS provider cannot work yet", "resolver",
                  resolver->model->object.name.ptr, "error", why.text);
}

static void report_problem(const struct acme_resolver *resolver)
{
    if (resolver->problem[0] != '\0' && resolver->model->object.problem.len == 0)
        log_error("the certificate resolver is out of service", "resolver",
                  resolver->model->object.name.ptr, "error", resolver->problem);
}

static void wait_for(struct acme *acme, struct op *op, int fd)
{
    ring_poll(acme->settings.ring, op, fd, POLLIN, true);
}

static void on_fetched(struct op *op, int32_t result, uint32_t flags)
{
    struct acme *acme = container_of(op, struct acme, fetched);
    (void)result;
    (void)flags;
    if (!op_pending(op))
        wait_for(acme, op, fetch_fd(acme->fetch));
    acme_http_take(acme->fetch);
}

static void on_worked(struct op *op, int32_t result, uint32_t flags)
{
    struct acme_helper *helper = container_of(op, struct acme_helper, done);
    (void)result;
    (void)flags;
    if (!op_pending(op))
        wait_for(helper->acme, op, work_fd(helper->work));
    work_finish_done(helper->work);
}

static void init_helper(struct acme *acme, struct acme_helper *helper)
{
    helper->acme = acme;
    op_init(&helper->done, on_worked);
}

static enum err start_helper(struct acme_helper *helper, const char *name, struct err_text *why)
{
    TRY(work_create(name, 1, &helper->work, why));
    wait_for(helper->acme, &helper->done, work_fd(helper->work));
    return ERR_OK;
}

void acme_look(struct acme *acme)
{
    if (acme == NULL)
        return;
    list_for_each(node, &acme->savers)
        acme_saver_look(container_of(node, struct acme_saver, link));
    acme_wishes_take(acme);
}

static void on_look_timer(struct timer *timer)
{
    struct acme *acme = container_of(timer, struct acme, look_timer);
    acme_look(acme);
    timer_set(acme->settings.wheel, timer, acme_now_ms() + LOOK_MS);
}

static size_t count_resolvers(const struct model_static *settings)
{
    size_t count = 0;
    for (size_t i = 0; i < settings->resolver_count; i++)
        count += settings->resolvers[i].has_acme;
    return count;
}

static enum err start_dns(struct acme *acme, struct err_text *why)
{
    size_t i = 0;
    while (i < acme->resolver_count && acme->resolvers[i].dns == NULL)
        i++;
    if (i == acme->resolver_count)
        return ERR_OK;
    TRY(acme_dns_start(acme, why));
    wait_for(acme, &acme->dns.helper.done, work_fd(acme->dns.helper.work));
    return ERR_OK;
}

static enum err start(struct acme *acme, struct err_text *why)
{
    const struct model_static *settings = acme->settings.settings;
    acme->resolvers = calloc(count_resolvers(settings), sizeof(*acme->resolvers));
    if (acme->resolvers == NULL)
        return err_set(why, ERR_NOMEM, "out of memory");
    TRY(fetch_create(&acme->fetch, why));
    TRY(start_helper(&acme->files, "weir-acme", why));
    TRY(start_helper(&acme->keys, "weir-acme-keys", why));
    for (size_t i = 0; i < settings->resolver_count; i++) {
        if (!settings->resolvers[i].has_acme)
            continue;
        struct acme_resolver *resolver = &acme->resolvers[acme->resolver_count++];
        acme_resolver_init(resolver, acme, &settings->resolvers[i]);
        acme_storage_open(resolver);
        report_problem(resolver);
        look_at_dns(resolver);
    }
    wait_for(acme, &acme->fetched, fetch_fd(acme->fetch));
    TRY(start_dns(acme, why));
    timer_set(acme->settings.wheel, &acme->look_timer, acme_now_ms());
    acme_note_change(acme);
    return ERR_OK;
}

enum err acme_create(const struct acme_settings *settings, struct acme **out,
                     struct err_text *why)
{
    *out = NULL;
    if (count_resolvers(settings->settings) == 0)
        return ERR_OK;
    struct acme *acme = calloc(1, sizeof(*acme));
    if (acme == NULL)
        return err_set(why, ERR_NOMEM, "out of memory");
    acme->settings = *settings;
    list_init(&acme->savers);
    strmap_init(&acme->items);
    op_init(&acme->fetched, on_fetched);
    init_helper(acme, &acme->files);
    init_helper(acme, &acme->keys);
    init_helper(acme, &acme->dns.helper);
    acme->dns.stop_fd = -1;
    list_init(&acme->dns.tasks);
    timer_init(&acme->look_timer, on_look_timer);
    enum err error = start(acme, why);
    if (error != ERR_OK) {
        acme_destroy(acme);
        return error;
    }
    *out = acme;
    return ERR_OK;
}

void acme_destroy(struct acme *acme)
{
    if (acme == NULL)
        return;
    atomic_store_explicit(&acme->ending, true, memory_order_relaxed);
    fetch_destroy(acme->fetch);
    work_destroy(acme->files.work);
    work_destroy(acme->keys.work);
    acme_dns_stop(acme);
    timer_cancel(acme->settings.wheel, &acme->look_timer);
    for (size_t i = 0; i < acme->count; i++)
        acme_item_destroy(acme->list[i]);
    for (size_t i = 0; i < acme->resolver_count; i++)
        acme_resolver_finish(&acme->resolvers[i]);
    list_for_each(node, &acme->savers)
        acme_saver_destroy(container_of(node, struct acme_saver, link));
    challenges_finish();
    strmap_finish(&acme->items);
    free(acme->list);
    free(acme->resolvers);
    free(acme->obtained.certs);
    free(acme);
}

static enum err check_storage(const struct model_acme *model, struct err_text *why)
{
    struct acme_store *store;
    TRY(acme_store_open(model->storage.ptr, &store, why));
    acme_store_destroy(store);
    return ERR_OK;
}

static enum err check_ca(const struct model_acme *model, struct err_text *why)
{
    struct acme_ca ca;
    TRY(acme_ca_init(&ca, model, why));
    acme_ca_finish(&ca);
    return ERR_OK;
}

static enum err check_dns(const struct model_acme *model, struct err_text *why)
{
    struct acme_dns *dns;
    if (!model->has_dns)
        return ERR_OK;
    TRY(acme_dns_create(model, &dns, why));
    enum err error = acme_dns_look(dns, why);
    acme_dns_destroy(dns);
    return error;
}

/* What takes a resolver out of service at the start, by the same functions. */
void acme_check(const struct model_static *settings, struct diagnostics *findings)
{
    static enum err (*const checks[])(const struct model_acme *model, struct err_text *why) = {
        check_storage, check_ca, check_dns};
    for (size_t i = 0; i < settings->resolver_count; i++) {
        const struct model_resolver *model = &settings->resolvers[i];
        char key[160];
        if (!model->has_acme || model->object.problem.len > 0)
            continue;
        snprintf(key, sizeof(key), "certificatesResolvers.%.*s.acme",
                 SPAN_ARG(model->object.name));
        for (size_t j = 0; j < sizeof(checks) / sizeof(checks[0]); j++) {
            struct err_text why = {""};
            enum err error = checks[j](&model->acme, &why);
            if (error != ERR_OK)
                diagnostics_add(findings, SEVERITY_PROBLEM, model->object.mark, key, "%s",
                                why.text[0] != '\0' ? why.text : err_message(error));
        }
    }
}

/* ---- views ---- */

bool acme_resolver_view(const struct acme *acme, size_t i, struct acme_resolver_view *out)
{
    if (acme == NULL || i >= acme->resolver_count)
        return false;
    const struct acme_resolver *resolver = &acme->resolvers[i];
    const char *account =
        resolver->client != NULL ? acme_client_account_url(resolver->client) : NULL;
    *out = (struct acme_resolver_view){
        .name = resolver->model->object.name,
        .problem = resolver->problem,
        .error = resolver->error,
        .account = account != NULL ? account : "",
        .directory = resolver->model->acme.ca_server.ptr,
        .is_standby = resolver->saver != NULL && !resolver->saver->owned,
        .obtained = resolver->obtained,
        .failed = resolver->failed,
    };
    for (size_t j = 0; j < acme->count; j++) {
        const struct acme_item *item = acme->list[j];
        if (item->of != resolver || !item->wanted)
            continue;
        out->wanted++;
        out->failing += item->error[0] != '\0' || item->problem != NULL;
    }
    return true;
}

bool acme_item_view(const struct acme *acme, size_t i, struct acme_item_view *out)
{
    if (acme == NULL || i >= acme->count)
        return false;
    const struct acme_item *item = acme->list[i];
    const char *error = item->problem != NULL ? item->problem : item->error;
    *out = (struct acme_item_view){
        .resolver = item->of->model->object.name,
        .names = span_cstr(item->key),
        .cert = item->cert,
        .status = !item->wanted         ? "unused"
                  : error[0] != '\0'    ? "failing"
                  : item->cert == NULL  ? "pending"
                                        : "valid",
        .error = error,
        .failed_s = item->failed_s,
        .renew_s = item->wanted ? item->renew_s : 0,
        .failures = item->failures,
    };
    return true;
}
