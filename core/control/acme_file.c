/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The temporary file has a name of its own for each path, so what a crash left
 * is written over by the next try.
 */
#include "core/control/acme_file.h"

#include "core/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static enum err fail(struct err_text *why, const char *path, const char *doing)
{
    int error = errno;
    return err_set(why, err_from_errno(error), "%s: %s: %s", path, doing, strerror(error));
}

/* ---- paths ---- */

static bool join(const char *a, const char *between, const char *b, char out[PATH_MAX])
{
    int len = snprintf(out, PATH_MAX, "%s%s%s", a, between, b);
    return len > 0 && len < PATH_MAX;
}

/* A symbolic link stays one: its target is written. Where there is no file yet, its folder
 * is. */
void acme_file_resolve(const char *path, char out[PATH_MAX])
{
    char copy[PATH_MAX], folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    if (realpath(path, out) != NULL)
        return;
    snprintf(copy, sizeof(copy), "%s", path);
    if (realpath(dirname(copy), folder) == NULL ||
        !join(folder, "/", slash != NULL ? slash + 1 : path, out))
        snprintf(out, PATH_MAX, "%s", path);
}

/* ---- stamps ---- */

static struct acme_file_stamp stamp_of(const struct stat *info)
{
    return (struct acme_file_stamp){
        .device = info->st_dev,
        .inode = info->st_ino,
        .size = info->st_size,
        .modified_ns = info->st_mtim.tv_sec * NS_PER_S + info->st_mtim.tv_nsec,
        .changed_ns = info->st_ctim.tv_sec * NS_PER_S + info->st_ctim.tv_nsec,
    };
}

struct acme_file_stamp acme_file_look(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 ? stamp_of(&info) : (struct acme_file_stamp){0};
}

bool acme_file_is_same(const struct acme_file_stamp *a, const struct acme_file_stamp *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->modified_ns == b->modified_ns && a->changed_ns == b->changed_ns;
}

/* ---- reading ---- */

static enum err read_all(int fd, const char *path, size_t size, struct span *out,
                         struct err_text *why)
{
    char *bytes = malloc(size + 1);
    size_t len = 0;
    if (bytes == NULL)
        return err_set(why, ERR_NOMEM, "out of memory");
    while (len < size) {
        ssize_t n = read(fd, bytes + len, size - len);
        if (n == 0)
            break;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            free(bytes);
            return fail(why, path, "cannot be read");
        }
        len += (size_t)n;
    }
    *out = span_make(bytes, len);
    return ERR_OK;
}

static enum err read_checked(int fd, const char *path, struct span *out,
                             struct acme_file_stamp *stamp, struct err_text *why)
{
    struct stat info;
    if (fstat(fd, &info) != 0)
        return fail(why, path, "cannot be looked at");
    if (!S_ISREG(info.st_mode))
        return err_set(why, ERR_INVALID, "%s is no regular file", path);
    if ((info.st_mode & 077) != 0)
        return err_set(why, ERR_PERMISSION,
                       "%s holds private keys and has the permissions %03o: run chmod 600 %s",
                       path, info.st_mode & 0777, path);
    if (info.st_size > ACME_FILE_MAX)
        return err_set(why, ERR_LIMIT, "%s is too large", path);
    if (stamp != NULL)
        *stamp = stamp_of(&info); /* from before: what is written meanwhile is seen later */
    return read_all(fd, path, (size_t)info.st_size, out, why);
}

enum err acme_file_read(const char *path, struct span *out, struct acme_file_stamp *stamp,
                        struct err_text *why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return fail(why, path, "cannot be opened");
    enum err error = read_checked(fd, path, out, stamp, why);
    close(fd);
    return error;
}

void acme_file_release(struct span *bytes)
{
    if (bytes->ptr != NULL)
        explicit_bzero((char *)bytes->ptr, bytes->len);
    free((char *)bytes->ptr);
    *bytes = SPAN_EMPTY;
}

bool acme_file_is_blank(struct span text)
{
    while (text.len > 0 && strchr(" \t\r\n", text.ptr[0]) != NULL)
        text = span_skip(text, 1);
    return text.len == 0;
}

/* ---- writing ---- */

static bool write_all(int fd, struct span bytes)
{
    while (bytes.len > 0) {
        ssize_t n = write(fd, bytes.ptr, bytes.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        bytes = span_skip(bytes, (size_t)n);
    }
    return true;
}

/* *out: still open. */
static enum err write_temporary(const char *path, struct span bytes, int *out,
                                struct err_text *why)
{
    /* What is left there may have another mode: never written into. */
    if (unlink(path) != 0 && errno != ENOENT)
        return fail(why, path, "cannot be removed");
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return fail(why, path, "cannot be made");
    if (!write_all(fd, bytes) || fsync(fd) != 0) {
        enum err error = fail(why, path, "cannot be written");
        (void)unlink(path);
        close(fd);
        return error;
    }
    *out = fd;
    return ERR_OK;
}

static enum err flush_folder(const char *path, struct err_text *why)
{
    char copy[PATH_MAX];
    snprintf(copy, sizeof(copy), "%s", path);
    const char *folder = dirname(copy);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return fail(why, folder, "cannot be opened");
    enum err error = fsync(fd) == 0 ? ERR_OK : fail(why, folder, "cannot be flushed");
    close(fd);
    return error;
}

/* As late as can be: what somebody writes between the look and the renaming is lost. */
static enum err replace(const char *path, const char *temporary, const char *target,
                        const struct acme_file_stamp *expected, struct err_text *why)
{
    struct acme_file_stamp now = acme_file_look(target);
    if (expected != NULL && !acme_file_is_same(expected, &now))
        return err_set(why, ERR_MISMATCH, "%s was changed by another program", path);
    if (rename(temporary, target) == 0)
        return ERR_OK;
    return errno == EBUSY
               ? err_set(why, ERR_SYSTEM, "%s cannot be replaced, because it is mounted by "
                                          "itself: mount its folder instead", path)
               : fail(why, path, "cannot be replaced");
}


enum err acme_file_write(const char *path, struct span bytes, struct acme_file_stamp *stamp,
                         struct err_text *why)
{
    char target[PATH_MAX], temporary[PATH_MAX];
    struct stat info;
    int fd = -1;
    acme_file_resolve(path, target);
    if (!join(target, ".new", "", temporary))
        return err_set(why, ERR_LIMIT, "%s: the path is too long", path);
    TRY(write_temporary(temporary, bytes, &fd, why));
    enum err error = replace(path, temporary, target, stamp, why);
    if (error != ERR_OK)
        (void)unlink(temporary);
    else if (stamp != NULL && fstat(fd, &info) == 0)
        *stamp = stamp_of(&info);
    close(fd);
    return error == ERR_OK ? flush_folder(target, why) : error;
}

/* ---- the lock ---- */

static enum err refuse(int fd, const char *path, struct err_text *why)
{
    char holder[16] = "";
    ssize_t len = pread(fd, holder, sizeof(holder) - 1, 0);
    holder[len > 0 ? strspn(holder, "0123456789") : 0] = '\0';
    return err_set(why, ERR_EXISTS, "%s is in use by another Weir (process %s)", path,
                   holder[0] != '\0' ? holder : "unknown");
}

/* For whoever is refused. */
static void sign(int fd)
{
    char text[16];
    int len = snprintf(text, sizeof(text), "%d\n", (int)getpid());
    if (ftruncate(fd, 0) == 0)
        (void)!pwrite(fd, text, (size_t)len, 0);
}

/* The file stays when the lock is given back: who waits for it has it open. */
enum err acme_file_lock(const char *path, int *fd, struct err_text *why)
{
    char target[PATH_MAX], lock[PATH_MAX];
    acme_file_resolve(path, target);
    if (!join(target, ".lock", "", lock))
        return err_set(why, ERR_LIMIT, "%s: the path is too long", path);
    int made = open(lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (made < 0)
        return fail(why, lock, "cannot be opened");
    if (flock(made, LOCK_EX | LOCK_NB) == 0) {
        sign(made);
        *fd = made;
        return ERR_OK;
    }
    enum err error = errno == EWOULDBLOCK ? refuse(made, path, why)
                                          : fail(why, lock, "cannot be locked");
    close(made);
    return error;
}
