/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A temporary directory that a test works in, and the few things it does to
 * files. Every function asserts that it worked. Paths are below the directory;
 * fs_at gives them absolute, valid for the next 16 calls.
 */
#ifndef WEIR_TESTS_UNIT_CONFIG_FS_H
#define WEIR_TESTS_UNIT_CONFIG_FS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char fs_root[64];

#define FS_DEADLINE_MS 10000

static inline const char *fs_at(const char *name)
{
    static char paths[16][512];
    static unsigned next;
    char *path = paths[next++ % 16];
    int n = snprintf(path, sizeof(paths[0]), "%s/%s", fs_root, name);
    assert_in_range(n, 1, sizeof(paths[0]) - 1);
    return path;
}

static inline int fs_setup(void **state)
{
    (void)state;
    strcpy(fs_root, "/tmp/weir-unit-XXXXXX");
    return mkdtemp(fs_root) != NULL ? 0 : -1;
}

static inline int fs_remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static inline int fs_teardown(void **state)
{
    (void)state;
    return nftw(fs_root, fs_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static inline void fs_write_fd(int fd, const char *text)
{
    assert_int_not_equal(fd, -1);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(close(fd), 0);
}

/* Creates or truncates and writes in place. */
static inline void fs_write(const char *name, const char *text)
{
    fs_write_fd(open(fs_at(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644), text);
}

static inline void fs_mkdir(const char *name)
{
    assert_int_equal(mkdir(fs_at(name), 0755), 0);
}

static inline void fs_rename(const char *from, const char *to)
{
    assert_int_equal(rename(fs_at(from), fs_at(to)), 0);
}

static inline void fs_unlink(const char *name)
{
    assert_int_equal(unlink(fs_at(name)), 0);
}

static inline void fs_rmdir(const char *name)
{
    assert_int_equal(rmdir(fs_at(name)), 0);
}

/* target as it stands: relative to the link, or absolute. */
static inline void fs_symlink(const char *target, const char *name)
{
    assert_int_equal(symlink(target, fs_at(name)), 0);
}

static inline void fs_link(const char *from, const char *to)
{
    assert_int_equal(link(fs_at(from), fs_at(to)), 0);
}

/* Swaps a symbolic link as `ln -sfT` and Kubernetes do it: by rename. */
static inline void fs_swap_symlink(const char *target, const char *name)
{
    fs_symlink(target, "..swap");
    fs_rename("..swap", name);
}

/* Waits until the descriptor is readable. */
static inline void fs_wait(int fd)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&ready, 1, FS_DEADLINE_MS), 1);
}

#endif
