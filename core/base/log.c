/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A line is composed on the stack and leaves in one write(2) to a descriptor
 * that is opened O_APPEND, so lines of several threads never mix. The first
 * file gets a descriptor of its own that is kept for good; every later change
 * is put in its place with dup3, so that a thread that is about to write finds
 * either the old file or the new one there, never a closed descriptor.
 */
#include "core/base/log.h"
#include "core/base/clock.h"
#include "core/base/limits.h"
#include "core/base/utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

static const struct {
    const char *name;
    const char *mark;
} log_levels[] = {
    [LOG_TRACE] = {"trace", "TRC"}, [LOG_DEBUG] = {"debug", "DBG"}, [LOG_INFO] = {"info", "INF"},
    [LOG_WARN] = {"warn", "WRN"},   [LOG_ERROR] = {"error", "ERR"}, [LOG_FATAL] = {"fatal", "FTL"},
    [LOG_PANIC] = {"panic", "PNC"},
};

/* Relaxed throughout: each of the three is complete in itself, and a line that
 * is written while they change may follow either setting. */
static _Atomic int log_level_now = LOG_INFO;
static _Atomic int log_format_now = LOG_COMMON;
static _Atomic int log_fd = STDERR_FILENO;

/* Of the thread that configures. */
static char log_path[PATH_MAX]; /* empty: standard error */

/* What `room` leaves free is kept for the end of the line. */
struct log_line {
    struct buf out;
    size_t room;
    bool full;
};

static enum err log_open(const char *path, struct err_text *why)
{
    int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY;
    int fd = path[0] == '\0' ? fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3) : open(path, flags, 0640);
    if (fd < 0) {
        int saved = errno;
        return err_set(why, err_from_errno(saved), "cannot open the log file %s: %s", path,
                       strerror(saved));
    }
    int current = atomic_load_explicit(&log_fd, memory_order_relaxed);
    if (current == STDERR_FILENO) {
        atomic_store_explicit(&log_fd, fd, memory_order_relaxed);
        return ERR_OK;
    }
    int result;
    do {
        result = dup3(fd, current, O_CLOEXEC);
    } while (result < 0 && (errno == EINTR || errno == EBUSY));
    int saved = errno;
    close(fd);
    if (result < 0)
        return err_set(why, err_from_errno(saved), "cannot replace the log file by %s: %s", path,
                       strerror(saved));
    return ERR_OK;
}

enum err log_configure(const struct log_settings *settings, struct err_text *why)
{
    const char *path = settings->path ? settings->path : "";
    size_t len = strlen(path);
    if (len >= sizeof(log_path))
        return err_set(why, ERR_LIMIT, "the path of the log file is longer than %zu bytes",
                       sizeof(log_path) - 1);
    bool untouched = atomic_load_explicit(&log_fd, memory_order_relaxed) == STDERR_FILENO;
    if (len > 0 || !untouched)
        TRY(log_open(path, why));
    memmove(log_path, path, len + 1);
    atomic_store_explicit(&log_format_now, (int)settings->format, memory_order_relaxed);
    atomic_store_explicit(&log_level_now, (int)settings->level, memory_order_relaxed);
    return ERR_OK;
}

enum err log_reopen(struct err_text *why)
{
    return log_path[0] == '\0' ? ERR_OK : log_open(log_path, why);
}

enum err log_level_parse(struct span text, enum log_level *out)
{
    for (size_t i = 0; i < sizeof(log_levels) / sizeof(log_levels[0]); i++) {
        if (span_equal_nocase(text, span_cstr(log_levels[i].name))) {
            *out = (enum log_level)i;
            return ERR_OK;
        }
    }
    return ERR_INVALID;
}

bool log_enabled(enum log_level level)
{
    return (int)level >= atomic_load_explicit(&log_level_now, memory_order_relaxed);
}

/* All of it, or nothing and the line is full. */
static bool log_put(struct log_line *line, struct span bytes)
{
    if (line->full || bytes.len > line->room - buf_len(&line->out) ||
        buf_append(&line->out, bytes) != ERR_OK)
        line->full = true;
    return !line->full;
}

/* One character of the text form: control characters and broken UTF-8 are
 * written as Go does in a quoted string, so that a line stays one line and a
 * terminal is not driven by it. */
static size_t log_escape_next(struct span *text, bool quoted, char out[JSON_ESCAPE_SIZE + 1])
{
    uint32_t code_point = 0;
    size_t len = utf8_next(*text, &code_point);
    const char *from = text->ptr;
    *text = span_skip(*text, len ? len : 1);
    const char *escapes = quoted ? "\n\r\t\"\\" : "\n\r\t";
    const char *found = len == 1 && *from != '\0' ? strchr(escapes, *from) : NULL;
    if (found != NULL) {
        out[0] = '\\';
        out[1] = "nrt\"\\"[found - escapes];
        return 2;
    }
    if (len == 0 || code_point < 0x20 || code_point == 0x7f)
        return (size_t)snprintf(out, JSON_ESCAPE_SIZE + 1, "\\x%02x", (unsigned char)*from);
    if (code_point >= 0x80 && code_point < 0xa0)
        return (size_t)snprintf(out, JSON_ESCAPE_SIZE + 1, "\\u%04x", (unsigned)code_point);
    memcpy(out, from, len);
    return len;
}

enum log_escape { LOG_ESCAPE_PLAIN, LOG_ESCAPE_QUOTED, LOG_ESCAPE_JSON };

/* Escapes as much as fits before `tail`, the bytes that must follow; text that
 * had to be cut ends in "...". */
static void log_put_escaped(struct log_line *line, struct span text, enum log_escape escape,
                            struct span tail)
{
    static const char dots[] = "...";
    size_t keep = tail.len + sizeof(dots) - 1;
    while (text.len > 0 && !line->full) {
        char escaped[JSON_ESCAPE_SIZE + 1];
        size_t len = escape == LOG_ESCAPE_JSON
                         ? json_escape_next(&text, false, escaped)
                         : log_escape_next(&text, escape == LOG_ESCAPE_QUOTED, escaped);
        if (buf_len(&line->out) + len + keep > line->room) {
            log_put(line, span_make(dots, sizeof(dots) - 1));
            break;
        }
        log_put(line, span_make(escaped, len));
    }
    log_put(line, tail);
}

static bool log_needs_quotes(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c <= ' ' || c >= 0x7f || c == '"' || c == '\\' || c == '=')
            return true;
    }
    return text.len == 0;
}

/* Begins a field with as much as must be there for the cut form to fit:
 * otherwise the field is left out. */
static bool log_begin_field(struct log_line *line, struct span before, struct span key,
                            struct span between)
{
    size_t fixed = before.len + key.len + between.len + sizeof("...\"");
    if (line->full || fixed > line->room - buf_len(&line->out)) {
        line->full = true;
        return false;
    }
    return log_put(line, before) && log_put(line, key) && log_put(line, between);
}

static void log_put_field(struct log_line *line, enum log_format format, const char *key,
                          const char *text)
{
    struct span value = span_cstr(text);
    if (format == LOG_JSON) {
        if (log_begin_field(line, SPAN(",\""), span_cstr(key), SPAN("\":\"")))
            log_put_escaped(line, value, LOG_ESCAPE_JSON, SPAN("\""));
    } else if (log_needs_quotes(value)) {
        if (log_begin_field(line, SPAN(" "), span_cstr(key), SPAN("=\"")))
            log_put_escaped(line, value, LOG_ESCAPE_QUOTED, SPAN("\""));
    } else if (log_begin_field(line, SPAN(" "), span_cstr(key), SPAN("="))) {
        log_put_escaped(line, value, LOG_ESCAPE_PLAIN, SPAN_EMPTY);
    }
}

static void log_put_fields(struct log_line *line, enum log_format format, va_list fields)
{
    const char *key;
    while ((key = va_arg(fields, const char *)) != NULL) {
        const char *value = va_arg(fields, const char *);
        if (value == NULL)
            break;
        log_put_field(line, format, key, value);
    }
}

/* The message may take half a line. */
static void log_compose_text(struct log_line *line, enum log_level level, const char *now,
                             const char *message, va_list fields)
{
    line->room = LIMIT_LOG_LINE / 2;
    log_put(line, span_cstr(now));
    log_put(line, SPAN(" "));
    log_put(line, span_cstr(log_levels[level].mark));
    log_put(line, SPAN(" "));
    log_put_escaped(line, span_cstr(message), LOG_ESCAPE_PLAIN, SPAN_EMPTY);
    line->room = LIMIT_LOG_LINE - 1;
    log_put_fields(line, LOG_COMMON, fields);
    line->room = LIMIT_LOG_LINE;
    line->full = false;
    log_put(line, SPAN("\n"));
}

/* The message comes last, so its end of the line is composed first. */
static void log_compose_json(struct log_line *line, enum log_level level, const char *now,
                             const char *message, va_list fields)
{
    char memory[LIMIT_LOG_LINE / 2 + 1];
    struct log_line last = {.room = sizeof(memory) - 1};
    buf_init_fixed(&last.out, memory, sizeof(memory));
    log_put(&last, SPAN(",\"time\":\""));
    log_put(&last, span_cstr(now));
    log_put(&last, SPAN("\",\"message\":\""));
    log_put_escaped(&last, span_cstr(message), LOG_ESCAPE_JSON, SPAN("\"}\n"));

    line->room = LIMIT_LOG_LINE - buf_len(&last.out);
    log_put(line, SPAN("{\"level\":\""));
    log_put(line, span_cstr(log_levels[level].name));
    log_put(line, SPAN("\""));
    log_put_fields(line, LOG_JSON, fields);
    line->room = LIMIT_LOG_LINE;
    line->full = false;
    log_put(line, buf_span(&last.out));
}

/* A log that cannot be written has nobody to tell: what the kernel does not take
 * is lost. Only a full disk or a slow pipe makes a second write necessary. */
static void log_send(struct span bytes)
{
    int fd = atomic_load_explicit(&log_fd, memory_order_relaxed);
    while (bytes.len > 0) {
        ssize_t written = write(fd, bytes.ptr, bytes.len);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return;
        bytes = span_skip(bytes, (size_t)written);
    }
}

void log_write(enum log_level level, const char *message, ...)
{
    int saved = errno;
    char memory[LIMIT_LOG_LINE + 1];
    struct log_line line = {.room = LIMIT_LOG_LINE};
    buf_init_fixed(&line.out, memory, sizeof(memory));
    char now[CLOCK_RFC3339_SIZE];
    clock_format_rfc3339(clock_wall_ns(), now);

    va_list fields;
    va_start(fields, message);
    if (atomic_load_explicit(&log_format_now, memory_order_relaxed) == LOG_JSON)
        log_compose_json(&line, level, now, message, fields);
    else
        log_compose_text(&line, level, now, message, fields);
    va_end(fields);
    log_send(buf_span(&line.out));
    errno = saved;
}
