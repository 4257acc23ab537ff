/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The three sources of the static configuration are tried in Traefik's order
 * and the first that exists is used. Texts are read by the format that their
 * name ends in; anything else than .toml is YAML. In dynamic files a Go
 * template action is refused with a message of its own, because the YAML and
 * TOML errors that it causes say nothing to anybody.
 */
#include "config/load.h"

#include "config/dynamic_build.h"
#include "config/source.h"
#include "config/static_build.h"
#include "config/template.h"
#include "config/toml.h"
#include "config/yaml.h"
#include "core/base/limits.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

static enum err parse_text(const struct config_text *text, struct node_tree *tree,
                           struct diagnostics *diagnostics)
{
    TRY(node_tree_init(tree, text->name));
    if (text->text.len > LIMIT_CONFIG_FILE) {
        diagnostics_add(diagnostics, SEVERITY_ERROR, (struct source_mark){text->name, 0, 0}, "",
                        "the file is bigger than %d MiB", LIMIT_CONFIG_FILE >> 20);
        return ERR_LIMIT;
    }
    if (span_ends_with(span_cstr(text->name), SPAN(".toml")))
        return toml_parse(text->text, tree, diagnostics);
    return yaml_parse(text->text, tree, diagnostics);
}

/* What is said of the configuration is in the diagnostics; the caller only
 * needs to know that it cannot be used. */
static enum err invalid_or(enum err error)
{
    return error == ERR_SYNTAX || error == ERR_LIMIT ? ERR_INVALID : error;
}

enum err config_parse_static(const struct config_text *text, struct diagnostics *diagnostics,
                             struct model_static **out)
{
    struct node_tree tree;
    enum err error = parse_text(text, &tree, diagnostics);
    if (error == ERR_OK)
        error = static_build(tree.root, span_cstr(text->name), diagnostics, out);
    node_tree_finish(&tree);
    return invalid_or(error);
}

/* ---- the static sources ---- */

static enum err read_failed(const char *path, struct diagnostics *diagnostics)
{
    diagnostics_add(diagnostics, SEVERITY_ERROR, (struct source_mark){path, 0, 0}, "",
                    "the configuration file cannot be read: %s", strerror(errno));
    return ERR_INVALID;
}

static enum err read_stream(FILE *file, const char *path, struct diagnostics *diagnostics,
                            char **bytes, size_t *length)
{
    struct stat status;
    if (fstat(fileno(file), &status) != 0)
        return read_failed(path, diagnostics);
    if (!S_ISREG(status.st_mode) && !S_ISFIFO(status.st_mode)) {
        errno = S_ISDIR(status.st_mode) ? EISDIR : EINVAL;
        return read_failed(path, diagnostics);
    }
    size_t used = 0, capacity = S_ISREG(status.st_mode) ? (size_t)status.st_size + 1 : 65536;
    char *buffer = malloc(capacity);
    while (buffer != NULL && used <= LIMIT_CONFIG_FILE) {
        used += fread(buffer + used, 1, capacity - used, file);
        if (used < capacity)
            break;
        capacity *= 2;
        char *bigger = realloc(buffer, capacity);
        if (bigger == NULL)
            free(buffer);
        buffer = bigger;
    }
    if (buffer == NULL)
        return ERR_NOMEM;
    if (ferror(file)) {
        free(buffer);
        return read_failed(path, diagnostics);
    }
    *bytes = buffer;
    *length = used;
    return ERR_OK;
}

static enum err load_file(const char *path, struct diagnostics *diagnostics,
                          struct model_static **out)
{
    char *bytes;
    size_t length;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return read_failed(path, diagnostics);
    enum err error = read_stream(file, path, diagnostics, &bytes, &length);
    fclose(file);
    if (error != ERR_OK)
        return error;
    struct config_text text = {path, span_make(bytes, length)};
    error = config_parse_static(&text, diagnostics, out);
    free(bytes);
    return error;
}

static void warn_of_ignored_flags(const struct node_tree *flags, const char *path,
                                  struct diagnostics *diagnostics)
{
    if (flags->root != NULL)
        diagnostics_add(diagnostics, SEVERITY_WARNING,
                        (struct source_mark){flags->file, 0, 0}, "",
                        "the flags are ignored, because there is the configuration file %s",
                        path);
}

static enum err load_first(struct node_tree *flags, struct node_tree *variables,
                           struct span config_file, char *const *environment,
                           struct diagnostics *diagnostics, bool *found,
                           struct model_static **out)
{
    const char *path = config_file.ptr != NULL ? arena_cstr(&flags->arena, config_file)
                                               : source_find_file(environment, &flags->arena);
    *found = true;
    if (path != NULL && path[0] != '\0') {
        warn_of_ignored_flags(flags, path, diagnostics);
        return load_file(path, diagnostics, out);
    }
    if (flags->root != NULL)
        return static_build(flags->root, SPAN("command line"), diagnostics, out);
    TRY(source_read_environment(environment, variables, diagnostics));
    if (variables->root != NULL)
        return static_build(variables->root, SPAN("environment"), diagnostics, out);
    *found = false;
    return static_build(NULL, SPAN(""), diagnostics, out);
}

enum err config_load_static(int arg_count, char *const *args, char *const *environment,
                            struct diagnostics *diagnostics, bool *found,
                            struct model_static **out)
{
    struct node_tree flags, variables;
    struct span config_file;
    enum err error = node_tree_init(&flags, "command line");
    enum err second = node_tree_init(&variables, "environment");
    if (error == ERR_OK)
        error = second;
    if (error == ERR_OK)
        error = source_read_flags(arg_count, args, &flags, diagnostics, &config_file);
    if (error == ERR_OK)
        error = load_first(&flags, &variables, config_file, environment, diagnostics, found, out);
    node_tree_finish(&flags);
    node_tree_finish(&variables);
    return invalid_or(error);
}

/* ---- the dynamic configuration ---- */

/* Parses one file; a template in it replaces whatever else is wrong with it. */
static enum err parse_dynamic(const struct config_text *text, struct node_tree *tree,
                              struct diagnostics *diagnostics)
{
    struct diagnostics own;
    diagnostics_init(&own);
    enum err error = parse_text(text, tree, &own);
    struct source_mark mark;
    bool templated = error == ERR_SYNTAX ? template_in_text(text->name, text->text, &mark)
                                         : error == ERR_OK && template_in_tree(tree->root, &mark);
    if (templated) {
        diagnostics_add(diagnostics, SEVERITY_ERROR, mark, "",
                        "Go templates ({{ … }}) are not supported yet; write the values out");
        error = ERR_SYNTAX;
    } else {
        for (size_t i = 0; i < own.count; i++)
            diagnostics_add(diagnostics, own.items[i].severity, own.items[i].mark,
                            own.items[i].key, "%s", own.items[i].message);
    }
    diagnostics_finish(&own);
    return error;
}

static enum err build_dynamic(const struct model_static *model, const struct node_tree *trees,
                              size_t count, struct diagnostics *diagnostics,
                              struct model_dynamic **out)
{
    struct node_tree merged;
    enum err error = node_tree_init(&merged, "");
    if (error == ERR_OK)
        error = dynamic_merge(&merged, trees, count, diagnostics);
    if (error == ERR_OK)
        error = dynamic_build(model, merged.root, diagnostics, out);
    node_tree_finish(&merged);
    return error;
}

enum err config_parse_dynamic(const struct model_static *model, const struct config_text *texts,
                              size_t text_count, struct diagnostics *diagnostics,
                              struct model_dynamic **out)
{
    struct node_tree *trees = calloc(text_count + 1, sizeof(*trees));
    if (trees == NULL)
        return ERR_NOMEM;
    enum err result = ERR_OK;
    size_t parsed = 0;
    while (parsed < text_count && result != ERR_NOMEM) {
        enum err error = parse_dynamic(&texts[parsed], &trees[parsed], diagnostics);
        parsed++;
        if (error != ERR_OK)
            result = error;
    }
    if (result == ERR_OK)
        result = build_dynamic(model, trees, text_count, diagnostics, out);
    for (size_t i = 0; i < parsed; i++)
        node_tree_finish(&trees[i]);
    free(trees);
    return invalid_or(result);
}
