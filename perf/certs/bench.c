/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What certificates cost: loading them, keeping them, and finding the one for a
 * name. Prints a table, and JSON with --json.
 *
 *     weir-bench-certs [--json FILE] [COUNT…]        (1000 10000 100000)
 *
 * Look-ups wait for one another (the next name depends on the last answer), so
 * what is measured is the time until the answer is there. The names come in a
 * random order from all certificates. To miss the selection cache the epoch is
 * another one each time; the cache is as large as a worker's.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "core/base/hash.h"
#include "perf/certs/generate.h"
#include "perf/certs/memory.h"
#include "tls/cert_cache.h"
#include "tls/selfsigned.h"

#define CACHE_ENTRIES 4096
#define LOOKUPS 200000
#define ROUNDS 9
#define HOT_NAMES 256

struct result {
    size_t count;
    double load_us, index_us; /* for each certificate */
    double heap_bytes, index_bytes, der_bytes, resident_bytes;
    double miss_exact_ns, miss_wildcard_ns, miss_unknown_ns, hit_ns;
};

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void fail(const char *what, enum err error, const struct err_text *why)
{
    fprintf(stderr, "%s: %s %s\n", what, err_name(error), why->text);
    exit(1);
}

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state >> 11;
}

/* ---- names to ask for ---- */

struct names {
    struct span list[LOOKUPS];
    char text[LOOKUPS][64];
};

enum kind { EXACT, WILDCARD, UNKNOWN, HOT };

static void choose_names(struct names *names, enum kind kind, size_t certs)
{
    uint64_t random = 88172645463325252 + kind;
    for (size_t i = 0; i < LOOKUPS; i++) {
        size_t cert = next_random(&random) % certs;
        size_t len;
        if (kind == WILDCARD)
            len = generate_wildcard_name(cert / 10 * 10, names->text[i]);
        else if (kind == UNKNOWN)
            len = (size_t)snprintf(names->text[i], 64, "x%zu.unknown.example", cert);
        else
            len = generate_exact_name(kind == HOT ? i % HOT_NAMES % certs : cert, names->text[i]);
        names->list[i] = span_make(names->text[i], len);
    }
}

/* ---- measuring ---- */

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Nanoseconds for each look-up, the median of the rounds. */
static double measure_lookups(const struct names *names, struct cert_cache *cache,
                              const struct cert_index *index, bool hit, bool expect_known)
{
    double rounds[ROUNDS];
    uint64_t epoch = 1;
    for (size_t round = 0; round < ROUNDS; round++) {
        size_t at = 0, answered = 0;
        int64_t start = now_ns();
        for (size_t i = 0; i < LOOKUPS; i++) {
            bool known;
            const struct cert_set *set =
                cert_cache_select(cache, index, epoch, names->list[at], 1, &known);
            answered += known == expect_known;
            epoch += !hit;
            /* Never true; but the processor has to see the answer to know where to go on. */
            at = i + 1 + (set->by_type[CERT_KEY_ECDSA_P256] == NULL);
        }
        rounds[round] = (double)(now_ns() - start) / LOOKUPS;
        if (answered != LOOKUPS) {
            fprintf(stderr, "a look-up gave the wrong answer\n");
            exit(1);
        }
    }
    qsort(rounds, ROUNDS, sizeof(rounds[0]), compare_doubles);
    return rounds[ROUNDS / 2];
}

static void measure_selection(const struct cert_index *index, struct result *result)
{
    static struct names names;
    struct cert_cache *cache;
    enum err error = cert_cache_create(CACHE_ENTRIES, &cache);
    if (error != ERR_OK)
        fail("cache", error, &(struct err_text){""});
    choose_names(&names, EXACT, result->count);
    result->miss_exact_ns = measure_lookups(&names, cache, index, false, true);
    choose_names(&names, WILDCARD, result->count);
    result->miss_wildcard_ns = measure_lookups(&names, cache, index, false, true);
    choose_names(&names, UNKNOWN, result->count);
    result->miss_unknown_ns = measure_lookups(&names, cache, index, false, false);
    choose_names(&names, HOT, result->count);
    result->hit_ns = measure_lookups(&names, cache, index, true, true);
    cert_cache_destroy(cache);
}

static struct cert **load_all(const struct generated *texts, struct result *result)
{
    struct err_text why = {""};
    struct cert **certs = calloc(result->count, sizeof(*certs));
    int64_t start = now_ns();
    for (size_t i = 0; i < result->count; i++) {
        enum err error = cert_load(texts[i].cert_pem, texts[i].key_pem, &certs[i], &why);
        if (error != ERR_OK)
            fail("cert_load", error, &why);
    }
    result->load_us = (double)(now_ns() - start) / 1000 / (double)result->count;
    for (size_t i = 0; i < result->count; i++)
        result->der_bytes += (double)(certs[i]->chain.len + certs[i]->key.len);
    return certs;
}

static struct cert_index *build_index(struct cert **certs, struct cert *default_cert,
                                      struct result *result)
{
    struct cert_index *index;
    struct cert_set set = {.by_type = {[CERT_KEY_ECDSA_P256] = default_cert}};
    size_t duplicates;
    int64_t start = now_ns();
    enum err error = cert_index_create(certs, result->count, &set, 0, NULL, &duplicates, &index);
    if (error != ERR_OK || duplicates > 0)
        fail("cert_index_create", error, &(struct err_text){"or duplicates"});
    result->index_us = (double)(now_ns() - start) / 1000 / (double)result->count;
    struct cert_index_stats stats;
    cert_index_stats(index, &stats);
    result->index_bytes = (double)stats.bytes;
    return index;
}

static struct result measure(const struct generated *texts, size_t count,
                             struct cert *default_cert)
{
    struct result result = {.count = count};
    struct memory before = memory_now();
    struct cert **certs = load_all(texts, &result);
    struct cert_index *index = build_index(certs, default_cert, &result);
    for (size_t i = 0; i < count; i++)
        cert_unref(certs[i]); /* the index holds them */
    free(certs);
    struct memory after = memory_now();
    result.heap_bytes = (double)(after.heap - before.heap) / (double)count;
    result.resident_bytes = (double)(after.resident - before.resident) / (double)count;
    result.index_bytes /= (double)count;
    result.der_bytes /= (double)count;
    measure_selection(index, &result);
    cert_index_destroy(index);
    return result;
}

/* ---- reporting ---- */

static void print_table(const struct result *results, size_t count)
{
    printf("%8s %8s %8s | %8s %8s %8s %8s | %8s %8s %8s %8s\n", "certs", "load us", "index us",
           "heap B", "RSS B", "DER B", "index B", "exact ns", "wild ns", "none ns", "hit ns");
    for (size_t i = 0; i < count; i++) {
        const struct result *r = &results[i];
        printf("%8zu %8.2f %8.2f | %8.0f %8.0f %8.0f %8.0f | %8.0f %8.0f %8.0f %8.1f\n", r->count,
               r->load_us, r->index_us, r->heap_bytes, r->resident_bytes, r->der_bytes,
               r->index_bytes, r->miss_exact_ns, r->miss_wildcard_ns, r->miss_unknown_ns,
               r->hit_ns);
    }
    printf("all per certificate; load us is beside reading the file; targets: load + index <= 60 "
           "us, heap <= 5,000 B, exact, wild and none <= 300 ns, hit <= 60 ns\n");
}

static void write_json(FILE *file, const struct result *results, size_t count)
{
    fprintf(file, "{\"benchmark\": \"certs\", \"wolfssl\": \"%s\", \"allocator\": \"%s\",\n",
            WEIR_WOLFSSL_VERSION, memory_allocator());
    fprintf(file, " \"lookups\": %d, \"rounds\": %d, \"cache_entries\": %d, \"results\": [\n",
            LOOKUPS, ROUNDS, CACHE_ENTRIES);
    for (size_t i = 0; i < count; i++) {
        const struct result *r = &results[i];
        fprintf(file,
                "  {\"certs\": %zu, \"load_us\": %.2f, \"index_us\": %.2f, \"heap_bytes\": %.0f, "
                "\"resident_bytes\": %.0f, \"der_bytes\": %.0f, \"index_bytes\": %.0f, "
                "\"miss_exact_ns\": %.0f, \"miss_wildcard_ns\": %.0f, \"miss_unknown_ns\": %.0f, "
                "\"hit_ns\": %.1f}%s\n",
                r->count, r->load_us, r->index_us, r->heap_bytes, r->resident_bytes, r->der_bytes,
                r->index_bytes, r->miss_exact_ns, r->miss_wildcard_ns, r->miss_unknown_ns,
                r->hit_ns, i + 1 < count ? "," : "");
    }
    fprintf(file, " ]}\n");
}

static void save_json(const char *path, const struct result *results, size_t count)
{
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        perror(path);
        exit(1);
    }
    write_json(file, results, count);
    fclose(file);
}

int main(int argc, char **argv)
{
    size_t counts[16] = {1000, 10000, 100000}, count = 3, given = 0, most = 0;
    const char *json = NULL;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0 && i + 1 < argc)
            json = argv[++i];
        else if (given < 16)
            counts[given++] = strtoul(argv[i], NULL, 10);
    }
    count = given > 0 ? given : count;
    for (size_t i = 0; i < count; i++)
        most = counts[i] > most ? counts[i] : most;

    struct result results[16];
    struct err_text why = {""};
    struct cert *default_cert;
    hash_seed_init();
    fprintf(stderr, "making %zu certificates\n", most);
    const struct generated *texts = generate_certs(most);
    enum err error = selfsigned_create(CERT_KEY_ECDSA_P256, time(NULL), &default_cert, &why);
    if (error != ERR_OK)
        fail("selfsigned_create", error, &why);
    for (size_t i = 0; i < count; i++)
        results[i] = measure(texts, counts[i], default_cert);
    cert_unref(default_cert);
    print_table(results, count);
    if (json != NULL)
        save_json(json, results, count);
    return 0;
}
