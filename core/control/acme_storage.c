/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Each stored certificate becomes an item, whether or not anybody wants it. What
 * somebody else puts into the file later takes the place of what is served.
 */
#include "core/control/acme_private.h"

#include "core/base/log.h"

#include <stdio.h>
#include <stdlib.h>

#define ASK_WITHIN_S 600 /* after the start, so that not all ask at once */

/* Its key among the items; arena: for it. */
static struct span key_of(struct arena *arena, const struct acme_stored_cert *stored)
{
    return acme_names_key(arena, stored->names, stored->name_count);
}

static enum err find_or_create(struct acme_resolver *resolver,
                               const struct acme_stored_cert *stored, struct acme_item **out)
{
    struct arena arena;
    enum err error = ERR_OK;
    arena_init(&arena, 4096, 1 << 20);
    struct span key = key_of(&arena, stored);
    *out = key.ptr != NULL ? acme_find_item(resolver->acme, resolver->model->object.name, key)
                           : NULL;
    if (key.ptr == NULL)
        error = ERR_NOMEM;
    else if (*out == NULL)
        error = acme_item_create(resolver, stored->names, stored->name_count, key, out);
    arena_finish(&arena);
    return error;
}

static enum err load_cert(struct acme_resolver *resolver, const struct acme_stored_cert *stored,
                          struct acme_item **out, struct err_text *why)
{
    struct acme_item *item = NULL;
    struct cert *cert;
    TRY(cert_load(stored->chain, stored->key, &cert, why));
    cert->resolver = span_dup(resolver->model->object.name);
    enum err error = ERR_NOMEM;
    if (cert->resolver != NULL)
        error = find_or_create(resolver, stored, &item);
    if (error != ERR_OK) {
        cert_unref(cert);
        return err_set(why, error, "%s", err_message(error));
    }
    cert_unref(item->cert);
    item->cert = cert;
    item->renew_s = 0;
    *out = item;
    return ERR_OK;
}

static void forget_done_order(struct acme_resolver *resolver,
                              const struct acme_stored_cert *stored)
{
    struct acme_store *store = resolver->saver->store;
    const char *name = resolver->model->object.name.ptr, *url, *pem;
    struct arena arena;
    arena_init(&arena, 4096, 1 << 20);
    struct span key = key_of(&arena, stored);
    if (key.ptr != NULL && acme_store_order(store, name, key.ptr, &url, &pem) &&
        span_equal(span_cstr(pem), stored->key))
        acme_store_forget_order(store, name, key.ptr);
    arena_finish(&arena);
}

void acme_storage_forget_done_orders(struct acme_resolver *resolver)
{
    const char *name = resolver->model->object.name.ptr;
    const struct acme_store *store = resolver->saver->store;
    for (size_t i = 0; i < acme_store_cert_count(store, name); i++) {
        struct acme_stored_cert stored;
        if (acme_store_cert(store, name, i, &stored) != ERR_OK)
            continue;
        forget_done_order(resolver, &stored);
        acme_stored_cert_finish(&stored);
    }
}

/* Certificates of other stores than the default one are nobody's. */
static bool is_served(const struct acme_stored_cert *stored)
{
    return stored->store[0] == '\0' || strcmp(stored->store, "default") == 0;
}

static void report_skipped(const struct acme_resolver *resolver, enum err error,
                           const struct err_text *why)
{
    log_warn("a stored certificate is skipped", "resolver", resolver->model->object.name.ptr,
             "storage", acme_store_path(resolver->saver->store), "error",
             why->text[0] != '\0' ? why->text : err_message(error));
}

static enum err load_stored(struct acme_resolver *resolver, size_t i, struct err_text *why)
{
    struct acme_stored_cert stored;
    struct acme_item *item;
    TRY(acme_store_cert(resolver->saver->store, resolver->model->object.name.ptr, i, &stored));
    enum err error = ERR_OK;
    if (is_served(&stored) && (error = load_cert(resolver, &stored, &item, why)) == ERR_OK)
        item->ask_s = acme_now_s() + 5 + acme_random(ASK_WITHIN_S);
    acme_stored_cert_finish(&stored);
    return error;
}

static void load_certs(struct acme_resolver *resolver)
{
    const char *name = resolver->model->object.name.ptr;
    for (size_t i = 0; i < acme_store_cert_count(resolver->saver->store, name); i++) {
        struct err_text why = {""};
        enum err error = load_stored(resolver, i, &why);
        if (error != ERR_OK)
            report_skipped(resolver, error, &why);
    }
}

/* ---- what others put there ---- */

static struct acme_resolver *find_resolver(const struct acme_saver *saver, const char *name)
{
    struct acme *acme = saver->acme;
    for (size_t i = 0; i < acme->resolver_count; i++)
        if (acme->resolvers[i].saver == saver &&
            span_equal(acme->resolvers[i].model->object.name, span_cstr(name)))
            return &acme->resolvers[i];
    return NULL;
}

void acme_storage_taken(void *context, const char *name, const struct acme_stored_cert *stored)
{
    const struct acme_saver *saver = context;
    struct acme_resolver *resolver = find_resolver(saver, name);
    struct acme_item *item;
    struct err_text why = {""};
    if (resolver == NULL || saver->acme->ending || !is_served(stored))
        return;
    enum err error = load_cert(resolver, stored, &item, &why);
    if (error != ERR_OK) {
        report_skipped(resolver, error, &why);
        return;
    }
    item->failures = 0;
    item->error[0] = '\0';
    acme_item_schedule(item);
}

/* ---- life ---- */

static struct acme_saver *find_saver(const struct acme *acme, const char *path)
{
    char wanted[PATH_MAX], other[PATH_MAX];
    acme_file_resolve(path, wanted);
    list_for_each(node, &acme->savers) {
        struct acme_saver *saver = container_of(node, struct acme_saver, link);
        acme_file_resolve(acme_store_path(saver->store), other);
        if (strcmp(other, wanted) == 0)
            return saver;
    }
    return NULL;
}

void acme_storage_open(struct acme_resolver *resolver)
{
    struct err_text why = {""};
    const char *path = resolver->model->acme.storage.ptr;
    if (resolver->problem[0] != '\0')
        return;
    resolver->saver = find_saver(resolver->acme, path);
    if (resolver->saver == NULL &&
        acme_saver_create(resolver->acme, path, &resolver->saver, &why) != ERR_OK) {
        snprintf(resolver->problem, sizeof(resolver->problem), "%.255s", why.text);
        return;
    }
    load_certs(resolver);
    acme_storage_forget_done_orders(resolver);
    acme_saver_save(resolver->saver);
}

