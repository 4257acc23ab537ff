/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * When a certificate is looked at again. The wall clock decides about renewals
 * and may be set, so the wait is cut into pieces; failures wait by the monotonic
 * one.
 */
#include "core/control/acme_private.h"

#include "core/base/clock.h"
#include "core/base/log.h"
#include "tls/acme_renewal.h"
#include "tls/random.h"

#include <stdio.h>

#define ASK_AGAIN_S (6 * 3600) /* where the CA does not say (RFC 9773 §4.3.2) */
#define ASK_LEAST_S 60
#define ASK_MOST_S (24 * 3600)

static uint32_t random_word(void)
{
    uint32_t random = 0;
    (void)weir_random_block((unsigned char *)&random, sizeof(random));
    return random;
}

/* Traefik's table, by the life that the certificate really has where that is
 * shorter; a little earlier, so that thousands do not come at once. */
static int64_t renewal_by_table(const struct acme_item *item)
{
    const struct cert *cert = item->cert;
    int64_t life_s = cert->not_after_s - cert->not_before_s;
    int64_t said_s = item->of->model->acme.certificates_duration_h * 3600;
    struct acme_renewal_times times = acme_renewal_times(said_s < life_s ? said_s : life_s);
    int64_t early_s = (int64_t)((uint64_t)(times.before_s / 20) * random_word() >> 32);
    return cert->not_after_s - times.before_s - early_s;
}

static bool needs_order(const struct acme_item *item)
{
    if (!item->wanted || item->problem != NULL || item->of->problem[0] != '\0')
        return false;
    return item->cert == NULL || item->forced || item->renew_s <= acme_now_s();
}

bool acme_item_may_order(const struct acme_item *item)
{
    return needs_order(item) && item->not_before_ms <= acme_now_ms();
}

bool acme_item_needs_asking(const struct acme_item *item)
{
    return item->wanted && item->cert != NULL && item->problem == NULL &&
           item->of->problem[0] == '\0' && item->ask_s <= acme_now_s();
}

void acme_item_schedule(struct acme_item *item)
{
    int64_t now_ms = acme_now_ms(), now_s = acme_now_s(), due_ms = now_ms;
    if (item->state != ACME_ITEM_IDLE)
        return;
    if (!item->wanted || item->problem != NULL || item->of->problem[0] != '\0') {
        timer_cancel(item->of->acme->settings.wheel, &item->timer);
        return;
    }
    if (item->cert != NULL && item->renew_s == 0)
        item->renew_s = renewal_by_table(item);
    if (needs_order(item)) {
        due_ms = item->not_before_ms > now_ms ? item->not_before_ms : now_ms;
        if (acme_item_needs_asking(item))
            due_ms = now_ms;
    } else {
        int64_t next_s = item->renew_s < item->ask_s ? item->renew_s : item->ask_s;
        int64_t wait_ms = next_s > now_s ? (next_s - now_s) * MS_PER_S : 0;
        due_ms = now_ms + (wait_ms < ACME_LOOK_MS ? wait_ms : ACME_LOOK_MS);
    }
    timer_set(item->of->acme->settings.wheel, &item->timer, due_ms);
}

void acme_item_take_window(struct acme_item *item, const struct acme_window *window,
                           int64_t retry_after_s)
{
    int64_t now_s = acme_now_s(), again_s = ASK_AGAIN_S;
    if (retry_after_s >= 0)
        again_s = retry_after_s < ASK_LEAST_S  ? ASK_LEAST_S
                  : retry_after_s > ASK_MOST_S ? ASK_MOST_S
                                               : retry_after_s;
    item->ask_s = now_s + again_s;
    if (window == NULL)
        return;
    /* Within the window a moment that was drawn already stays. */
    if (item->renew_s >= window->start_s && item->renew_s < window->end_s)
        return;
    item->renew_s = acme_window_moment(window, random_word());
    if (window->end_s > now_s)
        return;
    char end[CLOCK_RFC3339_SIZE];
    clock_format_rfc3339(window->end_s * NS_PER_S, end);
    log_warn("the CA wants this certificate renewed at once", "resolver",
             item->of->model->object.name.ptr, "names", item->key, "before", end, "explanation",
             window->explanation);
}

static int64_t wait_of(const struct acme_item *item, const struct acme_failure *failure)
{
    unsigned times = item->failures < 12 ? item->failures : 12;
    int64_t ms = ACME_RETRY_FIRST_MS << times;
    if (ms > ACME_RETRY_LAST_MS)
        ms = ACME_RETRY_LAST_MS;
    if (strcmp(failure->type, "rateLimited") == 0 && failure->retry_after_s < 0 &&
        ms < ACME_RATE_LIMIT_MS)
        ms = ACME_RATE_LIMIT_MS;
    ms = acme_spread(ms);
    /* Not before the CA allows it, whatever the spread. */
    if (failure->retry_after_s * MS_PER_S > ms)
        ms = failure->retry_after_s * MS_PER_S + ms / 16;
    return ms;
}

void acme_item_failed(struct acme_item *item, const struct acme_failure *failure)
{
    char again[32];
    snprintf(item->error, sizeof(item->error), "%s", failure->why.text);
    item->failed_s = acme_now_s();
    item->forced = false;
    if (failure->silent) { /* the resolver waits */
        item->not_before_ms = acme_now_ms() + 1000;
        return;
    }
    int64_t wait_ms = wait_of(item, failure);
    item->not_before_ms = acme_now_ms() + wait_ms;
    item->failures++;
    snprintf(again, sizeof(again), "%lld", (long long)(wait_ms / MS_PER_S));
    log_error(item->cert != NULL ? "certificate cannot be renewed: the one before is served"
                                 : "certificate cannot be obtained",
              "resolver", item->of->model->object.name.ptr, "names", item->key, "error",
              item->error, "secondsToNextTry", again);
}

void acme_item_succeeded(struct acme_item *item)
{
    item->failures = 0;
    item->failed_s = 0;
    item->error[0] = '\0';
    item->forced = false;
    item->renew_s = 0;
    item->ask_s = 0;
    /* Whatever a CA suggests, and however wrong a clock is: no order after the other. */
    int64_t pause_ms = (item->cert->not_after_s - item->cert->not_before_s) * MS_PER_S / 10;
    item->not_before_ms =
        acme_now_ms() + (pause_ms < ACME_ORDER_PAUSE_MS ? pause_ms : ACME_ORDER_PAUSE_MS);
}
