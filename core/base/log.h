/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The operator's log (not the access log): level, time, message and key=value
 * fields, one line per write(2), as text or JSON (Traefik's log section).
 *
 *   log_error("certificate skipped", "file", path, "error", why.text);
 *
 * The message says what; the fields are pairs of C strings, ended by the macro.
 * Safe from any thread, never called per request, keeps errno. Levels below the
 * set one cost one load. A line longer than LIMIT_LOG_LINE is cut so that it
 * stays well-formed: long values end in "...", further fields are left out.
 *
 *   2026-11-24T03:08:00Z ERR certificate skipped file=/etc/a.pem error="bad PEM"
 *   {"level":"error","file":"/etc/a.pem","error":"bad PEM","time":"…","message":"…"}
 */
#ifndef WEIR_CORE_BASE_LOG_H
#define WEIR_CORE_BASE_LOG_H

#include "core/base/err.h"
#include "core/base/json.h"
#include "core/base/span.h"

#include <stdbool.h>

enum log_level { LOG_TRACE, LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_FATAL, LOG_PANIC };
enum log_format { LOG_COMMON, LOG_JSON };

struct log_settings {
    enum log_level level;
    enum log_format format;
    const char *path; /* NULL: standard error */
};

/* Opens the file (append, 0640). On failure the old settings stay.
 * Control or main thread only. Before the first call: INFO, text, stderr. */
MUST_USE enum err log_configure(const struct log_settings *settings, struct err_text *why);
/* Reopens the file by its path (SIGUSR1). */
MUST_USE enum err log_reopen(struct err_text *why);
/* "DEBUG", "info" …, any case; ERR_INVALID else. */
MUST_USE enum err log_level_parse(struct span text, enum log_level *out);

bool log_enabled(enum log_level level);
void log_write(enum log_level level, const char *message, ...) __attribute__((sentinel));

#define log_debug(...) LOG_AT(LOG_DEBUG, __VA_ARGS__)
#define log_info(...) LOG_AT(LOG_INFO, __VA_ARGS__)
#define log_warn(...) LOG_AT(LOG_WARN, __VA_ARGS__)
#define log_error(...) LOG_AT(LOG_ERROR, __VA_ARGS__)
#define LOG_AT(level, ...)                                           \
    do {                                                             \
        if (log_enabled(level))                                      \
            log_write((level), __VA_ARGS__, (const char *)NULL);     \
    } while (0)

#endif
