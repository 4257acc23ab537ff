/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The temporary file has a name of its own for each path, so what a crash left
 * is written over by the next try.
 */
#include "core/control/acme_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static enum err fail(struct err_text *why, const char *path, const char *doing)
{
    int error = errno;
    return err_set(why, err_from_errno(error), "%s: %s: %s", path, doing, strerror(error));
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

static enum err read_checked(int fd, const char *path, struct span *out, struct err_text *why)
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
    return read_all(fd, path, (size_t)info.st_size, out, why);
}

enum err acme_file_read(const char *path, struct span *out, struct err_text *why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return fail(why, path, "cannot be opened");
    enum err error = read_checked(fd, path, out, why);
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

static enum err write_temporary(const char *path, struct span bytes, struct err_text *why)
{
    /* What is left there may have another mode: never written into. */
    if (unlink(path) != 0 && errno != ENOENT)
        return fail(why, path, "cannot be removed");
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return fail(why, path, "cannot be made");
    enum err error = ERR_OK;
    if (!write_all(fd, bytes) || fsync(fd) != 0)
        error = fail(why, path, "cannot be written");
    close(fd);
    if (error != ERR_OK)
        (void)unlink(path);
    return error;
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

enum err acme_file_write(const char *path, struct span bytes, struct err_text *why)
{
    char target[PATH_MAX], temporary[PATH_MAX];
    /* A symbolic link stays one. */
    if (realpath(path, target) == NULL)
        snprintf(target, sizeof(target), "%s", path);
    int len = snprintf(temporary, sizeof(temporary), "%s.new", target);
    if (len < 0 || (size_t)len >= sizeof(temporary))
        return err_set(why, ERR_LIMIT, "%s: the path is too long", path);
    TRY(write_temporary(temporary, bytes, why));
    if (rename(temporary, target) != 0)
        return errno == EBUSY
                   ? err_set(why, ERR_SYSTEM, "%s cannot be replaced, because it is mounted by "
                                              "itself: mount its folder instead", path)
                   : fail(why, path, "cannot be replaced");
    return flush_folder(target, why);
}
