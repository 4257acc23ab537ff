/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The files to read are found by file_tree (a directory) or named (a file), and
 * are put into the watch's first group before they are read. The second group
 * is what watch_also names. An event in a listed directory leads to a new scan;
 * only another list of files counts as a change.
 */
#include "config/provider_file.h"

#include "config/content.h"
#include "config/file_tree.h"
#include "config/read_file.h"
#include "config/watch.h"
#include "core/base/limits.h"
#include "core/base/log.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

enum { GROUP_CONFIG, GROUP_ALSO };

/* The files of one reading, and what they said. */
struct reading {
    struct file_tree tree;
    struct config_text *texts; /* names are the tree's */
    size_t count;
    size_t bytes;
};

struct provider_file {
    char *filename;  /* NULL: a directory */
    char *directory; /* NULL: a file */
    struct watch *watch; /* NULL: nothing is watched */
    struct file_tree seen; /* the files of the last scan */
    enum err seen_error;
    struct reading reading;
};

static void reading_finish(struct reading *reading)
{
    for (size_t i = 0; i < reading->count; i++)
        read_file_release(&reading->texts[i].text);
    free(reading->texts);
    file_tree_finish(&reading->tree);
    *reading = (struct reading){0};
}

/* ---- which files ---------------------------------------------------------- */

static void watch_refused(const char *path, enum err error)
{
    log_warn("this configuration path is not watched", "path", path, "error", err_message(error));
}

static void scan_saw_directory(void *context, const char *path)
{
    struct provider_file *provider = context;
    enum err error = watch_set_listing(provider->watch, GROUP_CONFIG, span_cstr(path));
    if (error != ERR_OK)
        watch_refused(path, error);
}

static void scan_saw_file(void *context, const char *path)
{
    struct provider_file *provider = context;
    enum err error = watch_set_file(provider->watch, GROUP_CONFIG, span_cstr(path));
    if (error != ERR_OK)
        watch_refused(path, error);
}

static enum err provider_scan_directory(struct provider_file *provider, struct file_tree *tree,
                                        struct err_text *why)
{
    struct file_tree_visitor visitor = {
        .directory = scan_saw_directory,
        .file = scan_saw_file,
        .context = provider,
    };
    bool watched = provider->watch != NULL;
    enum err error = file_tree_scan(tree, provider->directory, watched ? &visitor : NULL, why);
    if (error == ERR_NOTFOUND)
        return err_set(why, error,
                       "%s: no such directory: create it, or correct providers.file.directory",
                       provider->directory);
    return error;
}

/* Without the end of the set when it failed: what was watched stays watched. */
static enum err provider_scan(struct provider_file *provider, struct file_tree *tree,
                              struct err_text *why)
{
    enum err error;
    if (provider->watch != NULL)
        watch_set_begin(provider->watch, GROUP_CONFIG);
    if (provider->directory != NULL) {
        error = provider_scan_directory(provider, tree, why);
    } else {
        if (provider->watch != NULL)
            scan_saw_file(provider, provider->filename);
        error = file_tree_add(tree, provider->filename);
    }
    if (provider->watch != NULL && error == ERR_OK)
        watch_set_end(provider->watch, GROUP_CONFIG);
    return error;
}

static void provider_remember(struct provider_file *provider, struct file_tree *tree,
                              enum err error)
{
    file_tree_finish(&provider->seen);
    provider->seen = *tree;
    provider->seen_error = error;
    file_tree_init(tree);
}

/* Whether a scan finds other files than the last one. */
static bool provider_scan_differs(struct provider_file *provider)
{
    struct file_tree tree;
    file_tree_init(&tree);
    enum err error = provider_scan(provider, &tree, NULL);
    bool differs = error != provider->seen_error || !file_tree_equal(&tree, &provider->seen);
    provider_remember(provider, &tree, error);
    file_tree_finish(&tree);
    return differs;
}

/* ---- reading -------------------------------------------------------------- */

static enum err reading_failed(const struct provider_file *provider, const char *path,
                               enum err error, struct err_text *why)
{
    if (error != ERR_NOTFOUND)
        return error;
    if (provider->directory != NULL)
        return err_set(why, error,
                       "%s: is a symbolic link to nothing: mend or remove it", path);
    return err_set(why, error, "%s: no such file: create it, or correct providers.file.filename",
                   path);
}

static enum err reading_add(struct reading *reading, const char *path, struct err_text *why)
{
    struct span text = SPAN_EMPTY;
    TRY(read_file(path, LIMIT_CONFIG_FILE, &text, why));
    reading->texts[reading->count++] = (struct config_text){.name = path, .text = text};
    reading->bytes += text.len;
    if (reading->bytes > PROVIDER_FILE_MAX_BYTES)
        return err_set(why, ERR_LIMIT, "%s: with this file the configuration exceeds %d MiB", path,
                       PROVIDER_FILE_MAX_BYTES >> 20);
    return ERR_OK;
}

static enum err provider_read_texts(struct provider_file *provider, struct reading *reading,
                                    struct err_text *why)
{
    TRY(provider_scan(provider, &reading->tree, why));
    reading->texts = calloc(reading->tree.count + 1, sizeof(*reading->texts));
    if (reading->texts == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < reading->tree.count; i++) {
        const char *path = reading->tree.paths[i];
        enum err error = reading_add(reading, path, why);
        if (error != ERR_OK)
            return reading_failed(provider, path, error, why);
    }
    return ERR_OK;
}

/* What later scans are compared with: the files of this one. */
static enum err provider_remember_reading(struct provider_file *provider,
                                          const struct reading *reading, enum err error)
{
    struct file_tree copy;
    file_tree_init(&copy);
    for (size_t i = 0; i < reading->tree.count; i++)
        if (file_tree_add(&copy, reading->tree.paths[i]) != ERR_OK)
            error = ERR_NOMEM;
    provider_remember(provider, &copy, error);
    return error;
}

enum err provider_file_read(struct provider_file *provider, const struct config_text **texts,
                            size_t *count, struct err_text *why)
{
    struct reading reading = {0};
    enum err error = provider_read_texts(provider, &reading, why);
    enum err scanned = reading.texts != NULL ? ERR_OK : error;
    if (provider_remember_reading(provider, &reading, scanned) == ERR_NOMEM)
        error = err_set(why, ERR_NOMEM, "the configuration files: out of memory");
    if (error != ERR_OK) {
        reading_finish(&reading);
        return error;
    }
    reading_finish(&provider->reading);
    provider->reading = reading;
    *texts = reading.texts;
    *count = reading.count;
    return ERR_OK;
}

/* ---- watching ------------------------------------------------------------- */

int provider_file_fd(const struct provider_file *provider)
{
    return provider->watch != NULL ? watch_fd(provider->watch) : -1;
}

bool provider_file_drain(struct provider_file *provider)
{
    if (provider->watch == NULL)
        return false;
    unsigned found = watch_drain(provider->watch);
    bool changed = (found & ~WATCH_NAMES_CHANGED) != 0;
    if ((found & WATCH_NAMES_CHANGED) && provider->directory != NULL &&
        provider_scan_differs(provider))
        changed = true;
    return changed;
}

static bool may_be_path(struct span value)
{
    return value.len > 0 && value.len < PATH_MAX && !content_is_inline(value) &&
           memchr(value.ptr, '\0', value.len) == NULL;
}

enum err provider_file_watch_also(struct provider_file *provider, const struct span *paths,
                                  size_t count)
{
    if (provider->watch == NULL)
        return ERR_OK;
    watch_set_begin(provider->watch, GROUP_ALSO);
    for (size_t i = 0; i < count; i++)
        if (may_be_path(paths[i]))
            TRY(watch_set_file(provider->watch, GROUP_ALSO, paths[i]));
    watch_set_end(provider->watch, GROUP_ALSO);
    return ERR_OK;
}

bool provider_file_changed(struct provider_file *provider, const struct span **paths,
                           size_t *count)
{
    return provider->watch != NULL && watch_changed(provider->watch, GROUP_ALSO, paths, count);
}

void provider_file_changed_done(struct provider_file *provider)
{
    if (provider->watch != NULL)
        watch_changed_done(provider->watch, GROUP_ALSO);
}

/* ---- life ----------------------------------------------------------------- */

static enum err provider_prepare(struct provider_file *provider, struct span filename,
                                 struct span directory, bool watch, struct err_text *why)
{
    if (directory.len > 0)
        provider->directory = span_dup(directory);
    else
        provider->filename = span_dup(filename);
    if (provider->directory == NULL && provider->filename == NULL)
        return err_set(why, ERR_NOMEM, "the file provider: out of memory");
    if (!watch)
        return ERR_OK;
    TRY(watch_create(file_tree_wants, WATCH_FILE_MARKS, &provider->watch, why));
    provider_scan_differs(provider);
    return ERR_OK;
}

enum err provider_file_create(struct span filename, struct span directory, bool watch,
                              struct provider_file **out, struct err_text *why)
{
    struct span path = directory.len > 0 ? directory : filename;
    if (path.len == 0 || path.len >= PATH_MAX || memchr(path.ptr, '\0', path.len) != NULL)
        return err_set(why, ERR_INVALID,
                       "providers.file needs a filename or a directory, shorter than %d bytes",
                       PATH_MAX);
    struct provider_file *provider = calloc(1, sizeof(*provider));
    if (provider == NULL)
        return err_set(why, ERR_NOMEM, "the file provider: out of memory");
    enum err error = provider_prepare(provider, filename, directory, watch, why);
    if (error != ERR_OK) {
        provider_file_destroy(provider);
        return error;
    }
    *out = provider;
    return ERR_OK;
}

void provider_file_destroy(struct provider_file *provider)
{
    if (provider == NULL)
        return;
    watch_destroy(provider->watch);
    reading_finish(&provider->reading);
    file_tree_finish(&provider->seen);
    free(provider->filename);
    free(provider->directory);
    free(provider);
}
