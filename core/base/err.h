/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The one return convention of the tree: a function that may fail returns
 * enum err, ERR_OK is zero, and its output parameters are untouched on failure.
 * Programmer errors are not errors: they assert.
 *
 * What a person reads goes into a struct err_text beside the code: what is
 * wrong, where, and what to do. Any thread may call everything here.
 */
#ifndef WEIR_CORE_BASE_ERR_H
#define WEIR_CORE_BASE_ERR_H

#include <stdarg.h>
#include <stddef.h>

#define ERR_LIST(X)                                          \
    X(OK, "no error")                                        \
    X(NOMEM, "out of memory")                                \
    X(INVALID, "invalid value")                              \
    X(SYNTAX, "syntax error")                                \
    X(LIMIT, "limit exceeded")                               \
    X(AGAIN, "not ready yet")                                \
    X(CLOSED, "closed by the peer")                          \
    X(RESET, "connection reset")                             \
    X(REFUSED, "connection refused")                         \
    X(UNREACHABLE, "host unreachable")                       \
    X(TIMEOUT, "timed out")                                  \
    X(NOTFOUND, "not found")                                 \
    X(EXISTS, "already exists")                              \
    X(PERMISSION, "permission denied")                       \
    X(IO, "input/output error")                              \
    X(SYSTEM, "system call failed")                          \
    X(UNSUPPORTED, "not supported")                          \
    X(PROTOCOL, "protocol violation")                        \
    X(TLS, "TLS failure")                                    \
    X(CANCELED, "canceled")                                  \
    X(MISMATCH, "does not match")

enum err {
#define ERR_ENUM(name, text) ERR_##name,
    ERR_LIST(ERR_ENUM)
#undef ERR_ENUM
};

#define MUST_USE __attribute__((warn_unused_result))

/* "NOMEM", "INVALID" …: stable, for logs and tests. */
const char *err_name(enum err error);
/* The short English text of the list above. */
const char *err_message(enum err error);
/* The enum err nearest to a positive errno value. */
enum err err_from_errno(int error_number);

/* A message for a person, always NUL-terminated; empty when text[0] == 0. */
struct err_text {
    char text[512];
};

/* Writes the message (truncated to fit) and returns `error`, so that a
 * failing path reads `return err_set(why, ERR_INVALID, "…", …)`.
 * `why` may be NULL: then nobody wants to know. */
enum err err_set(struct err_text *why, enum err error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Puts "prefix: " in front of what is there; for context on the way up. */
void err_prefix(struct err_text *why, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#define TRY(expression)                       \
    do {                                      \
        enum err try_error_ = (expression);   \
        if (try_error_ != ERR_OK)             \
            return try_error_;                \
    } while (0)

#endif
