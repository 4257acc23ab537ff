/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A span begins with its first hit. Addresses are counted by the bits that their hashes
 * set, so that many are told as somewhat fewer.
 */
#include "core/proxy/limit_summary.h"

#include "core/base/clock.h"
#include "core/base/hash.h"
#include "core/base/log.h"
#include "core/proxy/client.h"

#include <inttypes.h>
#include <stdio.h>

static uint64_t take_addresses(struct limit_total *total)
{
    uint64_t count = 0;
    for (size_t i = 0; i < LIMIT_SUMMARY_WORDS; i++)
        count += (uint64_t)__builtin_popcountll(
            atomic_exchange_explicit(&total->addresses[i], 0, memory_order_relaxed));
    return count;
}

/* The span is over, and this worker's to tell of. */
static void tell(struct limit_summary *summary, enum limit limit, int64_t span_ms)
{
    struct limit_total *total = &summary->totals[limit];
    uint64_t times = atomic_exchange_explicit(&total->times, 0, memory_order_relaxed);
    uint64_t addresses = take_addresses(total);
    char times_text[24], addresses_text[24], seconds_text[24];
    if (times < LIMIT_SUMMARY_LEAST)
        return;
    snprintf(times_text, sizeof(times_text), "%" PRIu64, times);
    snprintf(addresses_text, sizeof(addresses_text), "%" PRIu64, addresses);
    snprintf(seconds_text, sizeof(seconds_text), "%" PRId64, span_ms / MS_PER_S);
    log_error("clients were over a limit", "limit", limit_name(limit), "times", times_text,
              "addresses", addresses_text, "seconds", seconds_text, "last",
              summary->last[limit]);
}

/* When the span of the limit is over; it has been told of, if that was before. */
static int64_t settle(struct limit_summary *summary, enum limit limit, int64_t now_ms)
{
    _Atomic int64_t *since = &summary->totals[limit].since_ms;
    int64_t begun = atomic_load_explicit(since, memory_order_relaxed);
    if (begun == 0) { /* another worker has told of it */
        summary->hit[limit] = false;
        return INT64_MAX;
    }
    if (now_ms < begun + LIMIT_SUMMARY_MS)
        return begun + LIMIT_SUMMARY_MS;
    summary->hit[limit] = false;
    if (atomic_compare_exchange_strong_explicit(since, &begun, 0, memory_order_relaxed,
                                                memory_order_relaxed))
        tell(summary, limit, now_ms - begun);
    return INT64_MAX;
}

static void on_timer(struct timer *timer)
{
    struct limit_summary *summary = container_of(timer, struct limit_summary, timer);
    struct worker *worker = container_of(summary, struct worker, limit_summary);
    int64_t next = INT64_MAX;
    for (size_t i = 0; i < LIMIT_COUNT; i++) {
        int64_t due = summary->hit[i] ? settle(summary, (enum limit)i, worker->now_ms) : INT64_MAX;
        next = due < next ? due : next;
    }
    if (next != INT64_MAX)
        timer_set(&worker->wheel, timer, next);
}

static void set_timer(struct worker *worker)
{
    struct timer *timer = &worker->limit_summary.timer;
    if (timer->expire == NULL)
        timer_init(timer, on_timer);
    if (!timer_running(timer))
        timer_set(&worker->wheel, timer, worker->now_ms + LIMIT_SUMMARY_MS);
}

void limit_summary_add(struct client *client, enum limit limit)
{
    struct worker *worker = client->conn.worker;
    struct limit_summary *summary = &worker->limit_summary;
    if (summary->totals == NULL)
        return;
    struct limit_total *total = &summary->totals[limit];
    int64_t none = 0;
    uint64_t bit = hash_span(span_make(client->peer_ip, sizeof(client->peer_ip))) %
                   (LIMIT_SUMMARY_WORDS * 64);
    atomic_fetch_add_explicit(&total->times, 1, memory_order_relaxed);
    atomic_fetch_or_explicit(&total->addresses[bit / 64], UINT64_C(1) << bit % 64,
                             memory_order_relaxed);
    atomic_compare_exchange_strong_explicit(&total->since_ms, &none, worker->now_ms,
                                            memory_order_relaxed, memory_order_relaxed);
    summary->hit[limit] = true;
    memcpy(summary->last[limit], client->peer_text, sizeof(client->peer_text));
    set_timer(worker);
}
