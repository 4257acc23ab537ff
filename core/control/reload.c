/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The texts of the files are compared by a digest. The model that runs is kept
 * with a reference, so that a change of certificates alone builds the next
 * snapshot from the same model. Changed files are asked for before anything is
 * read and acknowledged after publication, so a failed reload loses none.
 */
#include "core/control/reload.h"

#include "config/provider_file.h"
#include "core/base/clock.h"
#include "core/base/hash.h"
#include "core/base/log.h"
#include "core/base/rcu.h"
#include "core/control/build.h"
#include "core/control/watched_files.h"

#include <stdio.h>
#include <stdlib.h>

struct reload {
    struct control_settings settings;
    struct provider_file *provider; /* NULL: none configured */
    struct cert_store *certs;
    struct model_dynamic *model; /* what runs; one reference is ours */
    uint64_t model_digest;       /* of the texts it was made of */
    uint64_t refused_digest;     /* of the texts that were refused last; 0: none */
    bool blank;                  /* what runs was made of texts without contents */
    bool read_failed;            /* the last reading failed, and that was said */
    struct snapshot *current;
    int64_t validated_s; /* wall clock: when `current` was made */
    struct list retired;
    /* Read by any thread; each is complete in itself. */
    _Atomic uint64_t reloads, failures, epoch;
    _Atomic int64_t last_success_ns, last_failure_ns;
};

/* What one reload works on. */
struct attempt {
    const struct config_text *texts;
    size_t text_count;
    uint64_t digest;
    bool blank; /* nothing but white space in all of them */
    bool certs_changed;
    int64_t started_ns;
};

static void model_unref(struct model_dynamic *model)
{
    if (model != NULL && --model->references == 0)
        model_dynamic_destroy(model);
}

/* ---- what came of it ---- */

static void count_failure(struct reload *reload)
{
    atomic_fetch_add_explicit(&reload->failures, 1, memory_order_relaxed);
    atomic_store_explicit(&reload->last_failure_ns, clock_wall_ns(), memory_order_relaxed);
}

static enum reload_result fail(struct reload *reload, const char *why)
{
    count_failure(reload);
    const char *message = reload->current != NULL
                              ? "configuration reload failed, the running configuration stays"
                              : "the dynamic configuration cannot be used: starting without it";
    if (why != NULL && why[0] != '\0')
        log_error(message, "error", why);
    else
        log_error(message);
    return RELOAD_FAILED;
}

static void report_success(struct reload *reload, const struct attempt *attempt)
{
    char epoch[24], routers[24], certificates[24], took[24];
    const struct model_dynamic *model = reload->model;
    int64_t now_ns = clock_monotonic_ns();
    atomic_fetch_add_explicit(&reload->reloads, 1, memory_order_relaxed);
    atomic_store_explicit(&reload->epoch, reload->current->epoch, memory_order_relaxed);
    atomic_store_explicit(&reload->last_success_ns, clock_wall_ns(), memory_order_relaxed);
    snprintf(epoch, sizeof(epoch), "%llu", (unsigned long long)reload->current->epoch);
    snprintf(routers, sizeof(routers), "%zu",
             model->http_router_count + model->tcp_router_count);
    snprintf(certificates, sizeof(certificates), "%zu", model->certificate_count);
    snprintf(took, sizeof(took), "%lld",
             (long long)((now_ns - attempt->started_ns) / NS_PER_MS));
    log_info("configuration loaded", "epoch", epoch, "routers", routers, "certificates",
             certificates, "milliseconds", took);
}

/* ---- the steps ---- */

static uint64_t digest_texts(const struct attempt *attempt)
{
    uint64_t digest = 1;
    for (size_t i = 0; i < attempt->text_count; i++) {
        digest = hash_span_salted(span_cstr(attempt->texts[i].name), digest);
        digest = hash_span_salted(attempt->texts[i].text, digest);
    }
    return digest != 0 ? digest : 1;
}

static bool is_blank(const struct attempt *attempt)
{
    for (size_t i = 0; i < attempt->text_count; i++) {
        if (span_trim(attempt->texts[i].text).len > 0)
            return false;
    }
    return true;
}

static enum err read_texts(struct reload *reload, struct attempt *attempt, struct err_text *why)
{
    if (reload->settings.fixed != NULL) {
        attempt->texts = reload->settings.fixed;
        attempt->text_count = 1;
    } else if (reload->provider != NULL) {
        TRY(provider_file_read(reload->provider, &attempt->texts, &attempt->text_count, why));
    }
    attempt->digest = digest_texts(attempt);
    attempt->blank = is_blank(attempt);
    return ERR_OK;
}

/* Hands what the watcher saw to the certificate store. */
static bool mark_changed(struct reload *reload, bool all)
{
    const struct span *paths;
    size_t count = 0;
    bool known =
        reload->provider == NULL || provider_file_changed(reload->provider, &paths, &count);
    if (all || !known) {
        cert_store_mark_all(reload->certs);
        return true;
    }
    if (count > 0)
        cert_store_mark_changed(reload->certs, paths, count);
    return count > 0;
}

static enum err parse(struct reload *reload, const struct attempt *attempt,
                      struct model_dynamic **out)
{
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    enum err error = config_parse_dynamic(reload->settings.settings, attempt->texts,
                                          attempt->text_count, &diagnostics, out);
    diagnostics_log(&diagnostics);
    diagnostics_finish(&diagnostics);
    if (error == ERR_OK)
        (*out)->references++;
    return error;
}

/* Before the files are read: then no change of theirs is missed. */
static void watch_files_of(struct reload *reload, const struct model_dynamic *model)
{
    struct span *paths;
    size_t count;
    if (reload->provider == NULL)
        return;
    enum err error = watched_files(reload->settings.settings, model, &paths, &count);
    if (error == ERR_OK) {
        error = provider_file_watch_also(reload->provider, paths, count);
        free(paths);
    }
    if (error != ERR_OK)
        log_warn("changes of some certificate files will not be noticed; SIGHUP reads them again",
                 "error", err_message(error));
}

static enum err publish(struct reload *reload, struct model_dynamic *model, struct err_text *why)
{
    struct build_context context = {
        .settings = reload->settings.settings,
        .worker_count = reload->settings.worker_count,
        .certs = reload->certs,
        .previous = reload->current,
    };
    struct snapshot *next;
    TRY(build_snapshot(&context, model, &next, why));
    struct snapshot *old = snapshot_publish(reload->settings.publication, next);
    reload->current = next;
    reload->validated_s = clock_wall_ns() / NS_PER_S;
    if (old != NULL)
        list_push_back(&reload->retired, &old->retired);
    return ERR_OK;
}

/* Takes the reference to `model`. */
static enum reload_result switch_to(struct reload *reload, struct model_dynamic *model,
                                    const struct attempt *attempt)
{
    struct err_text why = {""};
    bool is_new = model != reload->model;
    if (is_new)
        watch_files_of(reload, model);
    if (publish(reload, model, &why) != ERR_OK) {
        if (is_new && reload->model != NULL)
            watch_files_of(reload, reload->model);
        if (is_new)
            reload->refused_digest = attempt->digest;
        model_unref(model);
        return fail(reload, why.text);
    }
    model_unref(reload->model);
    reload->model = model;
    if (is_new) {
        reload->model_digest = attempt->digest;
        reload->blank = attempt->blank;
    }
    if (reload->provider != NULL)
        provider_file_changed_done(reload->provider);
    report_success(reload, attempt);
    return RELOAD_PUBLISHED;
}

static enum reload_result reuse_model(struct reload *reload, const struct attempt *attempt)
{
    if (!attempt->certs_changed)
        return RELOAD_UNCHANGED;
    reload->model->references++;
    return switch_to(reload, reload->model, attempt);
}

enum reload_result reload_run(struct reload *reload, bool all)
{
    struct attempt attempt = {.started_ns = clock_monotonic_ns()};
    struct err_text why = {""};
    attempt.certs_changed = mark_changed(reload, all);
    if (read_texts(reload, &attempt, &why) != ERR_OK) {
        bool said = reload->read_failed && !all;
        reload->read_failed = true;
        return said ? RELOAD_FAILED : fail(reload, why.text);
    }
    reload->read_failed = false;
    bool refused = attempt.digest == reload->refused_digest && !all;
    if (reload->model != NULL && (attempt.digest == reload->model_digest || refused)) {
        if (!refused)
            reload->refused_digest = 0;
        return reuse_model(reload, &attempt);
    }
    if (attempt.blank && reload->model != NULL && !reload->blank) {
        reload->refused_digest = attempt.digest;
        return fail(reload, "the files have no contents any more, as while one is being written");
    }
    struct model_dynamic *model;
    enum err error = parse(reload, &attempt, &model);
    if (error != ERR_OK) {
        reload->refused_digest = attempt.digest;
        return fail(reload, error == ERR_INVALID ? NULL : err_message(error));
    }
    reload->refused_digest = 0;
    return switch_to(reload, model, &attempt);
}

/* ---- as time passes ---- */

int64_t reload_validity_change_s(const struct reload *reload)
{
    return cert_index_change_s(reload->current->certs);
}

enum reload_result reload_republish(struct reload *reload)
{
    struct err_text why = {""};
    if (publish(reload, reload->model, &why) != ERR_OK)
        return fail(reload, why.text);
    atomic_store_explicit(&reload->epoch, reload->current->epoch, memory_order_relaxed);
    return RELOAD_PUBLISHED;
}

enum reload_result reload_revalidate(struct reload *reload)
{
    int64_t since_s = reload->validated_s;
    if (reload_republish(reload) != RELOAD_PUBLISHED)
        return RELOAD_FAILED;
    cert_store_report_expiry(reload->certs, since_s, reload->validated_s);
    log_info("certificates have expired or become valid: chosen anew");
    return RELOAD_PUBLISHED;
}

/* ---- life ---- */

/* What is internal is served even when the files are wrong. */
static enum err start_without_files(struct reload *reload, struct err_text *why)
{
    struct attempt none = {.started_ns = clock_monotonic_ns()};
    none.digest = digest_texts(&none);
    struct model_dynamic *model;
    enum err error = parse(reload, &none, &model);
    if (error != ERR_OK)
        return err_set(why, error, "the internal configuration: %s", err_message(error));
    error = publish(reload, model, why);
    if (error != ERR_OK) {
        model_unref(model);
        return error;
    }
    reload->model = model;
    reload->model_digest = 0; /* whatever the files say later is different */
    reload->blank = true;
    atomic_store_explicit(&reload->epoch, reload->current->epoch, memory_order_relaxed);
    return ERR_OK;
}

static enum err open_provider(struct reload *reload, struct err_text *why)
{
    const struct model_static *settings = reload->settings.settings;
    if (!settings->has_file_provider || reload->settings.fixed != NULL)
        return ERR_OK;
    enum err error = provider_file_create(settings->file_name, settings->file_directory,
                                          settings->file_watch, &reload->provider, why);
    if (error != ERR_SYSTEM || !settings->file_watch)
        return error;
    log_error("the configuration is not watched: send SIGHUP after a change", "error",
              why->text);
    return provider_file_create(settings->file_name, settings->file_directory, false,
                                &reload->provider, why);
}

static enum err start(struct reload *reload, const struct obtained_certs *obtained,
                      struct err_text *why)
{
    enum err error = cert_store_create(&reload->certs);
    if (error != ERR_OK)
        return err_set(why, error, "%s", err_message(error));
    cert_store_add_obtained(reload->certs, obtained);
    TRY(open_provider(reload, why));
    if (reload_run(reload, false) == RELOAD_PUBLISHED)
        return ERR_OK;
    return start_without_files(reload, why);
}

enum err reload_create(const struct control_settings *settings,
                       const struct obtained_certs *obtained, struct reload **out,
                       struct err_text *why)
{
    struct reload *reload = calloc(1, sizeof(*reload));
    if (reload == NULL)
        return err_set(why, ERR_NOMEM, "out of memory");
    reload->settings = *settings;
    list_init(&reload->retired);
    enum err error = start(reload, obtained, why);
    if (error != ERR_OK) {
        reload_destroy(reload);
        return error;
    }
    *out = reload;
    return ERR_OK;
}

void reload_destroy(struct reload *reload)
{
    if (reload == NULL)
        return;
    if (reload->current != NULL) {
        (void)rcu_exchange(&reload->settings.publication->current, NULL);
        /* Acquire: what the workers did with it comes before its end. */
        atomic_fetch_sub_explicit(&reload->current->claims, 1, memory_order_acq_rel);
        list_push_back(&reload->retired, &reload->current->retired);
    }
    (void)reload_reap(reload);
    model_unref(reload->model);
    cert_store_destroy(reload->certs);
    provider_file_destroy(reload->provider);
    free(reload);
}

bool reload_reap(struct reload *reload)
{
    list_for_each(node, &reload->retired) {
        struct snapshot *snapshot = container_of(node, struct snapshot, retired);
        /* Acquire: pairs with the release of the last claim. */
        if (atomic_load_explicit(&snapshot->claims, memory_order_acquire) != 0)
            continue;
        list_remove(node);
        snapshot_destroy(snapshot);
    }
    return !list_empty(&reload->retired);
}

int reload_fd(const struct reload *reload)
{
    return reload->provider != NULL ? provider_file_fd(reload->provider) : -1;
}

bool reload_drain(struct reload *reload)
{
    return provider_file_drain(reload->provider);
}

const struct snapshot *reload_current(const struct reload *reload)
{
    return reload->current;
}

void reload_status(const struct reload *reload, struct control_status *out)
{
    /* Relaxed: the numbers stand for themselves. */
    *out = (struct control_status){
        .reloads = atomic_load_explicit(&reload->reloads, memory_order_relaxed),
        .failures = atomic_load_explicit(&reload->failures, memory_order_relaxed),
        .last_success_ns = atomic_load_explicit(&reload->last_success_ns, memory_order_relaxed),
        .last_failure_ns = atomic_load_explicit(&reload->last_failure_ns, memory_order_relaxed),
        .epoch = atomic_load_explicit(&reload->epoch, memory_order_relaxed),
    };
}
