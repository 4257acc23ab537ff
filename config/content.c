/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The file is looked for first, as Traefik does, so a value that names an
 * existing file is never taken for PEM. A value that is neither may be a key
 * that lost its PEM armour, so the error quotes it only when it looks like a
 * path.
 */
#include "config/content.h"

#include "config/read_file.h"
#include "core/base/limits.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>

#define QUOTED_ALWAYS 64 /* bytes: shorter than any private key */

bool content_is_inline(struct span value)
{
    const struct span begin = SPAN("-----BEGIN ");
    for (struct span line = value; line.ptr != NULL;) {
        struct span head;
        line = span_split(line, '\n', &head);
        if (span_starts_with(span_trim(head), begin))
            return true;
    }
    return false;
}

static bool value_as_path(struct span value, char path[static PATH_MAX])
{
    if (value.len == 0 || value.len >= PATH_MAX || memchr(value.ptr, '\0', value.len) != NULL)
        return false;
    memcpy(path, value.ptr, value.len);
    path[value.len] = '\0';
    return true;
}

static bool value_may_be_quoted(struct span value)
{
    if (span_find(value, '\n', 0) >= 0 || value.len > 255)
        return false;
    return value.len <= QUOTED_ALWAYS || value.ptr[0] == '/' || span_find(value, '.', 0) >= 0;
}

static enum err content_missing(struct span value, struct err_text *why)
{
    if (value.len == 0)
        return err_set(why, ERR_INVALID, "is empty: give a file's path or the PEM text itself");
    if (!value_may_be_quoted(value))
        return err_set(why, ERR_INVALID,
                       "the value (%zu bytes) is neither the path of a file nor PEM text: "
                       "PEM starts with a line \"-----BEGIN ...-----\"",
                       value.len);
    return err_set(why, ERR_NOTFOUND,
                   "%.*s: no such file: create it, correct the path, or give the PEM text itself",
                   SPAN_ARG(value));
}

static enum err content_copy(struct span value, struct span *out, struct err_text *why)
{
    if (value.len > LIMIT_CERT_FILE)
        return err_set(why, ERR_LIMIT, "the PEM text has %zu bytes, more than the allowed %d",
                       value.len, LIMIT_CERT_FILE);
    char *copy = span_dup(value);
    if (copy == NULL)
        return err_set(why, ERR_NOMEM, "out of memory");
    *out = span_make(copy, value.len);
    return ERR_OK;
}

enum err content_read(struct span value, struct span *out, bool *from_file, struct err_text *why)
{
    char path[PATH_MAX];
    struct stat st;
    struct span bytes = SPAN_EMPTY;
    bool is_inline = content_is_inline(value);
    bool is_path = value_as_path(value, path);
    bool is_file = is_path && stat(path, &st) == 0;
    if (!is_file && is_inline) {
        TRY(content_copy(value, &bytes, why));
    } else if (!is_path || (!is_file && (errno == ENOENT || errno == ENOTDIR))) {
        return content_missing(value, why);
    } else {
        TRY(read_file(path, LIMIT_CERT_FILE, &bytes, why));
        if (bytes.len == 0) {
            read_file_release(&bytes);
            return err_set(why, ERR_INVALID, "%s: is empty", path);
        }
    }
    *out = bytes;
    *from_file = is_file;
    return ERR_OK;
}

void content_release(struct span *content)
{
    read_file_release(content);
}
