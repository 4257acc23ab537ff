/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Each directory's wanted names are collected and sorted before anything is
 * descended into. Names that cannot matter are dropped while reading, so a
 * directory full of certificates costs its readdir and nothing more.
 */
#include "config/file_tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

struct scan {
    struct file_tree *tree;
    const struct file_tree_visitor *visitor;
    struct err_text *why;
};

struct item {
    char *name;
    bool is_directory;
};

struct item_list {
    struct item *items;
    size_t count, cap;
};

void file_tree_init(struct file_tree *tree)
{
    *tree = (struct file_tree){0};
}

void file_tree_finish(struct file_tree *tree)
{
    for (size_t i = 0; i < tree->count; i++)
        free(tree->paths[i]);
    free(tree->paths);
    *tree = (struct file_tree){0};
}

bool file_tree_equal(const struct file_tree *a, const struct file_tree *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (strcmp(a->paths[i], b->paths[i]) != 0)
            return false;
    return true;
}

bool file_tree_wants(struct span name, bool is_directory)
{
    if (name.len == 0 || name.ptr[0] == '.')
        return false;
    if (is_directory)
        return true;
    ptrdiff_t dot = span_find_last(name, '.');
    if (dot < 0)
        return false;
    struct span extension = span_skip(name, (size_t)dot);
    return span_equal_nocase(extension, SPAN(".yml")) ||
           span_equal_nocase(extension, SPAN(".yaml")) ||
           span_equal_nocase(extension, SPAN(".toml"));
}

enum err file_tree_add(struct file_tree *tree, const char *path)
{
    if (tree->count == tree->cap) {
        size_t cap = tree->cap ? tree->cap * 2 : 16;
        char **paths = realloc(tree->paths, cap * sizeof(*paths));
        if (paths == NULL)
            return ERR_NOMEM;
        tree->paths = paths;
        tree->cap = cap;
    }
    char *copy = strdup(path);
    if (copy == NULL)
        return ERR_NOMEM;
    tree->paths[tree->count++] = copy;
    return ERR_OK;
}

static enum err item_add(struct item_list *list, const char *name, bool is_directory)
{
    if (list->count == list->cap) {
        size_t cap = list->cap ? list->cap * 2 : 16;
        struct item *items = realloc(list->items, cap * sizeof(*items));
        if (items == NULL)
            return ERR_NOMEM;
        list->items = items;
        list->cap = cap;
    }
    char *copy = strdup(name);
    if (copy == NULL)
        return ERR_NOMEM;
    list->items[list->count++] = (struct item){copy, is_directory};
    return ERR_OK;
}

static void items_finish(struct item_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i].name);
    free(list->items);
}

static int item_compare(const void *a, const void *b)
{
    return strcmp(((const struct item *)a)->name, ((const struct item *)b)->name);
}

static bool entry_is_directory(int fd, const struct dirent *entry)
{
    if (entry->d_type != DT_UNKNOWN)
        return entry->d_type == DT_DIR;
    struct stat st;
    return fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

static enum err items_read(DIR *dir, struct item_list *list)
{
    for (;;) {
        errno = 0;
        struct dirent *entry = readdir(dir);
        if (entry == NULL)
            return errno == 0 ? ERR_OK : ERR_IO;
        if (entry->d_name[0] == '.')
            continue;
        bool is_directory = entry_is_directory(dirfd(dir), entry);
        if (!file_tree_wants(span_cstr(entry->d_name), is_directory))
            continue;
        if (list->count > FILE_TREE_MAX_FILES + FILE_TREE_MAX_DIRECTORIES)
            return ERR_LIMIT;
        TRY(item_add(list, entry->d_name, is_directory));
    }
}

static enum err directory_open(struct scan *scan, const char *path, DIR **out)
{
    DIR *dir = opendir(path);
    if (dir != NULL) {
        *out = dir;
        return ERR_OK;
    }
    switch (errno) {
    case ENOENT:
        return err_set(scan->why, ERR_NOTFOUND, "%s: no such directory", path);
    case ENOTDIR:
        return err_set(scan->why, ERR_INVALID, "%s: is not a directory", path);
    case EACCES:
        return err_set(scan->why, ERR_PERMISSION,
                       "%s: permission denied: make it readable for the user that runs weir", path);
    default:
        return err_set(scan->why, ERR_IO, "%s: cannot be listed: %s", path, strerror(errno));
    }
}

static enum err too_many(struct scan *scan, const char *path)
{
    return err_set(scan->why, ERR_LIMIT,
                   "%s: more than %d configuration files or %d directories, or deeper than %d "
                   "directories: name a smaller directory",
                   path, FILE_TREE_MAX_FILES, FILE_TREE_MAX_DIRECTORIES, FILE_TREE_MAX_DEPTH);
}

/* What a file vanished into between listing and here is not an error; what a
 * dangling link names is found missing when it is read. */
static bool file_is_taken(const char *path)
{
    struct stat st;
    if (stat(path, &st) == 0)
        return S_ISREG(st.st_mode);
    return lstat(path, &st) == 0;
}

static enum err scan_file(struct scan *scan, const char *path)
{
    if (scan->visitor != NULL)
        scan->visitor->file(scan->visitor->context, path);
    if (!file_is_taken(path))
        return ERR_OK;
    if (scan->tree->count == FILE_TREE_MAX_FILES)
        return too_many(scan, path);
    return file_tree_add(scan->tree, path);
}

static enum err scan_directory(struct scan *scan, const char *path, unsigned depth);

static enum err scan_items(struct scan *scan, const char *directory, const struct item_list *list,
                           unsigned depth)
{
    char path[PATH_MAX];
    size_t len = strlen(directory);
    const char *slash = len > 0 && directory[len - 1] == '/' ? "" : "/";
    for (size_t i = 0; i < list->count; i++) {
        const struct item *item = &list->items[i];
        int n = snprintf(path, sizeof(path), "%s%s%s", directory, slash, item->name);
        if (n < 0 || (size_t)n >= sizeof(path))
            return too_many(scan, directory);
        if (!item->is_directory) {
            TRY(scan_file(scan, path));
            continue;
        }
        enum err error = scan_directory(scan, path, depth + 1);
        if (error != ERR_OK && error != ERR_NOTFOUND)
            return error;
    }
    return ERR_OK;
}

static enum err scan_directory(struct scan *scan, const char *path, unsigned depth)
{
    if (depth > FILE_TREE_MAX_DEPTH || scan->tree->directories++ >= FILE_TREE_MAX_DIRECTORIES)
        return too_many(scan, path);
    if (scan->visitor != NULL)
        scan->visitor->directory(scan->visitor->context, path);
    DIR *dir = NULL;
    TRY(directory_open(scan, path, &dir));
    struct item_list list = {0};
    enum err error = items_read(dir, &list);
    closedir(dir);
    if (error == ERR_OK) {
        if (list.count > 0)
            qsort(list.items, list.count, sizeof(*list.items), item_compare);
        error = scan_items(scan, path, &list, depth);
    } else if (error == ERR_LIMIT) {
        error = too_many(scan, path);
    } else {
        error = err_set(scan->why, error, "%s: %s", path, err_message(error));
    }
    items_finish(&list);
    return error;
}

enum err file_tree_scan(struct file_tree *tree, const char *directory,
                        const struct file_tree_visitor *visitor, struct err_text *why)
{
    struct scan scan = {.tree = tree, .visitor = visitor, .why = why};
    enum err error = scan_directory(&scan, directory, 0);
    if (error == ERR_NOMEM)
        return err_set(why, error, "%s: out of memory", directory);
    return error;
}
