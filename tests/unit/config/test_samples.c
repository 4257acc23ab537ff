/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files as people write them, each as YAML and as TOML: both must load, give
 * the same model, and be told the same; of the YAML, exactly what stands in
 * NAME.findings.
 */
#include "fixture.h"

#include <stdio.h>

#ifndef SAMPLES
#error "SAMPLES is the folder of the samples"
#endif

#define POINTS                                                                               \
    "entryPoints: {web: {address: ':80'}, websecure: {address: ':443'}, postgres: {address: "  \
    "':5432'}}\n"
#define POINTS_TOML                                                                          \
    "[entryPoints]\nweb = {address = ':80'}\nwebsecure = {address = ':443'}\n"                 \
    "postgres = {address = ':5432'}\n"

static char *read_sample(const char *name, const char *format)
{
    char path[1024], *text = NULL;
    size_t length;
    snprintf(path, sizeof(path), "%s/%s.%s", SAMPLES, name, format);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        fail_msg("%s cannot be opened", path);
    FILE *out = open_memstream(&text, &length);
    for (int c = fgetc(file); c != EOF; c = fgetc(file))
        fputc(c, out);
    fclose(file);
    fclose(out);
    return text;
}

/* "severity: key: message" of each finding, sorted: the order of keys in a
 * file is its own. */
static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *told(const struct loaded *loaded)
{
    char *lines[DIAGNOSTICS_MAX], *text = NULL;
    size_t length;
    for (size_t i = 0; i < loaded->diagnostics.count; i++) {
        const struct diagnostic *item = &loaded->diagnostics.items[i];
        assert_true(item->mark.line > 0 && item->mark.column > 0);
        assert_true(asprintf(&lines[i], "%d %s: %s\n", item->severity, item->key,
                             item->message) > 0);
    }
    qsort(lines, loaded->diagnostics.count, sizeof(*lines), compare);
    FILE *out = open_memstream(&text, &length);
    for (size_t i = 0; i < loaded->diagnostics.count; i++) {
        fputs(lines[i], out);
        free(lines[i]);
    }
    fclose(out);
    return text;
}

struct sample {
    const char *name;
    bool is_static, is_dynamic;
};

static struct loaded load_sample(const struct sample *sample, const char *format)
{
    char *text = read_sample(sample->name, format);
    const char *points = strcmp(format, "toml") == 0 ? POINTS_TOML : POINTS;
    struct loaded loaded = load_texts(format, sample->is_static ? text : points,
                                      sample->is_dynamic ? text : NULL);
    if (loaded.error != ERR_OK) {
        char *all = findings(&loaded);
        fail_msg("%s.%s: %s\n%s", sample->name, format, err_name(loaded.error), all);
    }
    free(text);
    return loaded;
}

static void check_sample(const struct sample *sample)
{
    struct loaded yaml = load_sample(sample, "yml"), toml = load_sample(sample, "toml");
    char *want = read_sample(sample->name, "findings");
    assert_findings(&yaml, want);
    free(want);
    char *yaml_told = told(&yaml), *toml_told = told(&toml);
    assert_string_equal(yaml_told, toml_told);
    char *yaml_dump = dumped(&yaml), *toml_dump = dumped(&toml);
    assert_string_equal(yaml_dump, toml_dump);
    free(yaml_told);
    free(toml_told);
    free(yaml_dump);
    free(toml_dump);
    loaded_finish(&yaml);
    loaded_finish(&toml);
}

static const struct sample samples[] = {
    {"static-minimal", true, false},
    {"static-letsencrypt", true, false},
    {"static-observability", true, false},
    {"static-providers", true, false},
    {"static-everything-else", true, false},
    {"dynamic-simple", false, true},
    {"dynamic-services", false, true},
    {"dynamic-middlewares", false, true},
    {"dynamic-tls", false, true},
    {"dynamic-tcp", false, true},
    {"dynamic-case", false, true},
    {"combined", true, true},
};

static void every_sample_loads_the_same_from_yaml_and_toml(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(samples) / sizeof(*samples); i++) {
        print_message("%s\n", samples[i].name);
        check_sample(&samples[i]);
    }
}

/* A few values that must not be the same by both being wrong. */
static void the_samples_say_what_they_seem_to_say(void **state)
{
    (void)state;
    static const struct sample simple = {"dynamic-simple", false, true};
    struct loaded loaded = load_sample(&simple, "toml");
    char *got = dumped_part(&loaded, "http.services.api@file");
    assert_non_null(strstr(got, ".servers[0].url = \"https://[2001:db8::1]:8443/base\"\n"));
    assert_non_null(strstr(got, ".serversTransport = \"mtls@file\"\n"));
    assert_non_null(strstr(got, ".flushInterval = 10ms\n"));
    free(got);
    assert_span(router_named(&loaded, "old@file")->rule,
                "Host(`old.example.com`) || HostRegexp(`^.+\\.old\\.example\\.com$`)");
    const struct model_middleware *redirect =
        model_http_middleware(loaded.dynamic, SPAN("to-https@file"));
    assert_span(redirect->redirect_scheme.port, "8443");
    assert_true(redirect->redirect_scheme.permanent);
    loaded_finish(&loaded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_sample_loads_the_same_from_yaml_and_toml),
        cmocka_unit_test(the_samples_say_what_they_seem_to_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
