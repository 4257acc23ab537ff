/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The names and texts come from ERR_LIST. err_set and err_prefix compose in a
 * buffer of their own, so that the old text may be an argument of the new one;
 * what does not fit is cut.
 */
#include "core/base/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const err_names[] = {
#define ERR_NAME(name, text) [ERR_##name] = #name,
    ERR_LIST(ERR_NAME)
#undef ERR_NAME
};

static const char *const err_messages[] = {
#define ERR_MESSAGE(name, text) [ERR_##name] = text,
    ERR_LIST(ERR_MESSAGE)
#undef ERR_MESSAGE
};

#define ERR_COUNT (sizeof(err_names) / sizeof(err_names[0]))

static const struct {
    int number;
    enum err error;
} err_errnos[] = {
    {0, ERR_OK},
    {ENOMEM, ERR_NOMEM},
    {EINVAL, ERR_INVALID},
    {EDOM, ERR_INVALID},
    {EISDIR, ERR_INVALID},
    {ELOOP, ERR_INVALID},
    {ENAMETOOLONG, ERR_LIMIT},
    {E2BIG, ERR_LIMIT},
    {EFBIG, ERR_LIMIT},
    {EMFILE, ERR_LIMIT},
    {ENFILE, ERR_LIMIT},
    {EMSGSIZE, ERR_LIMIT},
    {ERANGE, ERR_LIMIT},
    {EDQUOT, ERR_LIMIT},
    {ENOBUFS, ERR_LIMIT},
    {EAGAIN, ERR_AGAIN},
    {EINTR, ERR_AGAIN},
    {EINPROGRESS, ERR_AGAIN},
    {EALREADY, ERR_AGAIN},
    {EBUSY, ERR_AGAIN},
    {EPIPE, ERR_CLOSED},
    {ENOTCONN, ERR_CLOSED},
    {ESHUTDOWN, ERR_CLOSED},
    {ECONNRESET, ERR_RESET},
    {ECONNABORTED, ERR_RESET},
    {ENETRESET, ERR_RESET},
    {ECONNREFUSED, ERR_REFUSED},
    {EHOSTUNREACH, ERR_UNREACHABLE},
    {ENETUNREACH, ERR_UNREACHABLE},
    {EHOSTDOWN, ERR_UNREACHABLE},
    {ENETDOWN, ERR_UNREACHABLE},
    {EADDRNOTAVAIL, ERR_UNREACHABLE},
    {ETIMEDOUT, ERR_TIMEOUT},
    {ETIME, ERR_TIMEOUT},
    {ENOENT, ERR_NOTFOUND},
    {ENOTDIR, ERR_NOTFOUND},
    {ENODEV, ERR_NOTFOUND},
    {ENXIO, ERR_NOTFOUND},
    {ESRCH, ERR_NOTFOUND},
    {EEXIST, ERR_EXISTS},
    {EADDRINUSE, ERR_EXISTS},
    {EACCES, ERR_PERMISSION},
    {EPERM, ERR_PERMISSION},
    {EROFS, ERR_PERMISSION},
    {EIO, ERR_IO},
    {ENOSPC, ERR_IO},
    {EOPNOTSUPP, ERR_UNSUPPORTED},
    {ENOSYS, ERR_UNSUPPORTED},
    {EAFNOSUPPORT, ERR_UNSUPPORTED},
    {EPROTONOSUPPORT, ERR_UNSUPPORTED},
    {ENOPROTOOPT, ERR_UNSUPPORTED},
    {EPROTO, ERR_PROTOCOL},
    {EBADMSG, ERR_PROTOCOL},
    {ECANCELED, ERR_CANCELED},
};

const char *err_name(enum err error)
{
    return (size_t)error < ERR_COUNT ? err_names[error] : "UNKNOWN";
}

const char *err_message(enum err error)
{
    return (size_t)error < ERR_COUNT ? err_messages[error] : "unknown error";
}

enum err err_from_errno(int error_number)
{
    for (size_t i = 0; i < sizeof(err_errnos) / sizeof(err_errnos[0]); i++) {
        if (err_errnos[i].number == error_number)
            return err_errnos[i].error;
    }
    return ERR_SYSTEM;
}

enum err err_set(struct err_text *why, enum err error, const char *format, ...)
{
    if (why == NULL)
        return error;
    struct err_text next;
    va_list args;
    va_start(args, format);
    if (vsnprintf(next.text, sizeof(next.text), format, args) < 0)
        next.text[0] = '\0';
    va_end(args);
    memcpy(why->text, next.text, strlen(next.text) + 1);
    return error;
}

static void err_append(struct err_text *text, const char *more)
{
    size_t len = strlen(text->text);
    size_t n = strnlen(more, sizeof(text->text) - 1 - len);
    memcpy(text->text + len, more, n);
    text->text[len + n] = '\0';
}

void err_prefix(struct err_text *why, const char *format, ...)
{
    if (why == NULL)
        return;
    struct err_text next;
    va_list args;
    va_start(args, format);
    int written = vsnprintf(next.text, sizeof(next.text), format, args);
    va_end(args);
    if (written < 0)
        return;
    if (why->text[0] != '\0') {
        err_append(&next, ": ");
        err_append(&next, why->text);
    }
    memcpy(why->text, next.text, strlen(next.text) + 1);
}
