/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One entry per (certificate value, key value) pair, found by hash in a map
 * that is rebuilt with every collect. An entry that is neither new nor marked
 * keeps what it loaded, failure included, so nothing is said twice. The last
 * collect's entries stay listed in the model's order: while the model is the
 * same, neither map is touched.
 */
#include "core/control/cert_store.h"

#include "config/content.h"
#include "core/base/clock.h"
#include "core/base/hash.h"
#include "core/base/log.h"
#include "core/base/parallel.h"
#include "tls/selfsigned.h"

#include <stdio.h>
#include <stdlib.h>

#define WORTH_THREADS 256 /* certificates; fewer are read in a moment */

struct entry {
    struct span id; /* "cert NUL key": the map's key, malloc'ed */
    struct span cert_value, key_value; /* parts of id */
    struct cert *cert; /* NULL: refused */
    bool cert_from_file, key_from_file;
    bool stale;
    bool listed;    /* among those that are loaded at once */
    uint64_t round; /* of the last collect that named it */
    struct loaded *loaded; /* for the refresh that follows; NULL: not loaded yet */
};

/* What loading a pair came to. */
struct loaded {
    enum err error;
    struct cert *cert;
    char *why; /* on failure; NULL: only the error is known */
};

/* Stands in by_path for a file that several certificates are made of. */
static struct entry shared;

struct cert_store {
    struct strmap entries;
    struct strmap by_path; /* file → the entry made of it, or `shared` */
    const struct model_dynamic *model; /* of the last whole collect: compared, never followed */
    struct entry **order; /* parallel to its certificates; NULL: not served */
    uint64_t round;
    struct diagnostics *findings;
    const struct obtained_certs *obtained; /* NULL: none */
    struct cert *self_signed[2]; /* ECDSA, RSA */
};

enum err cert_store_create(struct cert_store **out)
{
    struct cert_store *store = calloc(1, sizeof(*store));
    if (store == NULL)
        return ERR_NOMEM;
    strmap_init(&store->entries);
    strmap_init(&store->by_path);
    *out = store;
    return ERR_OK;
}

void cert_store_report_to(struct cert_store *store, struct diagnostics *findings)
{
    store->findings = findings;
}

void cert_store_add_obtained(struct cert_store *store, const struct obtained_certs *obtained)
{
    store->obtained = obtained;
}

static void forget_loaded(struct entry *entry)
{
    if (entry->loaded != NULL)
        free(entry->loaded->why);
    free(entry->loaded);
    entry->loaded = NULL;
}

static void entry_destroy(struct entry *entry)
{
    if (entry->loaded != NULL)
        cert_unref(entry->loaded->cert);
    forget_loaded(entry);
    cert_unref(entry->cert);
    free((char *)entry->id.ptr);
    free(entry);
}

void cert_store_destroy(struct cert_store *store)
{
    if (store == NULL)
        return;
    strmap_for_each(&store->entries, slot)
        entry_destroy(slot->value);
    strmap_finish(&store->entries);
    strmap_finish(&store->by_path);
    free(store->order);
    cert_unref(store->self_signed[0]);
    cert_unref(store->self_signed[1]);
    free(store);
}

/* ---- changes ---- */

void cert_store_mark_changed(struct cert_store *store, const struct span *paths, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct entry *entry = strmap_get(&store->by_path, paths[i]);
        if (entry == &shared)
            cert_store_mark_all(store);
        else if (entry != NULL)
            entry->stale = true;
    }
}

void cert_store_mark_all(struct cert_store *store)
{
    strmap_for_each(&store->entries, slot) {
        struct entry *entry = slot->value;
        entry->stale = entry->cert_from_file || entry->key_from_file || entry->cert == NULL;
    }
}

/* ---- loading ---- */

/* Inline PEM is not repeated in a log. */
static const char *shown(struct span value)
{
    return content_is_inline(value) ? "(inline)" : value.ptr;
}

static enum err read_pair(struct entry *entry, struct span *cert_pem, struct span *key_pem,
                          struct err_text *why)
{
    TRY(content_read(entry->cert_value, cert_pem, &entry->cert_from_file, why));
    enum err error = content_read(entry->key_value, key_pem, &entry->key_from_file, why);
    if (error != ERR_OK)
        content_release(cert_pem);
    return error;
}

/* Touches this entry only: several are loaded at the same time. */
static enum err load_entry(struct entry *entry, struct cert **out, struct err_text *why)
{
    struct span cert_pem, key_pem;
    entry->cert_from_file = !content_is_inline(entry->cert_value);
    entry->key_from_file = !content_is_inline(entry->key_value);
    TRY(read_pair(entry, &cert_pem, &key_pem, why));
    struct cert *cert = NULL;
    enum err error = cert_load(cert_pem, key_pem, &cert, why);
    content_release(&cert_pem);
    content_release(&key_pem);
    if (error == ERR_OK && entry->cert_from_file &&
        (cert->source = span_dup(entry->cert_value)) == NULL) {
        cert_unref(cert);
        return ERR_NOMEM;
    }
    if (error == ERR_OK)
        *out = cert;
    return error;
}

static void warn_validity(struct cert_store *store, const struct cert *cert,
                          const struct entry *entry, struct source_mark mark, int64_t now_s)
{
    enum cert_validity validity = cert_validity(cert, now_s);
    if (validity == CERT_VALID)
        return;
    char when[CLOCK_RFC3339_SIZE];
    bool expired = validity == CERT_EXPIRED;
    clock_format_rfc3339((expired ? cert->not_after_s : cert->not_before_s) * NS_PER_S, when);
    if (store->findings != NULL) {
        diagnostics_add(store->findings, SEVERITY_WARNING, mark, "tls.certificates",
                        expired ? "%s expired at %s; it is served only where no valid one has "
                                  "its names: renew it"
                                : "%s is not valid before %s: look at the clock or at the "
                                  "certificate", shown(entry->cert_value), when);
        return;
    }
    log_warn(expired ? "certificate has expired; it is served only where no valid one has its "
                       "names: renew it"
                     : "certificate is not valid yet: look at the clock or at the certificate",
             "certFile", shown(entry->cert_value), expired ? "notAfter" : "notBefore", when);
}

void cert_store_report_expiry(struct cert_store *store, int64_t since_s, int64_t now_s)
{
    strmap_for_each(&store->entries, slot) {
        struct entry *entry = slot->value;
        if (entry->cert != NULL &&
            cert_validity(entry->cert, since_s) != cert_validity(entry->cert, now_s))
            warn_validity(store, entry->cert, entry, (struct source_mark){"", 0, 0}, now_s);
    }
}

static void report_failure(struct cert_store *store, const struct entry *entry,
                           struct source_mark mark, const char *why)
{
    char line[24];
    snprintf(line, sizeof(line), "%u", mark.line);
    if (store->findings != NULL)
        diagnostics_add(store->findings, SEVERITY_PROBLEM, mark, "tls.certificates",
                        "the certificate %s with the key %s is skipped: %s",
                        shown(entry->cert_value), shown(entry->key_value), why);
    else /* half-written files are common while somebody replaces a pair */
        log_error(entry->cert != NULL ? "certificate cannot be read again: the one before stays"
                                      : "certificate is skipped",
                  "certFile", shown(entry->cert_value), "keyFile", shown(entry->key_value),
                  "error", why, "file", mark.file != NULL ? mark.file : "", "line", line);
}

/* The same content stays the same object, with its contexts and its counters. */
static void replace(struct entry *entry, struct cert *cert)
{
    struct cert *old = entry->cert;
    bool same = old != NULL && old->digest == cert->digest &&
                span_equal(old->chain, cert->chain) && span_equal(old->key, cert->key);
    entry->cert = same ? old : cert;
    cert_unref(same ? cert : old);
}

static void load_ahead(void *context, size_t i)
{
    struct entry *entry = ((struct entry **)context)[i];
    struct loaded *loaded = calloc(1, sizeof(*loaded));
    struct err_text why = {""};
    if (loaded == NULL)
        return; /* refresh tries again */
    loaded->error = load_entry(entry, &loaded->cert, &why);
    if (why.text[0] != '\0')
        loaded->why = span_dup(span_cstr(why.text));
    entry->loaded = loaded;
}

static void refresh(struct cert_store *store, struct entry *entry, struct source_mark mark,
                    int64_t now_s)
{
    if (entry->loaded == NULL)
        load_ahead(&entry, 0);
    entry->stale = false;
    if (entry->loaded == NULL) {
        report_failure(store, entry, mark, "out of memory");
        return;
    }
    const struct loaded *loaded = entry->loaded;
    if (loaded->error == ERR_OK) {
        warn_validity(store, loaded->cert, entry, mark, now_s);
        replace(entry, loaded->cert);
    } else {
        report_failure(store, entry, mark,
                       loaded->why != NULL ? loaded->why : err_message(loaded->error));
    }
    forget_loaded(entry);
}

static struct entry *entry_create(const struct model_certificate *model, struct span id)
{
    struct entry *entry = calloc(1, sizeof(*entry));
    if (entry == NULL)
        return NULL;
    entry->id = (struct span){span_dup(id), id.len};
    if (entry->id.ptr == NULL) {
        free(entry);
        return NULL;
    }
    size_t cert_len = model->cert.value.len;
    entry->cert_value = (struct span){entry->id.ptr, cert_len};
    entry->key_value = (struct span){entry->id.ptr + cert_len + 1, model->key.value.len};
    entry->stale = true;
    return entry;
}

/* The entry of a pair, made if there is none. NULL: out of memory. */
static struct entry *find_or_create(struct cert_store *store, const struct model_certificate *model)
{
    struct span cert = model->cert.value, key = model->key.value;
    size_t len = cert.len + 1 + key.len;
    char *id = malloc(len);
    if (id == NULL)
        return NULL;
    memcpy(id, cert.ptr, cert.len);
    id[cert.len] = '\0';
    if (key.len > 0)
        memcpy(id + cert.len + 1, key.ptr, key.len);
    struct entry *entry = strmap_get(&store->entries, span_make(id, len));
    if (entry == NULL) {
        entry = entry_create(model, span_make(id, len));
        if (entry != NULL && strmap_add(&store->entries, entry->id, entry) != ERR_OK) {
            entry_destroy(entry);
            entry = NULL;
        }
    }
    free(id);
    return entry;
}

/* What the entry comes to in this round. */
static struct cert *settle(struct cert_store *store, struct entry *entry, struct source_mark mark,
                           int64_t now_s)
{
    if (entry->stale)
        refresh(store, entry, mark, now_s);
    entry->round = store->round;
    return entry->cert;
}

static struct cert *obtain(struct cert_store *store, const struct model_certificate *model,
                           int64_t now_s, enum err *error)
{
    struct entry *entry = find_or_create(store, model);
    *error = entry != NULL ? ERR_OK : ERR_NOMEM;
    return entry != NULL ? settle(store, entry, model->mark, now_s) : NULL;
}

/* ---- which entries a file concerns ---- */

static enum err add_path(struct cert_store *store, struct entry *entry, struct span path)
{
    if (content_is_inline(path))
        return ERR_OK;
    if (strmap_get(&store->by_path, path) != NULL)
        return strmap_set(&store->by_path, path, &shared);
    return strmap_add(&store->by_path, path, entry);
}

/* Drops what was not named in this round and notes the files of the rest. */
static enum err sweep(struct cert_store *store)
{
    struct strmap kept;
    strmap_init(&kept);
    strmap_finish(&store->by_path);
    strmap_init(&store->by_path);
    enum err error = ERR_OK;
    strmap_for_each(&store->entries, slot) {
        struct entry *entry = slot->value;
        if (entry->round != store->round)
            continue;
        if (error == ERR_OK)
            error = strmap_add(&kept, entry->id, entry);
        if (error == ERR_OK)
            error = add_path(store, entry, entry->cert_value);
        if (error == ERR_OK)
            error = add_path(store, entry, entry->key_value);
    }
    if (error != ERR_OK) {
        strmap_finish(&kept); /* the old map still owns everything */
        return error;
    }
    strmap_for_each(&store->entries, slot) {
        struct entry *entry = slot->value;
        if (entry->round != store->round)
            entry_destroy(entry);
    }
    strmap_finish(&store->entries);
    store->entries = kept;
    return ERR_OK;
}

static const struct model_certificate *default_certificate(const struct model_dynamic *model)
{
    const struct model_tls_store *store = model_tls_store(model, SPAN("default"));
    return store != NULL && store->has_default_certificate ? &store->default_certificate : NULL;
}

/* Only the store `default` is ever served from. */
static bool is_served(const struct model_certificate *model)
{
    if (model->stores.count == 0)
        return true;
    for (size_t i = 0; i < model->stores.count; i++) {
        if (span_equal(model->stores.items[i], SPAN("default")))
            return true;
    }
    return false;
}

static enum err find_entries(struct cert_store *store, const struct model_dynamic *model)
{
    store->model = NULL;
    free(store->order);
    store->order = calloc(model->certificate_count + 1, sizeof(struct entry *));
    if (store->order == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < model->certificate_count; i++) {
        if (!is_served(&model->certificates[i]))
            continue;
        store->order[i] = find_or_create(store, &model->certificates[i]);
        if (store->order[i] == NULL)
            return ERR_NOMEM;
    }
    return ERR_OK;
}

/* Reads and parses what is stale, on all cores; what it came to is taken up one
 * by one afterwards, in the order of the model. Without memory all is done then. */
static void load_stale(struct cert_store *store, size_t count)
{
    struct entry **stale = calloc(count + 1, sizeof(struct entry *));
    size_t found = 0;
    for (size_t i = 0; stale != NULL && i < count; i++) {
        struct entry *entry = store->order[i];
        if (entry == NULL || !entry->stale || entry->listed)
            continue;
        entry->listed = true;
        stale[found++] = entry;
    }
    for (size_t i = 0; i < found; i++)
        stale[i]->listed = false;
    if (found >= WORTH_THREADS)
        parallel_for(found, WORTH_THREADS, load_ahead, stale);
    free(stale);
}

static enum err settle_all(struct cert_store *store, const struct model_dynamic *model,
                           int64_t now_s, struct cert **list, size_t *count)
{
    store->round++;
    load_stale(store, model->certificate_count);
    for (size_t i = 0; i < model->certificate_count; i++) {
        struct entry *entry = store->order[i];
        struct cert *cert =
            entry != NULL ? settle(store, entry, model->certificates[i].mark, now_s) : NULL;
        if (cert != NULL)
            list[(*count)++] = cert;
    }
    const struct model_certificate *fallback = default_certificate(model);
    enum err error = ERR_OK;
    if (fallback != NULL)
        (void)obtain(store, fallback, now_s, &error);
    return error;
}

enum err cert_store_collect(struct cert_store *store, const struct model_dynamic *model,
                            bool same_model, int64_t now_s, struct cert ***certs, size_t *count)
{
    bool known = same_model && store->model == model;
    size_t used = 0, obtained = store->obtained != NULL ? store->obtained->count : 0;
    struct cert **list = calloc(model->certificate_count + obtained + 1, sizeof(struct cert *));
    enum err error = list != NULL ? ERR_OK : ERR_NOMEM;
    if (error == ERR_OK && !known)
        error = find_entries(store, model);
    if (error == ERR_OK)
        error = settle_all(store, model, now_s, list, &used);
    if (error == ERR_OK && !known)
        error = sweep(store);
    if (error != ERR_OK) {
        free(list);
        return error;
    }
    for (size_t i = 0; i < obtained; i++)
        list[used++] = store->obtained->certs[i];
    store->model = model;
    *certs = list;
    *count = used;
    return ERR_OK;
}

static enum err self_signed(struct cert_store *store, int64_t now_s, struct cert_set *out,
                            struct err_text *why)
{
    static const enum cert_key_type types[2] = {CERT_KEY_ECDSA_P256, CERT_KEY_RSA};
    for (size_t i = 0; i < 2; i++) {
        if (store->self_signed[i] == NULL) {
            TRY(selfsigned_create(types[i], now_s, &store->self_signed[i], why));
            store->self_signed[i]->generated = true;
        }
        out->by_type[types[i]] = store->self_signed[i];
    }
    return ERR_OK;
}

enum err cert_store_default(struct cert_store *store, const struct model_dynamic *model,
                            int64_t now_s, struct cert_set *out, struct err_text *why)
{
    struct cert_set set = {{NULL}};
    const struct model_certificate *fallback = default_certificate(model);
    enum err error = ERR_OK;
    struct cert *cert = fallback != NULL ? obtain(store, fallback, now_s, &error) : NULL;
    TRY(error);
    if (fallback == NULL && store->obtained != NULL)
        cert = store->obtained->fallback;
    if (cert != NULL)
        set.by_type[cert->key_type] = cert;
    else
        TRY(self_signed(store, now_s, &set, why));
    *out = set;
    return ERR_OK;
}
