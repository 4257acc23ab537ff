/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Written under another name and renamed, so that nobody reads half of one.
 */
#include "core/control/staple_cache.h"

#include "config/read_file.h"
#include "core/base/log.h"
#include "tls/ocsp.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static bool path_of(struct span folder, const char *fingerprint, const char *suffix,
                    char out[PATH_MAX])
{
    if (folder.len == 0)
        return false;
    int len = snprintf(out, PATH_MAX, "%.*s/%s%s", SPAN_ARG(folder), fingerprint, suffix);
    return len < PATH_MAX;
}

enum err staple_cache_prepare(struct span folder, struct err_text *why)
{
    if (folder.len == 0 || mkdir(folder.ptr, 0755) == 0 || errno == EEXIST)
        return ERR_OK;
    return err_set(why, err_from_errno(errno), "weir.tls.ocspCache: %.*s: %s", SPAN_ARG(folder),
                   strerror(errno));
}

bool staple_cache_read(struct span folder, const char *fingerprint, struct span *out)
{
    char path[PATH_MAX];
    return path_of(folder, fingerprint, ".ocsp", path) &&
           read_file(path, OCSP_RESPONSE_MAX, out, NULL) == ERR_OK;
}

static bool write_whole(const char *path, struct span bytes)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return false;
    bool good = write(fd, bytes.ptr, bytes.len) == (ssize_t)bytes.len;
    return close(fd) == 0 && good;
}

void staple_cache_write(struct span folder, const char *fingerprint, struct span response)
{
    char path[PATH_MAX], fresh[PATH_MAX];
    if (!path_of(folder, fingerprint, ".ocsp", path) ||
        !path_of(folder, fingerprint, ".new", fresh))
        return;
    if (!write_whole(fresh, response) || rename(fresh, path) != 0)
        log_warn("an OCSP staple cannot be kept: it is asked for again after a restart", "file",
                 path, "error", strerror(errno));
}

void staple_cache_remove(struct span folder, const char *fingerprint)
{
    char path[PATH_MAX];
    if (path_of(folder, fingerprint, ".ocsp", path))
        (void)unlink(path);
}
