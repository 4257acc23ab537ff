/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A growing array of at most DIAGNOSTICS_MAX findings; the counters know of
 * all. A finding that cannot be kept for want of memory is still counted, so
 * that an error never passes for success.
 */
#include "config/diagnostics.h"

#include "core/base/limits.h"
#include "core/base/log.h"

#include <stdlib.h>

void diagnostics_init(struct diagnostics *list)
{
    *list = (struct diagnostics){0};
}

static void diagnostic_finish(struct diagnostic *item)
{
    free((char *)item->mark.file);
    free(item->key);
    free(item->message);
}

void diagnostics_finish(struct diagnostics *list)
{
    for (size_t i = 0; i < list->count; i++)
        diagnostic_finish(&list->items[i]);
    free(list->items);
    *list = (struct diagnostics){0};
}

static void count(struct diagnostics *list, enum severity severity)
{
    if (severity == SEVERITY_ERROR)
        list->errors++;
    else if (severity == SEVERITY_PROBLEM)
        list->problems++;
    else
        list->warnings++;
}

/* Values of the operator's are quoted in messages: one line each, no escapes. */
static void mask_controls(char *text)
{
    for (; text != NULL && *text != '\0'; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = '?';
}

/* Takes the item's strings over. */
static void keep(struct diagnostics *list, struct diagnostic *item)
{
    struct diagnostic *items = NULL;
    if (item->mark.file != NULL && item->key != NULL && item->message != NULL)
        items = realloc(list->items, (list->count + 1) * sizeof(*items));
    if (items == NULL) {
        diagnostic_finish(item);
        return;
    }
    list->items = items;
    list->items[list->count++] = *item;
}

__attribute__((format(printf, 5, 0))) static void
add(struct diagnostics *list, enum severity severity, struct source_mark mark, const char *key,
    const char *format, va_list arguments)
{
    count(list, severity);
    if (list->count >= DIAGNOSTICS_MAX)
        return;
    char *message = NULL;
    if (vasprintf(&message, format, arguments) < 0)
        message = NULL;
    struct diagnostic item = {severity, mark, strdup(key ? key : ""), message};
    item.mark.file = strdup(mark.file ? mark.file : "");
    mask_controls(item.key);
    mask_controls(item.message);
    keep(list, &item);
}

void diagnostics_add(struct diagnostics *list, enum severity severity, struct source_mark mark,
                     const char *key, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add(list, severity, mark, key, format, arguments);
    va_end(arguments);
}

void diagnostics_report(struct diagnostics *list, enum severity severity, struct source_mark mark,
                        const char *key, const char *format, ...)
{
    struct diagnostics own;
    va_list arguments;
    diagnostics_init(&own);
    va_start(arguments, format);
    add(list ? list : &own, severity, mark, key, format, arguments);
    va_end(arguments);
    diagnostics_log(&own);
    diagnostics_finish(&own);
}

static const char *severity_name(enum severity severity)
{
    return severity == SEVERITY_WARNING ? "warning" : "error";
}

/* "FILE:LINE:COLUMN", or only what is known of it. */
static void format_place(const struct source_mark *mark, char *out, size_t size)
{
    if (mark->line == 0)
        snprintf(out, size, "%s", mark->file);
    else
        snprintf(out, size, "%s:%u:%u", mark->file, mark->line, mark->column);
}

void diagnostics_print(const struct diagnostics *list, FILE *out)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct diagnostic *item = &list->items[i];
        char place[4200];
        format_place(&item->mark, place, sizeof(place));
        fprintf(out, "%s%s%s: %s%s%s\n", place, place[0] ? ": " : "",
                severity_name(item->severity), item->key, item->key[0] ? ": " : "",
                item->message);
    }
    size_t all = list->errors + list->problems + list->warnings;
    if (all > list->count)
        fprintf(out, "… and %zu more\n", all - list->count);
}

void diagnostics_log(const struct diagnostics *list)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct diagnostic *item = &list->items[i];
        char place[4200], text[LIMIT_LOG_LINE];
        format_place(&item->mark, place, sizeof(place));
        snprintf(text, sizeof(text), "%s%s%s", item->key, item->key[0] ? ": " : "",
                 item->message);
        LOG_AT(item->severity == SEVERITY_WARNING ? LOG_WARN : LOG_ERROR, text, "at", place);
    }
    size_t all = list->errors + list->problems + list->warnings;
    if (all > list->count) {
        char more[32];
        snprintf(more, sizeof(more), "%zu", all - list->count);
        log_warn("more findings in the configuration", "count", more);
    }
}
