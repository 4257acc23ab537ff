/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Look-ups: a certificate among 256 certificates (by its name, by a wildcard, not there, and in
 * the selection cache), and a route among 1,000.
 */
#include "perf/micro/micro.h"

#include <stdlib.h>
#include <time.h>

#include "perf/certs/generate.h"
#include "perf/micro/routes.h"
#include "tls/cert_cache.h"
#include "tls/selfsigned.h"

#define CERTS 256
#define ROUTES 1000
#define CACHE_ENTRIES 4096

struct certs {
    struct cert_index *index;
    struct cert_cache *cache;
    uint64_t epoch;
    char text[64];
    struct span name;
    bool expected, known;
};

static struct certs *make_certs(bool expected)
{
    struct certs *certs = calloc(1, sizeof(*certs));
    const struct generated *texts = generate_certs(CERTS);
    struct cert *list[CERTS], *fallback;
    struct err_text why = {""};
    micro_require(certs != NULL, "memory");
    micro_require(selfsigned_create(CERT_KEY_ECDSA_P256, time(NULL), &fallback, &why) == ERR_OK,
                  "default certificate");
    for (size_t i = 0; i < CERTS; i++)
        micro_require(cert_load(texts[i].cert_pem, texts[i].key_pem, &list[i], &why) == ERR_OK,
                      "certificate");
    struct cert_set set = {.by_type = {[CERT_KEY_ECDSA_P256] = fallback}};
    micro_require(cert_index_create(list, CERTS, &set, 0, NULL, NULL, &certs->index) == ERR_OK &&
                      cert_cache_create(CACHE_ENTRIES, &certs->cache) == ERR_OK, "index");
    for (size_t i = 0; i < CERTS; i++)
        cert_unref(list[i]);
    cert_unref(fallback);
    certs->epoch = 1;
    certs->expected = expected;
    return certs;
}

static void *prepare_exact(void)
{
    struct certs *certs = make_certs(true);
    certs->name = span_make(certs->text, generate_exact_name(41, certs->text));
    return certs;
}

static void *prepare_wildcard(void)
{
    struct certs *certs = make_certs(true);
    certs->name = span_make(certs->text, generate_wildcard_name(40, certs->text));
    return certs;
}

static void *prepare_miss(void)
{
    struct certs *certs = make_certs(false);
    certs->name = SPAN("nobody.unknown.example");
    return certs;
}

static void select_cert(void *data)
{
    struct certs *certs = data;
    (void)cert_cache_select(certs->cache, certs->index, certs->epoch, certs->name, 1,
                            &certs->known);
}

static void cached(void *data)
{
    struct certs *certs = data;
    micro_measure(select_cert, certs);
    micro_require(certs->known == certs->expected, "another certificate than expected");
}

/* A new epoch makes what is cached stale. */
static void uncached(void *data)
{
    struct certs *certs = data;
    certs->epoch++;
    cached(data);
}

static void finish_certs(void *data)
{
    struct certs *certs = data;
    cert_cache_destroy(certs->cache);
    cert_index_destroy(certs->index);
    free(certs);
}

const struct micro micro_cert_exact = {"cert-exact", prepare_exact, uncached, finish_certs};
const struct micro micro_cert_wildcard = {"cert-wildcard", prepare_wildcard, uncached,
                                          finish_certs};
const struct micro micro_cert_miss = {"cert-miss", prepare_miss, uncached, finish_certs};
const struct micro micro_cert_cached = {"cert-cached", prepare_exact, cached, finish_certs};

/* ---- routes ---- */

struct match {
    struct routes *routes;
    struct http_request request;
    struct rule_facts facts;
    const struct route *found;
};

static struct match *make_match(struct span host, struct span path)
{
    struct match *match = calloc(1, sizeof(*match));
    micro_require(match != NULL, "memory");
    match->routes = routes_create(ROUTES);
    match->request = (struct http_request){.method = HTTP_METHOD_GET, .method_text = SPAN("GET"),
                                           .path = path, .host = host};
    match->facts = (struct rule_facts){.request = &match->request, .host = host, .path = path};
    return match;
}

static void *prepare_host(void)
{
    return make_match(SPAN("host-00042.example.org"), SPAN("/articles/2026"));
}

static void *prepare_complex(void)
{
    return make_match(SPAN("host-00007.example.org"), SPAN("/v2/articles"));
}

static void match_step(void *data)
{
    struct match *match = data;
    match->found = router_match(routes_table(match->routes), &match->facts);
}

static void match_route(void *data)
{
    struct match *match = data;
    micro_measure(match_step, match);
    micro_require(match->found != NULL, "no route");
}

static void finish_match(void *data)
{
    struct match *match = data;
    routes_destroy(match->routes);
    free(match);
}

const struct micro micro_rule_host = {"rule-host", prepare_host, match_route, finish_match};
const struct micro micro_rule_complex = {"rule-complex", prepare_complex, match_route,
                                         finish_match};
