/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Fails every allocation of ours in turn, from the reader of the text to the
 * finished model: the answer is either the full result or ERR_NOMEM (or an
 * error in the findings), never a crash, a leak or a half model. The library
 * that reads YAML allocates for itself and is not touched.
 */
#include "fixture.h"

#include <stdint.h>

static size_t allocations, fail_at;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strdup(const char *text);

static bool fails(void)
{
    return fail_at > 0 && ++allocations == fail_at;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return fails() ? NULL : __real_realloc(old, size);
}

char *__wrap_strdup(const char *text)
{
    return fails() ? NULL : __real_strdup(text);
}

/* Arenas take few and big blocks, so what they hand out fails on its own. */
void *__real_arena_alloc(struct arena *arena, size_t size);
char *__real_arena_bytes(struct arena *arena, size_t size);
struct span __real_arena_span(struct arena *arena, struct span bytes);
const char *__real_arena_cstr(struct arena *arena, struct span bytes);
void *__wrap_arena_alloc(struct arena *arena, size_t size);
char *__wrap_arena_bytes(struct arena *arena, size_t size);
struct span __wrap_arena_span(struct arena *arena, struct span bytes);
const char *__wrap_arena_cstr(struct arena *arena, struct span bytes);

void *__wrap_arena_alloc(struct arena *arena, size_t size)
{
    return fails() ? NULL : __real_arena_alloc(arena, size);
}

char *__wrap_arena_bytes(struct arena *arena, size_t size)
{
    return fails() ? NULL : __real_arena_bytes(arena, size);
}

struct span __wrap_arena_span(struct arena *arena, struct span bytes)
{
    return fails() ? SPAN_EMPTY : __real_arena_span(arena, bytes);
}

const char *__wrap_arena_cstr(struct arena *arena, struct span bytes)
{
    return fails() ? NULL : __real_arena_cstr(arena, bytes);
}

#define STATIC_YAML                                                                          \
    "entryPoints:\n  web: {address: ':80', http: {redirections: {entryPoint: {to: s}}}}\n"     \
    "  s: {address: ':443', http: {tls: {domains: [{main: a, sans: [b]}]}, middlewares: "       \
    "[m@file]}, forwardedHeaders: {trustedIPs: [10.0.0.0/8]}}\n"                              \
    "api: {insecure: true}\nping: {}\nmetrics: {prometheus: {}}\n"                            \
    "serversTransport: {rootCAs: [a]}\n"                                                      \
    "certificatesResolvers: {le: {acme: {email: e}}}\n"                                       \
    "accessLog: {fields: {names: {a: keep}}}\nlog: {level: nonsense}\n"
#define DYNAMIC_YAML                                                                         \
    "http:\n  routers:\n    r: {rule: R, service: s, middlewares: [m, gone]}\n"               \
    "  services: {s: {loadBalancer: {servers: [{url: 'http://a'}]}}, w: {weighted: {services: " \
    "[{name: s}]}}}\n  middlewares: {m: {redirectScheme: {scheme: https}}}\n"                  \
    "  serversTransports: {t: {rootCAs: [x], certificates: [{certFile: a, keyFile: b}]}}\n"   \
    "tls: {certificates: [{certFile: a, keyFile: b}], options: {o: {sniStrict: true}}}\n"
#define STATIC_TOML                                                                          \
    "[entryPoints.web]\naddress = \":80\"\n[entryPoints.web.http.redirections.entryPoint]\n"  \
    "to = \":443\"\n[api]\ninsecure = true\n"
#define DYNAMIC_TOML                                                                         \
    "[http.routers.r]\nrule = \"\"\"x\"\"\"\nservice = 's'\n[http.services.s.loadBalancer]\n"  \
    "[[http.services.s.loadBalancer.servers]]\nurl = \"http://a\\u0041\"\n"                    \
    "[http.routers]\nq = { rule = \"Q\", service = \"gone\" }\n"

/* Everything once, with the allocation number `at` failing; 0: none. */
static enum err run(const char *format, const char *static_text, const char *dynamic_text,
                    size_t at, bool *complete)
{
    struct loaded loaded = {.error = ERR_OK};
    char name[16];
    snprintf(name, sizeof(name), "s.%s", format);
    struct config_text text = {name, span_cstr(static_text)};
    struct config_text dynamic = {name, span_cstr(dynamic_text)};
    diagnostics_init(&loaded.diagnostics);
    allocations = 0;
    fail_at = at;
    loaded.error = config_parse_static(&text, &loaded.diagnostics, &loaded.model);
    if (loaded.error == ERR_OK)
        loaded.error = config_parse_dynamic(loaded.model, &dynamic, 1, &loaded.diagnostics,
                                            &loaded.dynamic);
    *complete = at > 0 && allocations < at;
    fail_at = 0;
    if (loaded.error != ERR_OK)
        assert_null(loaded.dynamic);
    enum err error = loaded.error;
    loaded_finish(&loaded);
    return error;
}

static void fail_each(const char *format, const char *static_text, const char *dynamic_text,
                      enum err whole)
{
    bool complete;
    enum err untouched = run(format, static_text, dynamic_text, 0, &complete);
    assert_string_equal(err_name(untouched), err_name(whole));
    for (size_t at = 1;; at++) {
        enum err error = run(format, static_text, dynamic_text, at, &complete);
        if (complete) {
            assert_int_equal(error, whole);
            assert_true(at > 30);
            return;
        }
        /* A lost finding is no failure of its own: the result may be whole. */
        if (error != whole && error != ERR_NOMEM)
            fail_msg("allocation %zu: %s", at, err_name(error));
    }
}

static void yaml_survives_every_failed_allocation(void **state)
{
    (void)state;
    fail_each("yml", STATIC_YAML, DYNAMIC_YAML, ERR_INVALID);
    char good[2048];
    strcpy(good, STATIC_YAML);
    strstr(good, "nonsense")[0] = '\0';
    strcat(good, "INFO}\n");
    fail_each("yml", good, DYNAMIC_YAML, ERR_OK);
}

static void toml_survives_every_failed_allocation(void **state)
{
    (void)state;
    fail_each("toml", STATIC_TOML, DYNAMIC_TOML, ERR_OK);
    fail_each("toml", STATIC_TOML "[api]\n", "", ERR_INVALID);
}

static void flags_survive_every_failed_allocation(void **state)
{
    (void)state;
    char *const args[] = {"--entryPoints.web.address=:80",
                          "--entryPoints.web.http.tls.domains[1].main=x",
                          "--entryPoints.web.http.middlewares=a",
                          "--entryPoints.web.http.middlewares=b", "--api.insecure", NULL};
    char *const variables[] = {"TRAEFIK_PING=true", "TRAEFIK_ENTRYPOINTS_A_ADDRESS=:1", NULL};
    for (int count = 0; count <= 5; count += 5) {
        for (size_t at = 1;; at++) {
            struct diagnostics diagnostics;
            struct model_static *model = NULL;
            bool found;
            diagnostics_init(&diagnostics);
            allocations = 0;
            fail_at = at;
            enum err error =
                config_load_static(count, args, variables, &diagnostics, &found, &model);
            bool complete = allocations < at;
            fail_at = 0;
            assert_true(error == ERR_OK || error == ERR_NOMEM);
            model_static_destroy(model);
            diagnostics_finish(&diagnostics);
            if (complete)
                break;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(yaml_survives_every_failed_allocation),
        cmocka_unit_test(toml_survives_every_failed_allocation),
        cmocka_unit_test(flags_survive_every_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
