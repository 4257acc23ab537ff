/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fixture.h"

#include "config/dump.h"

#include <stdio.h>

/* Copied to its exact length, so that the sanitizer sees reads beyond it. */
static struct config_text copy_text(const char *name, const char *text)
{
    size_t length = strlen(text);
    char *bytes = malloc(length > 0 ? length : 1);
    assert_non_null(bytes);
    memcpy(bytes, text, length);
    return (struct config_text){name, span_make(bytes, length)};
}

static void load_static(struct loaded *loaded, const char *name, const char *text)
{
    struct config_text copy = copy_text(name, text);
    loaded->error = config_parse_static(&copy, &loaded->diagnostics, &loaded->model);
    free((char *)copy.text.ptr);
}

struct loaded load_texts(const char *format, const char *static_text, const char *dynamic_text)
{
    struct loaded loaded = {.error = ERR_OK};
    char name[16], dynamic_name[16];
    snprintf(name, sizeof(name), "s.%s", format);
    snprintf(dynamic_name, sizeof(dynamic_name), "d.%s", format);
    diagnostics_init(&loaded.diagnostics);
    load_static(&loaded, name, static_text ? static_text : "");
    if (loaded.error == ERR_OK && dynamic_text != NULL) {
        struct config_text copy = copy_text(dynamic_name, dynamic_text);
        loaded.error = config_parse_dynamic(loaded.model, &copy, 1, &loaded.diagnostics,
                                            &loaded.dynamic);
        free((char *)copy.text.ptr);
    }
    return loaded;
}

struct loaded load_files(const char *static_text, const char *const *texts, size_t count)
{
    static const char *const names[] = {"1.yml", "2.yml", "3.yml", "4.yml"};
    struct loaded loaded = {.error = ERR_OK};
    struct config_text copies[4];
    diagnostics_init(&loaded.diagnostics);
    load_static(&loaded, "s.yml", static_text ? static_text : "");
    assert_int_equal(loaded.error, ERR_OK);
    assert_true(count <= 4);
    for (size_t i = 0; i < count; i++)
        copies[i] = copy_text(names[i], texts[i]);
    loaded.error = config_parse_dynamic(loaded.model, copies, count, &loaded.diagnostics,
                                        &loaded.dynamic);
    for (size_t i = 0; i < count; i++)
        free((char *)copies[i].text.ptr);
    return loaded;
}

void loaded_finish(struct loaded *loaded)
{
    model_dynamic_destroy(loaded->dynamic);
    model_static_destroy(loaded->model);
    diagnostics_finish(&loaded->diagnostics);
}

char *findings(const struct loaded *loaded)
{
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    assert_non_null(out);
    diagnostics_print(&loaded->diagnostics, out);
    fclose(out);
    return text;
}

char *dumped(const struct loaded *loaded)
{
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    assert_non_null(out);
    if (loaded->model != NULL)
        dump_static(loaded->model, out);
    if (loaded->dynamic != NULL)
        dump_dynamic(loaded->dynamic, out);
    fclose(out);
    return text;
}

char *dumped_part(const struct loaded *loaded, const char *prefix)
{
    char *all = dumped(loaded), *part = NULL;
    size_t length, wanted = strlen(prefix);
    FILE *out = open_memstream(&part, &length);
    assert_non_null(out);
    for (char *line = all, *end; *line != '\0'; line = end + 1) {
        end = strchr(line, '\n');
        if (strncmp(line, prefix, wanted) == 0)
            fprintf(out, "%.*s\n", (int)(end - line), line);
    }
    fclose(out);
    free(all);
    return part;
}

void assert_findings(const struct loaded *loaded, const char *want)
{
    char *got = findings(loaded);
    assert_string_equal(got, want);
    free(got);
}

void assert_span(struct span got, const char *want)
{
    char text[4096];
    snprintf(text, sizeof(text), "%.*s", SPAN_ARG(got));
    assert_string_equal(text, want);
}

const struct model_router *router_named(const struct loaded *loaded, const char *name)
{
    const struct model_dynamic *dynamic = loaded->dynamic;
    assert_non_null(dynamic);
    for (size_t i = 0; i < dynamic->http_router_count; i++)
        if (span_equal(dynamic->http_routers[i].object.name, span_cstr(name)))
            return &dynamic->http_routers[i];
    for (size_t i = 0; i < dynamic->tcp_router_count; i++)
        if (span_equal(dynamic->tcp_routers[i].object.name, span_cstr(name)))
            return &dynamic->tcp_routers[i];
    fail_msg("there is no router %s", name);
    return NULL;
}
