/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One certificate. Its key is made by the helper thread, unless an order of an
 * earlier process has one; then the order goes step by step. A question about
 * the renewal time takes the same way with one request.
 */
#include "core/control/acme_private.h"

#include "core/base/clock.h"
#include "core/base/log.h"
#include "tls/acme_renewal.h"

#include <stdio.h>
#include <stdlib.h>

static void step(struct acme_item *item);

static const char *resolver_name(const struct acme_item *item)
{
    return item->of->model->object.name.ptr;
}

static struct acme_store *store_of(const struct acme_item *item)
{
    return item->of->saver->store;
}

/* Only DNS-01 validates wildcards (RFC 8555 §7.1.3); else it comes last, as in lego. */
enum acme_challenge_type acme_challenge_of(const struct model_resolver *resolver, bool wildcard)
{
    const struct model_acme *model = &resolver->acme;
    if (model->has_dns && (wildcard || (!model->has_http && !model->has_tls)))
        return ACME_DNS_01;
    return model->has_http ? ACME_HTTP_01 : ACME_TLS_ALPN_01;
}

static enum acme_challenge_type challenge_of(const struct acme_item *item)
{
    bool wildcard = false;
    for (size_t i = 0; i < item->name_count; i++)
        wildcard |= span_starts_with(item->names[i], SPAN("*."));
    return acme_challenge_of(item->of->model, wildcard);
}

static void send_request(struct acme_item *item, const struct acme_request *request)
{
    acme_http_send(&item->http, item->of->acme->fetch, request, &item->of->ca);
}

/* ---- states ---- */

static bool is_running(enum acme_item_state state)
{
    return state >= ACME_ITEM_KEY;
}

static void set_state(struct acme_item *item, enum acme_item_state state)
{
    item->of->running -= is_running(item->state);
    item->of->running += is_running(state);
    item->state = state;
}

/* What an attempt leaves behind. */
static void clear(struct acme_item *item)
{
    acme_order_destroy(item->order);
    item->order = NULL;
    acme_dns_end(item);
    acme_key_destroy(item->order_key);
    item->order_key = NULL;
    item->order_kept = false;
    if (item->presented || item->alpn_count > 0) {
        item->presented = false;
        acme_answers_forget(item);
        if (acme_answers_publish(item->of->acme, NULL) != ERR_OK)
            log_debug("answers to challenges stay longer than they need");
    }
}

static void rest(struct acme_item *item)
{
    struct acme_resolver *resolver = item->of;
    clear(item);
    set_state(item, ACME_ITEM_IDLE);
    acme_item_schedule(item);
    acme_resolver_pump(resolver);
}

static void fail(struct acme_item *item, const struct acme_failure *failure)
{
    struct acme_resolver *resolver = item->of;
    /* An order that a CA which cannot be reached still has goes on later. */
    if (item->order_kept && !failure->unreachable) {
        acme_store_forget_order(store_of(item), resolver_name(item), item->key);
        acme_saver_save(resolver->saver);
    }
    resolver->failed += !failure->silent;
    acme_item_failed(item, failure);
    acme_resolver_suffer(resolver, failure);
    rest(item);
}

static void fail_locally(struct acme_item *item, const char *why)
{
    struct acme_failure failure;
    acme_failure_set(&failure, "%s", why);
    fail(item, &failure);
}

/* ---- the certificate ---- */

static bool has_all_names(const struct acme_item *item, const struct cert *cert)
{
    for (size_t i = 0; i < item->name_count; i++) {
        size_t j = 0;
        while (j < cert->name_count && !acme_name_covers(cert_name(cert, j), item->names[i]))
            j++;
        if (j == cert->name_count)
            return false;
    }
    return true;
}

static enum err use(struct acme_item *item, struct span chain, struct span key,
                    struct err_text *why)
{
    struct cert *cert;
    TRY(cert_load(chain, key, &cert, why));
    if (!has_all_names(item, cert)) {
        cert_unref(cert);
        return err_set(why, ERR_MISMATCH, "the CA's certificate lacks names that were asked for");
    }
    cert->resolver = span_dup(item->of->model->object.name);
    enum err error = acme_store_set_cert(store_of(item), resolver_name(item), item->names,
                                         item->name_count, chain, key);
    if (cert->resolver == NULL || error != ERR_OK) {
        cert_unref(cert);
        return err_set(why, ERR_NOMEM, "out of memory");
    }
    cert_unref(item->cert);
    item->cert = cert;
    return ERR_OK;
}

static void report_success(const struct acme_item *item)
{
    char until[CLOCK_RFC3339_SIZE];
    clock_format_rfc3339(item->cert->not_after_s * NS_PER_S, until);
    log_info("certificate obtained", "resolver", resolver_name(item), "names", item->key,
             "notAfter", until);
    if (acme_order_chain_missed(item->order))
        log_warn("the CA has no chain that ends at the preferred root: its default one is used",
                 "resolver", resolver_name(item), "preferredChain",
                 item->of->model->acme.preferred_chain.ptr);
}

static void complete(struct acme_item *item)
{
    struct err_text why = {""};
    struct buf key;
    buf_init(&key, ACME_KEY_TEXT_MAX);
    enum err error = acme_key_append_pem(item->order_key, &key);
    if (error == ERR_OK)
        error = use(item, acme_order_chain(item->order), buf_span(&key), &why);
    if (key.data != NULL)
        explicit_bzero(key.data, key.cap);
    buf_finish(&key);
    if (error != ERR_OK) {
        fail_locally(item, why.text[0] != '\0' ? why.text : err_message(error));
        return;
    }
    acme_store_forget_order(store_of(item), resolver_name(item), item->key);
    acme_saver_save(item->of->saver);
    item->of->obtained++;
    report_success(item);
    acme_item_succeeded(item);
    acme_note_change(item->of->acme);
    rest(item);
}

/* ---- the order ---- */

/* As soon as the CA has said where the order is. */
static void keep_order(struct acme_item *item)
{
    const char *url = acme_order_url(item->order);
    struct buf key;
    if (item->order_kept || url == NULL)
        return;
    buf_init(&key, ACME_KEY_TEXT_MAX);
    if (acme_key_append_pem(item->order_key, &key) == ERR_OK &&
        acme_store_set_order(store_of(item), resolver_name(item), item->key, url,
                             buf_span(&key)) == ERR_OK) {
        item->order_kept = true;
        acme_saver_save(item->of->saver);
    }
    if (key.data != NULL)
        explicit_bzero(key.data, key.cap);
    buf_finish(&key);
}

static void present_records(struct acme_item *item)
{
    struct err_text why = {""};
    if (acme_dns_begin(item, &why) == ERR_OK)
        return; /* acme_item_dns_done goes on */
    acme_order_present_failed(item->order, why.text);
    step(item);
}

void acme_item_dns_done(struct acme_item *item, enum err error, const char *why)
{
    if (error == ERR_OK)
        acme_order_presented(item->order, acme_now_ms());
    else
        acme_order_present_failed(item->order, why);
    step(item);
}

static void present(struct acme_item *item)
{
    struct err_text why = {""};
    item->presented = true;
    if (acme_answers_publish(item->of->acme, &why) == ERR_OK)
        acme_order_presented(item->order, acme_now_ms());
    else
        acme_order_present_failed(item->order, why.text);
    step(item);
}

static void step_order(struct acme_item *item)
{
    struct acme_step next;
    acme_order_next(item->order, acme_now_ms(), &next);
    switch (next.action) {
    case ACME_SEND:
        send_request(item, &next.request);
        break;
    case ACME_WAIT:
        timer_set(item->of->acme->settings.wheel, &item->timer, next.wait_until_ms);
        break;
    case ACME_PRESENT:
        if (challenge_of(item) == ACME_DNS_01)
            present_records(item);
        else
            present(item);
        break;
    case ACME_DONE:
        complete(item);
        break;
    case ACME_FAILED: {
        struct acme_failure failure = *acme_order_failure(item->order);
        fail(item, &failure);
    }
    }
}

static const char *usable_profile(const struct acme_item *item)
{
    const char *profile = item->of->model->acme.profile.ptr;
    char offered[256];
    if (profile == NULL || profile[0] == '\0' ||
        acme_client_has_profile(item->of->client, profile))
        return profile != NULL ? profile : "";
    acme_client_profiles(item->of->client, offered, sizeof(offered));
    log_warn("the CA has no such profile: asking without", "resolver", resolver_name(item),
             "profile", profile, "offered", offered);
    return "";
}

static void start_order(struct acme_item *item, const char *order_url)
{
    const struct model_acme *model = &item->of->model->acme;
    enum acme_challenge_type challenge = challenge_of(item);
    const int64_t delays[] = {
        [ACME_HTTP_01] = model->http_delay, [ACME_TLS_ALPN_01] = model->tls_delay,
        [ACME_DNS_01] = 0}; /* before its own checks */
    char replaces[ACME_CERT_ID_SIZE] = "";
    if (item->cert != NULL && acme_client_renewal_url(item->of->client) != NULL &&
        acme_cert_id(item->cert, replaces) != ERR_OK)
        replaces[0] = '\0';
    struct acme_order_config config = {
        .key = item->order_key,
        .names = item->names,
        .name_count = item->name_count,
        .emails = model->email_addresses.items,
        .email_count = model->email_addresses.count,
        .no_common_name = model->disable_common_name,
        .challenge = challenge,
        .one_by_one = challenge == ACME_DNS_01 && acme_dns_is_sequential(item->of->dns),
        .delay_ms = delays[challenge] / NS_PER_MS,
        .profile = usable_profile(item),
        .preferred_chain = model->preferred_chain.ptr,
        .replaces = replaces,
        .order_url = order_url,
    };
    set_state(item, ACME_ITEM_ORDER);
    item->order_kept = order_url != NULL;
    if (acme_order_create(item->of->client, &config, &item->order) != ERR_OK)
        fail_locally(item, "out of memory");
    else
        step(item);
}

static void make_key(struct work_job *job)
{
    struct acme_item *item = container_of(job, struct acme_item, job);
    enum acme_key_type type = (enum acme_key_type)item->of->model->acme.key_type;
    const _Atomic bool *ending = &item->of->acme->ending;
    if (acme_key_generate(type, ending, &item->order_key, NULL) != ERR_OK)
        item->order_key = NULL; /* key_made says so */
}

static void key_made(struct work_job *job)
{
    struct acme_item *item = container_of(job, struct acme_item, job);
    if (item->order_key != NULL)
        start_order(item, NULL);
    else
        fail_locally(item, "no key can be made");
}

static struct acme_helper *key_helper(const struct acme_item *item)
{
    enum acme_key_type type = (enum acme_key_type)item->of->model->acme.key_type;
    bool quick = type == ACME_KEY_EC256 || type == ACME_KEY_EC384;
    return quick ? &item->of->acme->files : &item->of->acme->keys;
}

static void begin_order(struct acme_item *item)
{
    const char *url, *pem;
    if (acme_store_order(store_of(item), resolver_name(item), item->key, &url, &pem) &&
        acme_url_is_usable(url) &&
        acme_key_from_pem(span_cstr(pem), &item->order_key, NULL) == ERR_OK) {
        log_info("going on with an order", "resolver", resolver_name(item), "names", item->key,
                 "order", url);
        start_order(item, url);
        return;
    }
    set_state(item, ACME_ITEM_KEY);
    work_start(key_helper(item)->work, &item->job);
}

/* ---- the question when to renew ---- */

static void answer(struct acme_item *item, enum acme_verdict verdict,
                   const struct acme_response *response, const struct acme_failure *failure)
{
    struct acme_window window;
    struct err_text why = {""};
    bool good = verdict == ACME_SUCCESS;
    if (good && acme_window_read(response->body, &window, &why) != ERR_OK)
        good = false;
    if (!good)
        log_debug("no renewal time from the CA", "resolver", resolver_name(item), "names",
                  item->key, "error", why.text[0] != '\0' ? why.text : failure->why.text);
    acme_item_take_window(item, good ? &window : NULL, response->retry_after_s);
    set_state(item, ACME_ITEM_IDLE);
    acme_item_schedule(item);
    acme_resolver_pump(item->of);
}

static void step_question(struct acme_item *item)
{
    struct acme_step next;
    acme_call_next(item->of->client, &item->call, acme_now_ms(), &next);
    if (next.action == ACME_SEND)
        send_request(item, &next.request);
    else
        timer_set(item->of->acme->settings.wheel, &item->timer, next.wait_until_ms);
}

static char *question_url(const struct acme_item *item)
{
    const char *base = acme_client_renewal_url(item->of->client);
    char id[ACME_CERT_ID_SIZE], *url = NULL;
    if (base == NULL || acme_cert_id(item->cert, id) != ERR_OK)
        return NULL;
    const char *slash = base[strlen(base) - 1] == '/' ? "" : "/";
    return asprintf(&url, "%s%s%s", base, slash, id) >= 0 ? url : NULL;
}

static void begin_question(struct acme_item *item)
{
    char *url = question_url(item);
    set_state(item, ACME_ITEM_ASK);
    if (url != NULL && strlen(url) <= ACME_URL_MAX &&
        acme_call_get(&item->call, "the renewal time", url) == ERR_OK) {
        step(item);
        return;
    }
    acme_item_take_window(item, NULL, -1);
    set_state(item, ACME_ITEM_IDLE);
    acme_item_schedule(item);
}

/* ---- the machine ---- */

static void step(struct acme_item *item)
{
    if (item->state == ACME_ITEM_ORDER)
        step_order(item);
    else if (item->state == ACME_ITEM_ASK)
        step_question(item);
}

static void on_response(struct acme_http *http, const struct acme_response *response)
{
    struct acme_item *item = container_of(http, struct acme_item, http);
    struct acme_failure failure = {.retry_after_s = -1};
    if (item->state == ACME_ITEM_ORDER) {
        acme_order_receive(item->order, acme_now_ms(), response);
        keep_order(item);
        step(item);
        return;
    }
    enum acme_verdict verdict =
        acme_call_receive(item->of->client, &item->call, acme_now_ms(), response, &failure);
    if (verdict == ACME_AGAIN)
        step(item);
    else
        answer(item, verdict, response, &failure);
}

static void queue(struct acme_item *item)
{
    set_state(item, ACME_ITEM_QUEUED);
    /* What is not served yet goes before what is only to be renewed or asked about. */
    if (item->cert == NULL)
        list_push_front(&item->of->queue, &item->link);
    else
        list_push_back(&item->of->queue, &item->link);
    acme_resolver_pump(item->of);
}

static void on_timer(struct timer *timer)
{
    struct acme_item *item = container_of(timer, struct acme_item, timer);
    if (item->state == ACME_ITEM_ORDER || item->state == ACME_ITEM_ASK)
        step(item);
    else if (item->state != ACME_ITEM_IDLE)
        return;
    else if (acme_item_may_order(item) || acme_item_needs_asking(item))
        queue(item);
    else
        acme_item_schedule(item);
}

/* The client is ready. */
void acme_item_begin(struct acme_item *item)
{
    set_state(item, ACME_ITEM_IDLE);
    if (acme_item_may_order(item))
        begin_order(item);
    else if (acme_item_needs_asking(item))
        begin_question(item);
    else
        acme_item_schedule(item);
}

/* ---- life ---- */

static bool copy_names(struct acme_item *item, const struct span *names, size_t count)
{
    size_t size = count * sizeof(*names);
    for (size_t i = 0; i < count; i++)
        size += names[i].len + 1;
    item->names = malloc(size);
    if (item->names == NULL)
        return false;
    char *text = (char *)(item->names + count);
    for (size_t i = 0; i < count; i++) {
        memcpy(text, names[i].ptr, names[i].len);
        text[names[i].len] = '\0';
        item->names[i] = span_make(text, names[i].len);
        text += names[i].len + 1;
    }
    item->name_count = count;
    return true;
}

enum err acme_item_create(struct acme_resolver *resolver, const struct span *names, size_t count,
                          struct span key, struct acme_item **out)
{
    struct acme_item *item = calloc(1, sizeof(*item));
    if (item == NULL)
        return ERR_NOMEM;
    item->of = resolver;
    item->job = (struct work_job){.run = make_key, .done = key_made};
    list_init(&item->link);
    timer_init(&item->timer, on_timer);
    acme_call_init(&item->call);
    acme_http_init(&item->http, on_response);
    enum err error = ERR_NOMEM;
    if (copy_names(item, names, count) &&
        asprintf(&item->id, "%.*s\n%.*s", SPAN_ARG(resolver->model->object.name),
                 SPAN_ARG(key)) >= 0) {
        item->key = item->id + resolver->model->object.name.len + 1;
        error = acme_add_item(resolver->acme, item);
    }
    if (error != ERR_OK) {
        acme_item_destroy(item);
        return error;
    }
    *out = item;
    return ERR_OK;
}

void acme_item_destroy(struct acme_item *item)
{
    timer_cancel(item->of->acme->settings.wheel, &item->timer);
    list_remove(&item->link);
    acme_answers_forget(item);
    acme_order_destroy(item->order);
    acme_key_destroy(item->order_key);
    acme_call_finish(&item->call);
    acme_http_finish(&item->http);
    cert_unref(item->cert);
    free(item->names);
    free(item->id);
    free(item);
}
