/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whether a finding refuses the configuration or breaks one object is decided
 * here, in decoder_reject. The path of keys lives in a fixed buffer: messages
 * show as much of it as fits.
 */
#include "config/decoder.h"

#include <stdarg.h>
#include <stdio.h>

/* ---- the path of keys ---- */

/* The path is longer by n bytes, or as long as fits. */
static void lengthen(struct decoder *decoder, int n)
{
    decoder->path_length += n > 0 ? (size_t)n : 0;
    if (decoder->path_length >= sizeof(decoder->path))
        decoder->path_length = sizeof(decoder->path) - 1;
}

size_t decoder_push(struct decoder *decoder, struct span name)
{
    size_t old = decoder->path_length;
    lengthen(decoder, snprintf(decoder->path + old, sizeof(decoder->path) - old, "%s%.*s",
                               old ? "." : "", SPAN_ARG(name)));
    return old;
}

size_t decoder_push_position(struct decoder *decoder, uint32_t position)
{
    size_t old = decoder->path_length;
    lengthen(decoder, snprintf(decoder->path + old, sizeof(decoder->path) - old, "[%u]",
                               position));
    return old;
}

void decoder_pop(struct decoder *decoder, size_t old)
{
    decoder->path_length = old;
    decoder->path[old] = '\0';
}

/* ---- messages ---- */

__attribute__((format(printf, 4, 0))) static void
add_finding(struct decoder *decoder, enum severity severity, const struct source_mark *mark,
            const char *format, va_list arguments)
{
    char text[1024];
    vsnprintf(text, sizeof(text), format, arguments);
    diagnostics_add(decoder->diagnostics, severity, *mark, decoder->path, "%s", text);
}

void decoder_error(struct decoder *decoder, const struct node *node, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add_finding(decoder, SEVERITY_ERROR, &node->mark, format, arguments);
    va_end(arguments);
}

void decoder_warn(struct decoder *decoder, const struct node *node, const char *format, ...)
{
    if (decoder->muted)
        return;
    va_list arguments;
    va_start(arguments, format);
    add_finding(decoder, SEVERITY_WARNING, &node->mark, format, arguments);
    va_end(arguments);
}

void decoder_warn_at(struct decoder *decoder, const struct source_mark *mark, const char *format,
                     ...)
{
    if (decoder->muted)
        return;
    va_list arguments;
    va_start(arguments, format);
    add_finding(decoder, SEVERITY_WARNING, mark, format, arguments);
    va_end(arguments);
}

void decoder_break_object(struct decoder *decoder, const char *format, ...)
{
    if (decoder->object == NULL || decoder->object->problem.len > 0)
        return;
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    decoder->object->problem = arena_span(decoder->arena, span_cstr(text));
    if (decoder->object->problem.ptr == NULL)
        decoder->failed = true;
}

void decoder_reject(struct decoder *decoder, const struct node *node, const char *format, ...)
{
    char text[768];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    bool breaks = decoder->dynamic && decoder->object != NULL;
    if (breaks)
        decoder_break_object(decoder, "%s: %s", decoder->path, text);
    if (!breaks || !decoder->muted)
        diagnostics_add(decoder->diagnostics, breaks ? SEVERITY_PROBLEM : SEVERITY_ERROR,
                        node->mark, decoder->path, "%s", text);
}
