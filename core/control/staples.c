/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An entry per certificate object, with a reference, in a map by its address,
 * which the reference keeps from being used again; its timer says when to ask.
 * What is being fetched is not freed before it has come back: an entry that no
 * snapshot names any more goes with the next update.
 */
#include "core/control/staples.h"

#include "core/base/clock.h"
#include "core/base/hash.h"
#include "core/base/log.h"
#include "core/base/rcu.h"
#include "core/control/fetch.h"
#include "core/control/staple_cache.h"
#include "tls/ocsp.h"
#include "tls/random.h"

#include <poll.h>
#include <stdlib.h>

#define RETRY_FIRST_MS (60 * MS_PER_S)
#define RETRY_LAST_MS (3600 * MS_PER_S)
#define REVOKED_RETRY_MS (3600 * MS_PER_S)
#define FRESH_LEAST_MS (60 * MS_PER_S) /* not oftener, however short the validity */

struct entry {
    struct staples *staples;
    struct cert *cert;
    char fingerprint[CERT_FINGERPRINT_SIZE]; /* names it in the cache */
    struct timer timer;
    struct fetch_job job;
    bool fetching;
    unsigned failures; /* in a row */
    uint64_t round;    /* of the last update that named it */
};

struct staples {
    const struct model_static *settings;
    struct ring *ring;
    struct timerwheel *wheel;
    struct fetch *fetch;
    struct strmap entries;
    struct op done;
    uint64_t round;
};

static int64_t now_ms(void)
{
    return clock_monotonic_ns() / NS_PER_MS;
}

static int64_t now_s(void)
{
    return clock_wall_ns() / NS_PER_S;
}

/* A quarter more or less, so that a hundred thousand do not come at once. */
static int64_t spread(int64_t ms)
{
    uint32_t random = 0;
    (void)weir_random_block((unsigned char *)&random, sizeof(random));
    return ms - ms / 4 + (int64_t)((uint64_t)random * ((uint64_t)ms / 2) >> 32);
}

static void ask_after(struct entry *entry, int64_t ms)
{
    timer_set(entry->staples->wheel, &entry->timer, now_ms() + ms);
}

static const char *entry_name(const struct entry *entry)
{
    return entry->cert->source != NULL ? entry->cert->source : entry->fingerprint;
}

/* ---- what came ---- */

static void replace_staple(struct entry *entry, struct span response, int64_t next_update_s)
{
    struct ocsp_staple *old = NULL;
    if (ocsp_publish(entry->cert, response, next_update_s, &old) != ERR_OK || old == NULL)
        return;
    rcu_wait_for_readers();
    free(old);
}

static void use(struct entry *entry, struct span response, const struct ocsp_answer *answer)
{
    entry->failures = 0;
    replace_staple(entry, response, answer->next_update_s);
    int64_t half_s =
        answer->this_update_s + (answer->next_update_s - answer->this_update_s) / 2;
    int64_t wait_ms = (half_s - now_s()) * MS_PER_S;
    ask_after(entry, spread(wait_ms > FRESH_LEAST_MS ? wait_ms : FRESH_LEAST_MS));
}

static void retry(struct entry *entry, const char *why)
{
    int64_t wait_ms = RETRY_LAST_MS;
    if (entry->failures < 6)
        wait_ms = (int64_t)RETRY_FIRST_MS << entry->failures;
    if (entry->failures == 0) /* once per outage */
        log_warn("no OCSP staple can be had: trying again", "certificate", entry_name(entry),
                 "responder", entry->job.url, "error", why);
    entry->failures++;
    ask_after(entry, spread(wait_ms));
}

static void drop_revoked(struct entry *entry)
{
    log_error("the certificate is revoked, its responder says: replace it; it is served without "
              "a staple", "certificate", entry_name(entry), "responder", entry->job.url);
    replace_staple(entry, SPAN_EMPTY, 0);
    staple_cache_remove(entry->staples->settings->weir.ocsp_cache, entry->fingerprint);
    ask_after(entry, spread(REVOKED_RETRY_MS));
}

static void judge(struct entry *entry)
{
    struct span response = buf_span(&entry->job.response);
    struct ocsp_answer answer;
    struct err_text why = {""};
    if (entry->job.error[0] != '\0') {
        retry(entry, entry->job.error);
        return;
    }
    switch (ocsp_check(entry->cert, response, now_s(), &answer, &why)) {
    case OCSP_GOOD:
        use(entry, response, &answer);
        staple_cache_write(entry->staples->settings->weir.ocsp_cache, entry->fingerprint,
                           response);
        log_debug("OCSP staple", "certificate", entry_name(entry));
        break;
    case OCSP_REVOKED:
        drop_revoked(entry);
        break;
    case OCSP_UNUSABLE:
        retry(entry, why.text);
        break;
    }
}

/* ---- entries ---- */

static void entry_destroy(struct entry *entry)
{
    timer_cancel(entry->staples->wheel, &entry->timer);
    buf_finish(&entry->job.request);
    buf_finish(&entry->job.response);
    free((char *)entry->job.url);
    cert_unref(entry->cert);
    free(entry);
}

static void on_timer(struct timer *timer)
{
    struct entry *entry = container_of(timer, struct entry, timer);
    if (cert_validity(entry->cert, now_s()) != CERT_VALID)
        return; /* of no use any more; another certificate has another entry */
    buf_clear(&entry->job.response);
    entry->fetching = true;
    fetch_start(entry->staples->fetch, &entry->job);
}

/* Traefik's responderOverrides: instead of the certificate's own. */
static struct span responder_of(const struct staples *staples, const struct cert *cert)
{
    const struct model_string_map *overrides = &staples->settings->ocsp_overrides;
    for (size_t i = 0; i < overrides->count; i++) {
        if (span_equal(overrides->items[i].key, cert->responder))
            return overrides->items[i].value;
    }
    return cert->responder;
}

static enum err entry_prepare(struct entry *entry)
{
    buf_init(&entry->job.request, 256);
    buf_init(&entry->job.response, OCSP_RESPONSE_MAX);
    entry->job.content_type = "application/ocsp-request";
    entry->job.url = span_dup(responder_of(entry->staples, entry->cert));
    if (entry->job.url == NULL)
        return ERR_NOMEM;
    return ocsp_request_append(entry->cert, &entry->job.request);
}

/* What an earlier process was told, if it still holds; then nobody is asked yet. */
static bool take_from_cache(struct entry *entry)
{
    struct span response;
    struct ocsp_answer answer;
    bool good = false;
    if (!staple_cache_read(entry->staples->settings->weir.ocsp_cache, entry->fingerprint,
                           &response))
        return false;
    if (ocsp_check(entry->cert, response, now_s(), &answer, NULL) == OCSP_GOOD) {
        use(entry, response, &answer);
        good = true;
    }
    free((char *)response.ptr);
    return good;
}

static struct span entry_key(struct cert *const *cert)
{
    return span_make(cert, sizeof(*cert));
}

static void add(struct staples *staples, struct cert *cert)
{
    struct entry *entry = calloc(1, sizeof(*entry));
    if (entry == NULL)
        return;
    entry->staples = staples;
    entry->cert = cert_ref(cert);
    entry->round = staples->round;
    cert_fingerprint(cert, entry->fingerprint);
    timer_init(&entry->timer, on_timer);
    enum err error = entry_prepare(entry);
    if (error == ERR_OK)
        error = strmap_add(&staples->entries, entry_key(&entry->cert), entry);
    if (error == ERR_NOTFOUND)
        log_info("no OCSP staple without the issuer: put its certificate behind the leaf",
                 "certificate", entry_name(entry));
    if (error != ERR_OK) {
        entry_destroy(entry);
        return;
    }
    if (!take_from_cache(entry))
        ask_after(entry, 0);
}

static void name(struct staples *staples, struct cert *cert)
{
    if (cert == NULL || cert->responder.len == 0)
        return;
    struct entry *entry = strmap_get(&staples->entries, entry_key(&cert));
    if (entry != NULL)
        entry->round = staples->round;
    else
        add(staples, cert);
}

/* Drops what the last update did not name; what is being fetched goes later. */
static void sweep(struct staples *staples)
{
    struct strmap kept;
    strmap_init(&kept);
    strmap_for_each(&staples->entries, slot) {
        struct entry *entry = slot->value;
        bool keep = entry->round == staples->round || entry->fetching;
        if (keep && strmap_add(&kept, entry_key(&entry->cert), entry) != ERR_OK) {
            strmap_finish(&kept);
            return; /* the old map still has everything */
        }
    }
    strmap_for_each(&staples->entries, slot) {
        struct entry *entry = slot->value;
        if (entry->round != staples->round && !entry->fetching)
            entry_destroy(entry);
    }
    strmap_finish(&staples->entries);
    staples->entries = kept;
}

void staples_update(struct staples *staples, const struct snapshot *snapshot)
{
    struct cert_index_stats stats;
    if (staples == NULL)
        return;
    staples->round++;
    cert_index_stats(snapshot->certs, &stats);
    for (size_t i = 0; i < stats.certs; i++)
        name(staples, (struct cert *)cert_index_at(snapshot->certs, i));
    const struct cert_set *fallback = cert_index_default(snapshot->certs);
    for (size_t type = 0; type < CERT_INDEX_KEY_TYPES; type++)
        name(staples, fallback->by_type[type]);
    sweep(staples);
}

/* ---- life ---- */

static void wait_for_done(struct staples *staples)
{
    ring_poll(staples->ring, &staples->done, fetch_fd(staples->fetch), POLLIN, true);
}

static void on_done(struct op *op, int32_t result, uint32_t flags)
{
    struct staples *staples = container_of(op, struct staples, done);
    struct list done, *node;
    (void)result;
    (void)flags;
    if (!op_pending(op))
        wait_for_done(staples);
    list_init(&done);
    fetch_take(staples->fetch, &done);
    while ((node = list_pop_front(&done)) != NULL) {
        struct entry *entry = container_of(node, struct entry, job.link);
        entry->fetching = false;
        judge(entry);
    }
}

enum err staples_create(const struct model_static *settings, struct ring *ring,
                        struct timerwheel *wheel, struct staples **out, struct err_text *why)
{
    *out = NULL;
    if (!settings->has_ocsp)
        return ERR_OK;
    struct staples *staples = calloc(1, sizeof(*staples));
    if (staples == NULL)
        return err_set(why, ERR_NOMEM, "out of memory");
    *staples = (struct staples){.settings = settings, .ring = ring, .wheel = wheel};
    strmap_init(&staples->entries);
    op_init(&staples->done, on_done);
    enum err error = fetch_create(&staples->fetch, why);
    if (error == ERR_OK)
        error = staple_cache_prepare(settings->weir.ocsp_cache, why);
    if (error != ERR_OK) {
        staples_destroy(staples);
        return error;
    }
    wait_for_done(staples);
    *out = staples;
    return ERR_OK;
}

void staples_destroy(struct staples *staples)
{
    if (staples == NULL)
        return;
    fetch_destroy(staples->fetch);
    strmap_for_each(&staples->entries, slot)
        entry_destroy(slot->value);
    strmap_finish(&staples->entries);
    free(staples);
}
