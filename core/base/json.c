/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A writer with a small stack of open objects and arrays. json_value and
 * json_key put the comma; every writing function goes through json_put, which
 * does nothing after the first error.
 */
#include "core/base/json.h"
#include "core/base/utf8.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static size_t json_escape_unicode(uint32_t code_point, char out[JSON_ESCAPE_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    out[0] = '\\';
    out[1] = 'u';
    for (int i = 0; i < 4; i++)
        out[2 + i] = digits[code_point >> (12 - 4 * i) & 15];
    return 6;
}

static char json_short_escape(char c)
{
    switch (c) {
    case '"': return '"';
    case '\\': return '\\';
    case '\b': return 'b';
    case '\f': return 'f';
    case '\n': return 'n';
    case '\r': return 'r';
    case '\t': return 't';
    default: return 0;
    }
}

static bool json_is_plain(char c, bool go_html)
{
    if ((unsigned char)c < 0x20 || (unsigned char)c >= 0x7f || c == '"' || c == '\\')
        return false;
    return !go_html || (c != '&' && c != '<' && c != '>');
}

size_t json_escape_next(struct span *text, bool go_html, char out[JSON_ESCAPE_SIZE])
{
    char c = text->ptr[0];
    uint32_t code_point;
    size_t len = utf8_next(*text, &code_point);
    const char *from = text->ptr;
    *text = span_skip(*text, len ? len : 1);
    if (len == 0)
        return json_escape_unicode(0xfffd, out);
    if (len == 1 && json_short_escape(c) != 0) {
        out[0] = '\\';
        out[1] = json_short_escape(c);
        return 2;
    }
    /* Go escapes the two line separators always: JavaScript once broke on them. */
    bool separator = code_point == 0x2028 || code_point == 0x2029;
    /* Beyond Go: terminals on which a log is read obey these. */
    bool control = code_point >= 0x7f && code_point < 0xa0;
    if (separator || control || (len == 1 && !json_is_plain(c, go_html)))
        return json_escape_unicode(code_point, out);
    memcpy(out, from, len);
    return len;
}

enum err json_append_escaped(struct buf *out, struct span text, bool go_html)
{
    size_t before = buf_len(out);
    enum err error = ERR_OK;
    while (text.len > 0 && error == ERR_OK) {
        size_t plain = 0;
        while (plain < text.len && json_is_plain(text.ptr[plain], go_html))
            plain++;
        error = buf_append(out, span_first(text, plain));
        text = span_skip(text, plain);
        if (text.len > 0 && error == ERR_OK) {
            char escaped[JSON_ESCAPE_SIZE];
            size_t len = json_escape_next(&text, go_html, escaped);
            error = buf_append(out, span_make(escaped, len));
        }
    }
    if (error != ERR_OK)
        out->end = out->start + before;
    return error;
}

void json_init(struct json *json, struct buf *out, bool go_html)
{
    *json = (struct json){.out = out, .go_html = go_html};
}

enum err json_finish(struct json *json)
{
    assert(json->error != ERR_OK || (json->depth == 0 && json->levels[0].filled));
    return json->error;
}

static void json_put(struct json *json, struct span bytes)
{
    if (json->error == ERR_OK)
        json->error = buf_append(json->out, bytes);
}

static void json_put_quoted(struct json *json, struct span text)
{
    json_put(json, SPAN("\""));
    if (json->error == ERR_OK)
        json->error = json_append_escaped(json->out, text, json->go_html);
    json_put(json, SPAN("\""));
}

/* What stands before an element: a comma unless it is the first. */
static void json_element(struct json *json)
{
    if (json->levels[json->depth].filled) {
        assert(json->depth > 0);
        json_put(json, SPAN(","));
    }
    json->levels[json->depth].filled = true;
}

/* Before each value; false after an error. */
static bool json_value(struct json *json)
{
    if (json->error != ERR_OK)
        return false;
    if (json->levels[json->depth].object)
        assert(json->after_key);
    else
        json_element(json);
    json->after_key = false;
    return json->error == ERR_OK;
}

static void json_begin(struct json *json, bool object)
{
    if (!json_value(json))
        return;
    if (json->depth == LIMIT_JSON_DEPTH) {
        json->error = ERR_LIMIT;
        return;
    }
    json->depth++;
    json->levels[json->depth].object = object;
    json->levels[json->depth].filled = false;
    json_put(json, object ? SPAN("{") : SPAN("["));
}

static void json_end(struct json *json, bool object)
{
    if (json->error != ERR_OK)
        return;
    assert(json->depth > 0 && json->levels[json->depth].object == object && !json->after_key);
    json->depth--;
    json_put(json, object ? SPAN("}") : SPAN("]"));
}

void json_begin_object(struct json *json)
{
    json_begin(json, true);
}

void json_end_object(struct json *json)
{
    json_end(json, true);
}

void json_begin_array(struct json *json)
{
    json_begin(json, false);
}

void json_end_array(struct json *json)
{
    json_end(json, false);
}

void json_write_key(struct json *json, struct span name)
{
    if (json->error != ERR_OK)
        return;
    assert(json->levels[json->depth].object && !json->after_key);
    json_element(json);
    json_put_quoted(json, name);
    json_put(json, SPAN(":"));
    json->after_key = true;
}

void json_write_raw(struct json *json, struct span value)
{
    if (json_value(json))
        json_put(json, value);
}

void json_write_string(struct json *json, struct span text)
{
    if (json_value(json))
        json_put_quoted(json, text);
}

void json_write_cstr(struct json *json, const char *text)
{
    json_write_string(json, span_cstr(text));
}

void json_write_int(struct json *json, int64_t value)
{
    char text[24];
    int len = snprintf(text, sizeof(text), "%lld", (long long)value);
    json_write_raw(json, span_make(text, (size_t)len));
}

void json_write_uint(struct json *json, uint64_t value)
{
    char text[24];
    int len = snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
    json_write_raw(json, span_make(text, (size_t)len));
}

/* Go: %e below 1e-6 and from 1e21, with no more exponent digits than needed,
 * else plain digits. `last` is how many digits stand behind the first one. */
static size_t json_format_double(double value, char *out, size_t size)
{
    char text[40];
    int last = -1;
    do {
        last++;
        snprintf(text, sizeof(text), "%.*e", last, value);
    } while (last < 17 && strtod(text, NULL) != value);
    char *mark = strchr(text, 'e');
    int exponent = atoi(mark + 1);
    if (value != 0 && (exponent < -6 || exponent >= 21))
        return (size_t)snprintf(out, size, "%.*se%c%d", (int)(mark - text), text, mark[1],
                                abs(exponent));
    if (last >= exponent)
        return (size_t)snprintf(out, size, "%.*f", last - exponent, value);
    size_t len = 0;
    for (const char *c = text; c < mark; c++) {
        if (*c != '.')
            out[len++] = *c;
    }
    for (; last < exponent; last++)
        out[len++] = '0';
    return len;
}

void json_write_double(struct json *json, double value)
{
    if (json->error == ERR_OK && !isfinite(value))
        json->error = ERR_INVALID;
    if (json->error != ERR_OK)
        return;
    char text[64];
    json_write_raw(json, span_make(text, json_format_double(value, text, sizeof(text))));
}

void json_write_bool(struct json *json, bool value)
{
    json_write_raw(json, value ? SPAN("true") : SPAN("false"));
}

void json_write_null(struct json *json)
{
    json_write_raw(json, SPAN("null"));
}

void json_field_string(struct json *json, const char *name, struct span text)
{
    json_write_key(json, span_cstr(name));
    json_write_string(json, text);
}

void json_field_cstr(struct json *json, const char *name, const char *text)
{
    json_field_string(json, name, span_cstr(text));
}

void json_field_int(struct json *json, const char *name, int64_t value)
{
    json_write_key(json, span_cstr(name));
    json_write_int(json, value);
}

void json_field_uint(struct json *json, const char *name, uint64_t value)
{
    json_write_key(json, span_cstr(name));
    json_write_uint(json, value);
}

void json_field_double(struct json *json, const char *name, double value)
{
    json_write_key(json, span_cstr(name));
    json_write_double(json, value);
}

void json_field_bool(struct json *json, const char *name, bool value)
{
    json_write_key(json, span_cstr(name));
    json_write_bool(json, value);
}
