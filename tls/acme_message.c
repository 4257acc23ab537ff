/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A problem document is read as far as it is one; whatever else came is shown
 * by its status and its first bytes.
 */
#include "tls/acme_message.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define TYPE_PREFIX "urn:ietf:params:acme:error:"
#define SUBPROBLEMS_SHOWN 4
#define EXCERPT 80

void acme_text_clean(char *text)
{
    for (unsigned char *c = (unsigned char *)text; *c != '\0'; c++)
        if (*c < ' ' || *c == 0x7f)
            *c = ' ';
}

bool acme_url_is_usable(const char *url)
{
    struct span text = span_cstr(url);
    if (text.len == 0 || text.len > ACME_URL_MAX)
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] <= ' ' || text.ptr[i] >= 0x7f)
            return false;
    return span_starts_with(text, SPAN("https://")) || span_starts_with(text, SPAN("http://"));
}

void acme_failure_set(struct acme_failure *failure, const char *format, ...)
{
    va_list arguments;
    *failure = (struct acme_failure){.retry_after_s = -1};
    va_start(arguments, format);
    vsnprintf(failure->why.text, sizeof(failure->why.text), format, arguments);
    va_end(arguments);
    acme_text_clean(failure->why.text);
}

__attribute__((format(printf, 2, 3))) static void add(struct acme_failure *out,
                                                      const char *format, ...)
{
    va_list arguments;
    size_t len = strlen(out->why.text);
    va_start(arguments, format);
    vsnprintf(out->why.text + len, sizeof(out->why.text) - len, format, arguments);
    va_end(arguments);
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

static const char *short_type(const char *type)
{
    size_t prefix = strlen(TYPE_PREFIX);
    return strncmp(type, TYPE_PREFIX, prefix) == 0 ? type + prefix : "";
}

static void add_subproblems(const json_t *problem, struct acme_failure *out)
{
    const json_t *list = json_object_get(problem, "subproblems");
    size_t count = json_array_size(list);
    for (size_t i = 0; i < count && i < SUBPROBLEMS_SHOWN; i++) {
        const json_t *one = json_array_get(list, i);
        const char *name = text_of(json_object_get(one, "identifier"), "value");
        add(out, "; %s%s%s", name, name[0] != '\0' ? ": " : "", text_of(one, "detail"));
    }
    if (count > SUBPROBLEMS_SHOWN)
        add(out, "; and %zu more", count - SUBPROBLEMS_SHOWN);
}

static bool read_problem(const struct acme_response *response, struct acme_failure *out)
{
    json_t *problem = json_loadb(response->body.ptr != NULL ? response->body.ptr : "",
                                 response->body.len, 0, NULL);
    const char *type = text_of(problem, "type"), *detail = text_of(problem, "detail");
    bool is_problem = type[0] != '\0' || detail[0] != '\0';
    if (is_problem) {
        snprintf(out->type, sizeof(out->type), "%s", short_type(type));
        add(out, "%s", detail[0] != '\0' ? detail : "the CA gives no reason");
        if (type[0] != '\0')
            add(out, " (%s)", out->type[0] != '\0' ? out->type : type);
        add_subproblems(problem, out);
    }
    json_decref(problem);
    return is_problem;
}

void acme_failure_read(const struct acme_response *response, const char *what,
                       struct acme_failure *out)
{
    acme_failure_set(out, "%s: ", what);
    out->retry_after_s = response->retry_after_s;
    out->silent = response->status == 0;
    out->unreachable = response->status == 0 || response->status >= 500;
    if (response->status == 0)
        add(out, "the CA cannot be reached: %s",
            response->error != NULL ? response->error : "no answer");
    else if (!read_problem(response, out))
        add(out, "the CA answers with status %d: %.*s", response->status,
            (int)(response->body.len < EXCERPT ? response->body.len : EXCERPT),
            response->body.ptr != NULL ? response->body.ptr : "");
    acme_text_clean(out->why.text);
    acme_text_clean(out->type);
}

/* <url>; rel="relation"; … */
static bool has_relation(struct span parameters, struct span relation)
{
    struct span one;
    while (parameters.len > 0) {
        parameters = span_split(parameters, ';', &one);
        one = span_trim(one);
        if (one.len < 4 || !span_equal_nocase(span_first(one, 4), SPAN("rel=")))
            continue;
        one = span_skip(one, 4);
        if (one.len >= 2 && one.ptr[0] == '"' && one.ptr[one.len - 1] == '"')
            one = span_first(span_skip(one, 1), one.len - 2);
        return span_equal_nocase(one, relation);
    }
    return false;
}

/* Cuts one link-value off the front; commas inside <> do not end it. */
static struct span cut_link(struct span *rest)
{
    bool inside = false;
    size_t i = 0;
    for (; i < rest->len; i++) {
        char c = rest->ptr[i];
        if (c == '\n' || (c == ',' && !inside))
            break;
        inside = c == '<' || (inside && c != '>');
    }
    struct span link = span_trim(span_first(*rest, i));
    *rest = span_skip(*rest, i < rest->len ? i + 1 : i);
    return link;
}

char *acme_link(struct span links, const char *relation, size_t i)
{
    while (links.len > 0) {
        struct span link = cut_link(&links);
        ptrdiff_t end = span_find(link, '>', 0);
        if (link.len == 0 || link.ptr[0] != '<' || end < 0 ||
            !has_relation(span_skip(link, (size_t)end + 1), span_cstr(relation)))
            continue;
        if (i-- > 0)
            continue;
        char *url = span_dup(span_first(span_skip(link, 1), (size_t)end - 1));
        if (url != NULL && acme_url_is_usable(url))
            return url;
        free(url);
        return NULL;
    }
    return NULL;
}
