/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The configuration files below a directory: recursive, in lexical order of the
 * names in each directory (a subdirectory's files come where its name sorts),
 * names ending in .yml .yaml .toml.
 *
 * A name that starts with '.' is skipped, directories too: editors' lock files,
 * and Kubernetes' `..data` and `..2024_…`, whose files are reached through the
 * symbolic links beside them. A symbolic link to a file counts, one to a
 * directory is not followed. Blocking; control thread.
 */
#ifndef WEIR_CONFIG_FILE_TREE_H
#define WEIR_CONFIG_FILE_TREE_H

#include "core/base/err.h"
#include "core/base/span.h"

#define FILE_TREE_MAX_FILES 10000
#define FILE_TREE_MAX_DIRECTORIES 10000
#define FILE_TREE_MAX_DEPTH 32

struct file_tree {
    char **paths;
    size_t count, cap;
    size_t directories; /* seen */
};

/* Hears of each directory before it is listed and of each file that is taken,
 * so that they are watched before they are looked at. May be NULL. */
struct file_tree_visitor {
    void (*directory)(void *context, const char *path);
    void (*file)(void *context, const char *path);
    void *context;
};

void file_tree_init(struct file_tree *tree);
void file_tree_finish(struct file_tree *tree);
/* Fills an empty tree. ERR_NOTFOUND, ERR_PERMISSION, ERR_INVALID (no
 * directory), ERR_LIMIT, ERR_IO, ERR_NOMEM; the tree is to be finished then. */
MUST_USE enum err file_tree_scan(struct file_tree *tree, const char *directory,
                                 const struct file_tree_visitor *visitor, struct err_text *why);
bool file_tree_equal(const struct file_tree *a, const struct file_tree *b);
/* Takes one path in, as file_tree_scan does. */
MUST_USE enum err file_tree_add(struct file_tree *tree, const char *path);

/* Whether a directory entry of that name matters to a scan. */
bool file_tree_wants(struct span name, bool is_directory);

#endif
