/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Those of the index in the order of their store keys, then the default ones.
 * Only the ones on the page are parsed.
 */
#include "core/admin/api_certificates.h"

#include "core/admin/api_list.h"
#include "core/base/clock.h"
#include "core/http/uri.h"

#include <stdlib.h>
#include <time.h>

#define SOON_S (30 * 24 * 3600) /* a month before the end nobody has renewed it */

struct item {
    const struct cert *cert;
    bool is_default;
};

/* Traefik's word, and ours. */
struct state {
    const char *status, *validity;
};

static struct state state_of(const struct cert *cert, int64_t now_s)
{
    switch (cert_validity(cert, now_s)) {
    case CERT_EXPIRED:
        return (struct state){"expired", "expired"};
    case CERT_NOT_YET_VALID:
        return (struct state){"warning", "notYetValid"};
    case CERT_VALID:
        break;
    }
    if (cert->not_after_s - now_s < SOON_S)
        return (struct state){"warning", "expiresSoon"};
    return (struct state){"enabled", "valid"};
}

static int64_t now_seconds(void)
{
    return clock_wall_ns() / NS_PER_S;
}

static void write_time(struct json *json, const char *name, int64_t unix_s)
{
    /* Not by clock_format_rfc3339: a certificate may end in the year 9999. */
    char text[CLOCK_RFC3339_SIZE] = "";
    struct tm fields;
    time_t seconds = unix_s;
    if (gmtime_r(&seconds, &fields) != NULL)
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &fields);
    json_field_cstr(json, name, text);
}

static void write_names(struct json *json, const struct cert *cert)
{
    struct span rest = cert->store_key, name;
    json_write_key(json, SPAN("sans"));
    json_begin_array(json);
    while (rest.len > 0) {
        rest = span_split(rest, ',', &name);
        json_write_string(json, name);
    }
    json_end_array(json);
}

static void write_description(struct json *json, const struct cert *cert)
{
    struct cert_description description;
    if (cert_describe(cert, &description) != ERR_OK)
        return; /* no memory: the rest is true without it */
    json_field_cstr(json, "serialNumber", description.serial);
    json_field_cstr(json, "commonName", description.subject_cn);
    json_field_cstr(json, "issuerCN", description.issuer_cn);
    cert_description_finish(&description);
}

/* The store key holds the common name too: Traefik's `sans` does not, ours may. */
static void write_item(struct json *json, const struct snapshot *snapshot,
                       const struct item *item, int64_t now_s)
{
    const struct cert *cert = item->cert;
    char fingerprint[CERT_FINGERPRINT_SIZE];
    struct state state = state_of(cert, now_s);
    cert_fingerprint(cert, fingerprint);
    json_begin_object(json);
    json_field_cstr(json, "name", fingerprint);
    write_names(json, cert);
    write_time(json, "notAfter", cert->not_after_s);
    write_time(json, "notBefore", cert->not_before_s);
    write_description(json, cert);
    json_field_cstr(json, "keyType", cert_key_type_name(cert->key_type));
    json_field_cstr(json, "certFingerprint", fingerprint);
    json_field_cstr(json, "status", state.status);
    json_field_cstr(json, "validity", state.validity);
    json_field_cstr(json, "source", cert->source != NULL     ? cert->source
                                    : cert->generated        ? "generated"
                                    : cert->resolver != NULL ? "acme"
                                                             : "inline");
    if (cert->resolver != NULL)
        json_field_cstr(json, "resolver", cert->resolver);
    json_field_cstr(json, "store", "default");
    json_field_bool(json, "default", item->is_default);
    json_field_bool(json, "used", item->is_default || cert_index_uses(snapshot->certs, cert));
    json_field_uint(json, "served", cert_served(cert));
    json_end_object(json);
}

/* ---- which ---- */

static size_t gather(const struct snapshot *snapshot, struct item **out)
{
    struct cert_index_stats stats;
    cert_index_stats(snapshot->certs, &stats);
    struct item *items = calloc(stats.certs + CERT_INDEX_KEY_TYPES, sizeof(*items));
    size_t count = 0;
    *out = items;
    if (items == NULL)
        return 0;
    for (size_t i = 0; i < stats.certs; i++)
        items[count++].cert = cert_index_at(snapshot->certs, i);
    const struct cert_set *fallback = cert_index_default(snapshot->certs);
    for (size_t type = 0; type < CERT_INDEX_KEY_TYPES; type++) {
        if (fallback->by_type[type] != NULL)
            items[count++] = (struct item){fallback->by_type[type], true};
    }
    return count;
}

static size_t keep(const struct api_criterion *criterion, struct item *items, size_t count)
{
    size_t kept = 0;
    int64_t now_s = now_seconds();
    for (size_t i = 0; i < count; i++) {
        struct span status = span_cstr(state_of(items[i].cert, now_s).status);
        if ((criterion->status.len == 0 || span_equal_nocase(criterion->status, status)) &&
            api_is_searched(criterion, items[i].cert->store_key))
            items[kept++] = items[i];
    }
    return kept;
}

static void list(struct api_request *request, struct item *items, size_t count)
{
    struct api_answer *answer = request->answer;
    struct api_criterion criterion;
    struct api_page page;
    struct err_text why = {""};
    if (api_criterion_parse(request->query, &request->arena, &criterion) != ERR_OK) {
        api_refuse(answer, 503, "out of memory");
        return;
    }
    if (api_page_of(&criterion, keep(&criterion, items, count), &page, &why) != ERR_OK) {
        api_refuse(answer, 400, why.text);
        return;
    }
    struct json json;
    int64_t now_s = now_seconds();
    json_init(&json, &answer->body, true);
    json_begin_array(&json);
    for (size_t i = page.begin; i < page.end; i++)
        write_item(&json, request->source->snapshot, &items[i], now_s);
    json_end_array(&json);
    answer->next_page = page.next;
    api_complete(answer, &json);
}

static void find(struct api_request *request, const struct item *items, size_t count,
                 struct span name)
{
    for (size_t i = 0; i < count; i++) {
        char fingerprint[CERT_FINGERPRINT_SIZE];
        cert_fingerprint(items[i].cert, fingerprint);
        if (!span_equal_nocase(name, span_cstr(fingerprint)))
            continue;
        struct json json;
        json_init(&json, &request->answer->body, true);
        write_item(&json, request->source->snapshot, &items[i], now_seconds());
        api_complete(request->answer, &json);
        return;
    }
    api_refuse_name(request->answer, "certificate", name);
}

void api_serve_certificates(struct api_request *request, struct span name)
{
    struct item *items;
    struct span id;
    size_t count = gather(request->source->snapshot, &items);
    if (items == NULL)
        api_refuse(request->answer, 503, "out of memory");
    else if (name.len == 0)
        list(request, items, count);
    else if (uri_decode(name, &request->arena, &id) != ERR_OK)
        api_refuse(request->answer, 400, "the name is not well encoded");
    else
        find(request, items, count, id);
    free(items);
}
