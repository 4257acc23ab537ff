/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The buffer is one byte longer than fstat says, so that the read that finds
 * the end also finds out whether the file grew meanwhile; then it is made
 * larger by a copy that wipes the old one. Opened without blocking, because a
 * path may name a pipe.
 */
#include "config/read_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct reader {
    int fd;
    bool secret; /* refused when others may read it */
    char *data;
    size_t len, cap; /* data has cap bytes and one more for the NUL */
};

static void wipe(char *data, size_t len)
{
    if (data != NULL)
        explicit_bzero(data, len);
    free(data);
}

void read_file_release(struct span *bytes)
{
    wipe((char *)bytes->ptr, bytes->len);
    *bytes = SPAN_EMPTY;
}

static enum err reader_grow(struct reader *reader, size_t cap)
{
    char *data = malloc(cap + 1);
    if (data == NULL)
        return ERR_NOMEM;
    if (reader->len > 0)
        memcpy(data, reader->data, reader->len);
    wipe(reader->data, reader->len);
    reader->data = data;
    reader->cap = cap;
    return ERR_OK;
}

static enum err reader_fill(struct reader *reader, size_t max)
{
    for (;;) {
        if (reader->len > max)
            return ERR_LIMIT;
        if (reader->len == reader->cap)
            TRY(reader_grow(reader, reader->cap * 2));
        ssize_t n = read(reader->fd, reader->data + reader->len, reader->cap - reader->len);
        if (n == 0)
            break;
        if (n < 0 && errno != EINTR)
            return ERR_IO;
        reader->len += n > 0 ? (size_t)n : 0;
    }
    reader->data[reader->len] = '\0';
    return ERR_OK;
}

static enum err reader_start(struct reader *reader, const char *path, size_t max,
                             struct err_text *why)
{
    struct stat st;
    if (fstat(reader->fd, &st) != 0)
        return err_set(why, ERR_IO, "%s: %s", path, strerror(errno));
    if (S_ISDIR(st.st_mode))
        return err_set(why, ERR_INVALID, "%s: is a directory, a file is needed", path);
    if (!S_ISREG(st.st_mode))
        return err_set(why, ERR_INVALID, "%s: is not a regular file", path);
    if (reader->secret && (st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return err_set(why, ERR_PERMISSION, "%s: others may read or change it (mode %04o); it "
                       "holds a secret: chmod 600", path, (unsigned)st.st_mode & 07777);
    if ((uint64_t)st.st_size > max)
        return err_set(why, ERR_LIMIT, "%s: has %lld bytes, more than the allowed %zu", path,
                       (long long)st.st_size, max);
    if (reader_grow(reader, (size_t)st.st_size + 1) != ERR_OK)
        return err_set(why, ERR_NOMEM, "%s: out of memory", path);
    return ERR_OK;
}

static enum err reader_run(struct reader *reader, const char *path, size_t max,
                           struct err_text *why)
{
    TRY(reader_start(reader, path, max, why));
    enum err error = reader_fill(reader, max);
    if (error == ERR_LIMIT)
        return err_set(why, error, "%s: has more than the allowed %zu bytes", path, max);
    if (error == ERR_IO)
        return err_set(why, error, "%s: cannot be read: %s", path, strerror(errno));
    if (error != ERR_OK)
        return err_set(why, error, "%s: %s", path, err_message(error));
    return ERR_OK;
}

static enum err open_failed(const char *path, int error_number, struct err_text *why)
{
    switch (error_number) {
    case ENOENT:
    case ENOTDIR:
        return err_set(why, ERR_NOTFOUND, "%s: no such file", path);
    case EACCES:
    case EPERM:
        return err_set(why, ERR_PERMISSION,
                       "%s: permission denied: make it readable for the user that runs weir", path);
    default:
        return err_set(why, ERR_IO, "%s: cannot be opened: %s", path, strerror(error_number));
    }
}

static enum err read_path(const char *path, size_t max, bool secret, struct span *out,
                          struct err_text *why)
{
    struct reader reader = {.fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK),
                            .secret = secret};
    if (reader.fd < 0)
        return open_failed(path, errno, why);
    enum err error = reader_run(&reader, path, max, why);
    close(reader.fd);
    if (error != ERR_OK)
        wipe(reader.data, reader.len);
    else
        *out = span_make(reader.data, reader.len);
    return error;
}

enum err read_file(const char *path, size_t max, struct span *out, struct err_text *why)
{
    return read_path(path, max, false, out, why);
}

enum err read_secret_file(const char *path, size_t max, struct span *out, struct err_text *why)
{
    return read_path(path, max, true, out, why);
}
