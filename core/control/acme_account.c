/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A resolver's account: its key is made where there is none and is on the disk
 * before the CA hears of it; then the client's set-up runs. All that happens
 * only once a certificate wants it.
 */
#include "core/control/acme_private.h"

#include "core/base/clock.h"
#include "core/base/log.h"
#include "tls/base64.h"

#include <stdio.h>
#include <stdlib.h>

#define ACCOUNT_TYPE ACME_KEY_EC256

static void step_setup(struct acme_resolver *resolver);

static void set_state(struct acme_resolver *resolver, enum acme_resolver_state state)
{
    resolver->state = state;
}

static const char *name_of(const struct acme_resolver *resolver)
{
    return resolver->model->object.name.ptr;
}

static void retry_after(struct acme_resolver *resolver, int64_t ms)
{
    set_state(resolver, ACME_RESOLVER_WAIT);
    timer_set(resolver->acme->settings.wheel, &resolver->timer, acme_now_ms() + ms);
}

/* ---- failures ---- */

static int64_t doubled(int64_t first_ms, int64_t last_ms, unsigned failures)
{
    int64_t ms = first_ms << (failures < 12 ? failures : 12);
    return ms < last_ms ? ms : last_ms;
}

static void fail(struct acme_resolver *resolver, const struct acme_failure *failure)
{
    int64_t ms = failure->unreachable ? doubled(ACME_CA_RETRY_FIRST_MS, ACME_CA_RETRY_LAST_MS,
                                                resolver->failures)
                                      : doubled(ACME_RETRY_FIRST_MS, ACME_RETRY_LAST_MS,
                                                resolver->failures);
    if (failure->retry_after_s * MS_PER_S > ms)
        ms = failure->retry_after_s * MS_PER_S;
    if (resolver->failures == 0 || !failure->unreachable) /* once per outage */
        log_error("the CA cannot be used: trying again", "resolver", name_of(resolver), "caServer",
                  resolver->model->acme.ca_server.ptr, "error", failure->why.text);
    resolver->failures++;
    snprintf(resolver->error, sizeof(resolver->error), "%s", failure->why.text);
    retry_after(resolver, acme_spread(ms));
}

static void fail_locally(struct acme_resolver *resolver, const char *why)
{
    struct acme_failure failure;
    acme_failure_set(&failure, "%s", why);
    fail(resolver, &failure);
}

void acme_resolver_suffer(struct acme_resolver *resolver, const struct acme_failure *failure)
{
    if (resolver->state != ACME_RESOLVER_READY)
        return;
    if (strcmp(failure->type, "accountDoesNotExist") == 0) {
        log_warn("the CA does not know the account: making it anew", "resolver",
                 name_of(resolver));
        acme_client_forget_account(resolver->client);
        set_state(resolver, ACME_RESOLVER_SETUP);
        step_setup(resolver);
    } else if (failure->silent) {
        acme_client_restart(resolver->client);
        fail(resolver, failure);
    } else if (strcmp(failure->type, "rateLimited") == 0) {
        resolver->not_before_ms = acme_now_ms() + acme_spread(60 * MS_PER_S);
    }
}

/* ---- the client ---- */

static const char *key_type_name(const struct acme_resolver *resolver)
{
    /* As lego, Traefik's library, names the certificates' keys. */
    static const char *const names[] = {"P256", "P384", "2048", "4096", "8192"};
    return names[resolver->model->acme.key_type];
}

static enum err keep_account(struct acme_resolver *resolver, const char *uri, const char *body)
{
    struct buf der;
    buf_init(&der, ACME_KEY_TEXT_MAX);
    enum err error = acme_key_append_der(resolver->account_key, &der);
    if (error == ERR_OK)
        error = acme_store_set_account(resolver->saver->store, name_of(resolver),
                                       resolver->account_email, uri, body, buf_span(&der),
                                       key_type_name(resolver));
    if (der.data != NULL)
        explicit_bzero(der.data, der.cap);
    buf_finish(&der);
    return error;
}

static void ready(struct acme_resolver *resolver)
{
    const char *body = acme_client_account_body(resolver->client);
    if (body != NULL) {
        log_info("registered at the CA", "resolver", name_of(resolver), "account",
                 acme_client_account_url(resolver->client));
        if (keep_account(resolver, acme_client_account_url(resolver->client), body) == ERR_OK)
            acme_saver_save(resolver->saver);
    }
    if (resolver->failures > 0)
        log_info("the CA can be used again", "resolver", name_of(resolver));
    resolver->failures = 0;
    resolver->error[0] = '\0';
    set_state(resolver, ACME_RESOLVER_READY);
    acme_resolver_pump(resolver);
}

static void step_setup(struct acme_resolver *resolver)
{
    struct acme_step step;
    acme_client_next(resolver->client, acme_now_ms(), &step);
    switch (step.action) {
    case ACME_SEND:
        acme_http_send(&resolver->http, resolver->acme->fetch, &step.request, &resolver->ca);
        break;
    case ACME_WAIT:
        timer_set(resolver->acme->settings.wheel, &resolver->timer, step.wait_until_ms);
        break;
    case ACME_DONE:
        ready(resolver);
        break;
    default:
        fail(resolver, acme_client_failure(resolver->client));
        acme_client_restart(resolver->client);
    }
}

static void on_response(struct acme_http *http, const struct acme_response *response)
{
    struct acme_resolver *resolver = container_of(http, struct acme_resolver, http);
    acme_client_receive(resolver->client, acme_now_ms(), response);
    step_setup(resolver);
}

static bool make_client(struct acme_resolver *resolver, const char *account_url)
{
    const struct model_acme *model = &resolver->model->acme;
    struct acme_client_config config = {
        .directory_url = model->ca_server.ptr,
        .key = resolver->account_key,
        .email = resolver->account_email,
        .eab_kid = model->eab_kid.ptr,
        .eab_hmac = model->eab_hmac.ptr,
        .account_url = account_url,
    };
    return resolver->client != NULL || acme_client_create(&config, &resolver->client) == ERR_OK;
}

static void set_up(struct acme_resolver *resolver, const char *account_url)
{
    if (!make_client(resolver, account_url)) {
        fail_locally(resolver, "out of memory");
        return;
    }
    set_state(resolver, ACME_RESOLVER_SETUP);
    step_setup(resolver);
}

/* ---- the key ---- */

/* Traefik's rule: an account of another CA is not used. */
static bool same_host(const char *account_url, const char *ca_server)
{
    struct span left = span_cstr(account_url), right = span_cstr(ca_server), head;
    struct span *both[] = {&left, &right};
    for (size_t i = 0; i < 2; i++) {
        const char *scheme = strstr(both[i]->ptr, "://");
        if (scheme == NULL)
            return false;
        *both[i] = span_cstr(scheme + 3);
        (void)span_split(*both[i], '/', &head);
        (void)span_split(head, ':', both[i]);
    }
    return span_equal_nocase(left, right);
}

static bool load_account(struct acme_resolver *resolver, char **account_url)
{
    struct acme_stored_account stored;
    struct err_text why = {""};
    struct buf der;
    const char *ca = resolver->model->acme.ca_server.ptr;
    if (!acme_store_account(resolver->saver->store, name_of(resolver), &stored))
        return false;
    if (stored.uri[0] != '\0' && !same_host(stored.uri, ca)) {
        log_warn("the stored account is of another CA: making a new one", "resolver",
                 name_of(resolver), "account", stored.uri, "caServer", ca);
        return false;
    }
    buf_init(&der, ACME_KEY_TEXT_MAX);
    enum err error = base64_decode(&der, span_cstr(stored.key), BASE64_STANDARD);
    if (error == ERR_OK)
        error = acme_key_from_der(buf_span(&der), &resolver->account_key, &why);
    if (der.data != NULL)
        explicit_bzero(der.data, der.cap);
    buf_finish(&der);
    if (error != ERR_OK) {
        log_error("the stored account's key cannot be used: making a new account", "resolver",
                  name_of(resolver), "error", why.text[0] ? why.text : err_message(error));
        return false;
    }
    resolver->account_email = span_dup(span_cstr(stored.email));
    *account_url = span_dup(span_cstr(stored.uri));
    return true;
}

static void make_key(struct work_job *job)
{
    struct acme_resolver *resolver = container_of(job, struct acme_resolver, job);
    if (acme_key_generate(ACCOUNT_TYPE, NULL, &resolver->account_key, NULL) != ERR_OK)
        resolver->account_key = NULL; /* key_made says so */
}

/* The key must be on the disk before there is an account for it. */
static void key_made(struct work_job *job)
{
    struct acme_resolver *resolver = container_of(job, struct acme_resolver, job);
    resolver->account_email = span_dup(resolver->model->acme.email);
    if (resolver->account_key == NULL || keep_account(resolver, "", NULL) != ERR_OK) {
        acme_key_destroy(resolver->account_key);
        resolver->account_key = NULL;
        fail_locally(resolver, "no key can be made for the account");
        return;
    }
    set_state(resolver, ACME_RESOLVER_SAVE);
    acme_saver_save(resolver->saver);
}

void acme_resolver_saved(struct acme_resolver *resolver, enum err error, const char *why)
{
    if (resolver->state != ACME_RESOLVER_SAVE)
        return;
    if (error == ERR_OK && acme_store_is_dirty(resolver->saver->store, ACME_STORE_MAIN))
        return; /* not this text yet */
    if (error == ERR_OK)
        set_up(resolver, "");
    else
        fail_locally(resolver, why);
}

static void begin(struct acme_resolver *resolver)
{
    char *account_url = NULL;
    if (resolver->account_key != NULL) {
        set_up(resolver, "");
        return;
    }
    if (load_account(resolver, &account_url)) {
        set_up(resolver, account_url);
        free(account_url);
        return;
    }
    set_state(resolver, ACME_RESOLVER_KEY);
    work_start(resolver->acme->files.work, &resolver->job);
}

/* ---- who waits ---- */

static void begin_queued(struct acme_resolver *resolver)
{
    int64_t now_ms = acme_now_ms();
    if (resolver->not_before_ms > now_ms) {
        timer_set(resolver->acme->settings.wheel, &resolver->timer, resolver->not_before_ms);
        return;
    }
    while (resolver->running < ACME_ORDERS_AT_ONCE && resolver->state == ACME_RESOLVER_READY) {
        struct list *node = list_pop_front(&resolver->queue);
        if (node == NULL)
            return;
        acme_item_begin(container_of(node, struct acme_item, link));
    }
}

void acme_resolver_pump(struct acme_resolver *resolver)
{
    if (list_empty(&resolver->queue) || resolver->saver == NULL || !resolver->saver->owned)
        return;
    if (resolver->state == ACME_RESOLVER_IDLE)
        begin(resolver);
    else if (resolver->state == ACME_RESOLVER_READY)
        begin_queued(resolver);
}

static void on_timer(struct timer *timer)
{
    struct acme_resolver *resolver = container_of(timer, struct acme_resolver, timer);
    if (resolver->state == ACME_RESOLVER_WAIT)
        set_state(resolver, ACME_RESOLVER_IDLE);
    if (resolver->state == ACME_RESOLVER_SETUP)
        step_setup(resolver);
    else
        acme_resolver_pump(resolver);
}

/* ---- life ---- */

void acme_resolver_init(struct acme_resolver *resolver, struct acme *acme,
                        const struct model_resolver *model)
{
    struct err_text why = {""};
    resolver->acme = acme;
    resolver->model = model;
    resolver->job = (struct work_job){.run = make_key, .done = key_made};
    list_init(&resolver->queue);
    timer_init(&resolver->timer, on_timer);
    acme_http_init(&resolver->http, on_response);
    enum err error = ERR_OK;
    if (model->object.problem.len == 0)
        error = acme_ca_init(&resolver->ca, &model->acme, &why);
    if (model->object.problem.len == 0 && error == ERR_OK && model->acme.has_dns)
        error = acme_dns_create(&model->acme, &resolver->dns, &why);
    if (error != ERR_OK)
        snprintf(resolver->problem, sizeof(resolver->problem), "%.255s", why.text);
    else
        snprintf(resolver->problem, sizeof(resolver->problem), "%.*s",
                 SPAN_ARG(model->object.problem));
}

void acme_resolver_finish(struct acme_resolver *resolver)
{
    timer_cancel(resolver->acme->settings.wheel, &resolver->timer);
    acme_dns_destroy(resolver->dns);
    acme_client_destroy(resolver->client);
    acme_key_destroy(resolver->account_key);
    acme_http_finish(&resolver->http);
    free(resolver->account_email);
    acme_ca_finish(&resolver->ca);
}
