/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writing JSON (RFC 8259) into a struct buf, compact, fields in the order of
 * the calls. The escapes are those of Go's encoder, because the readers of our
 * API and logs know Traefik's. Nothing in Weir reads JSON.
 *
 *   struct json json;
 *   json_init(&json, &buf, true);
 *   json_begin_object(&json);
 *   json_field_cstr(&json, "name", "api@internal");
 *   json_write_key(&json, SPAN("servers"));
 *   json_begin_array(&json);
 *   json_write_string(&json, SPAN("http://127.0.0.1:8080"));
 *   json_end_array(&json);
 *   json_end_object(&json);
 *   TRY(json_finish(&json));
 *
 * Errors (the buf's ERR_LIMIT and ERR_NOMEM, ERR_INVALID for a number that is
 * not finite) stick: nothing more is written and json_finish returns the first
 * one; what was written before stays in the buf. Misuse, such as a value in an
 * object without a key, asserts. The caller owns the struct, which needs no
 * release. One thread at a time.
 */
#ifndef WEIR_CORE_BASE_JSON_H
#define WEIR_CORE_BASE_JSON_H

#include "core/base/buf.h"
#include "core/base/limits.h"

struct json {
    struct buf *out;
    enum err error;
    unsigned depth;
    bool go_html;   /* & < > become \u0026 \u003c \u003e */
    bool after_key; /* a value must follow */
    struct {
        bool object; /* else an array */
        bool filled; /* the next element needs a comma */
    } levels[LIMIT_JSON_DEPTH + 1]; /* level 0 holds the one top value */
};

void json_init(struct json *json, struct buf *out, bool go_html);
/* Every object and array must be closed and one value written, unless there was
 * an error. */
MUST_USE enum err json_finish(struct json *json);

/* Nesting deeper than LIMIT_JSON_DEPTH is ERR_LIMIT. */
void json_begin_object(struct json *json);
void json_end_object(struct json *json);
void json_begin_array(struct json *json);
void json_end_array(struct json *json);

/* Inside an object: the name of the value that follows. */
void json_write_key(struct json *json, struct span name);

void json_write_string(struct json *json, struct span text);
void json_write_cstr(struct json *json, const char *text); /* NULL writes "" */
void json_write_int(struct json *json, int64_t value);
void json_write_uint(struct json *json, uint64_t value);
/* The shortest decimal that reads back as the same double, as Go writes it. */
void json_write_double(struct json *json, double value);
void json_write_bool(struct json *json, bool value);
void json_write_null(struct json *json);
/* A value that is JSON already; not looked at. */
void json_write_raw(struct json *json, struct span value);

/* A key and its value at once. */
void json_field_string(struct json *json, const char *name, struct span text);
void json_field_cstr(struct json *json, const char *name, const char *text);
void json_field_int(struct json *json, const char *name, int64_t value);
void json_field_uint(struct json *json, const char *name, uint64_t value);
void json_field_double(struct json *json, const char *name, double value);
void json_field_bool(struct json *json, const char *name, bool value);

/* Appends JSON-escaped bytes without the quotes. Each byte that is not of valid
 * UTF-8 becomes \ufffd; with `go_html` & < > become \u00XX as Go does.
 * On failure nothing is appended. */
MUST_USE enum err json_append_escaped(struct buf *out, struct span text, bool go_html);

/* Takes one character off the front of `text`, which must not be empty, and
 * writes its escaped form: returns its length, at most JSON_ESCAPE_SIZE. */
#define JSON_ESCAPE_SIZE 6
size_t json_escape_next(struct span *text, bool go_html, char out[JSON_ESCAPE_SIZE]);

#endif
