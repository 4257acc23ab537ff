/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Walks the tables as the decoder does, and prints instead of writing. What is
 * kept by a check and not by a row (a service's kind, a middleware's type) is
 * printed with the object it belongs to.
 */
#include "config/dump.h"

#include "config/convert.h"
#include "config/schema.h"

#include <inttypes.h>

#define PATH_MAX_LENGTH 512

static void dump_rows(const struct schema_row *rows, const void *base, const char *path,
                      FILE *out);

static void print_text(struct span text, FILE *out)
{
    fputc('"', out);
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c == '"' || c == '\\')
            fprintf(out, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            fprintf(out, "\\x%02x", c);
        else
            fputc(c, out);
    }
    fputc('"', out);
}

static void print_cidr(const struct model_cidr *cidr, FILE *out)
{
    for (int i = 0; i < 16; i++)
        fprintf(out, "%02x", cidr->address[i]);
    fprintf(out, "/%u", cidr->prefix);
}

static const char *choice_name(const struct schema_row *row, int value)
{
    for (const struct schema_choice *choice = row->choices; choice->name != NULL; choice++)
        if (choice->value == value)
            return choice->name;
    return "";
}

static void print_number(const struct schema_row *row, const void *at, FILE *out)
{
    char text[CONVERT_DURATION_SIZE];
    if (row->storage == STORE_U32)
        fprintf(out, "%" PRIu32, *(const uint32_t *)at);
    else if (row->type != SCHEMA_DURATION)
        fprintf(out, "%" PRId64, *(const int64_t *)at);
    else {
        convert_format_duration(*(const int64_t *)at, text);
        fputs(text, out);
    }
}

static void print_list(const struct schema_row *row, const void *at, const void *base, FILE *out)
{
    const struct span_list *texts = at;
    const struct model_cidr_list *cidrs = at;
    const struct model_string_map *map = at;
    fputc('[', out);
    if (row->type == SCHEMA_CIDRS) {
        for (size_t i = 0; i < cidrs->count; i++) {
            fputs(i ? ", " : "", out);
            print_cidr(&cidrs->items[i], out);
        }
    } else if (row->type == SCHEMA_CONTENTS) {
        const struct model_content *items = *(struct model_content *const *)at;
        size_t count = *(const size_t *)((const char *)base + row->count_offset);
        for (size_t i = 0; i < count; i++) {
            fputs(i ? ", " : "", out);
            print_text(items[i].value, out);
        }
    } else if (row->type == SCHEMA_STRING_MAP) {
        for (size_t i = 0; i < map->count; i++) {
            fputs(i ? ", " : "", out);
            print_text(map->items[i].key, out);
            fputs(": ", out);
            print_text(map->items[i].value, out);
        }
    } else {
        for (size_t i = 0; i < texts->count; i++) {
            fputs(i ? ", " : "", out);
            print_text(texts->items[i], out);
        }
    }
    fputc(']', out);
}

static void print_value(const struct schema_row *row, const void *base, FILE *out)
{
    const void *at = (const char *)base + row->offset;
    if (row->storage == STORE_BIT) {
        fputs(*(const uint32_t *)at & row->bit ? "true" : "false", out);
        return;
    }
    switch (row->type) {
    case SCHEMA_BOOL:
        fputs(*(const bool *)at ? "true" : "false", out);
        break;
    case SCHEMA_INTEGER:
    case SCHEMA_BYTES:
    case SCHEMA_DURATION:
        print_number(row, at, out);
        break;
    case SCHEMA_CHOICE:
        if (row->storage == STORE_ENUM)
            fputs(choice_name(row, *(const int *)at), out);
        else
            print_text(*(const struct span *)at, out);
        break;
    case SCHEMA_STRING:
    case SCHEMA_CONTENT:
        print_text(*(const struct span *)at, out);
        break;
    default:
        print_list(row, at, base, out);
    }
}

/* What every object has beside its rows. */
static void dump_object(const struct schema_row *row, const void *element, const char *path,
                        FILE *out)
{
    const struct model_object *object = element;
    fprintf(out, "%s.provider = %.*s\n", path, SPAN_ARG(object->provider));
    if (object->problem.len > 0)
        fprintf(out, "%s.problem = %.*s\n", path, SPAN_ARG(object->problem));
    if (strcmp(row->name, "services") == 0)
        fprintf(out, "%s.kind = %d\n", path, ((const struct model_service *)element)->kind);
    if (strcmp(row->name, "middlewares") == 0)
        fprintf(out, "%s.type = %.*s\n", path,
                SPAN_ARG(((const struct model_middleware *)element)->type));
}

static void dump_elements(const struct schema_row *row, const void *base, const char *path,
                          FILE *out)
{
    const char *elements = *(const char *const *)((const char *)base + row->offset);
    size_t count = *(const size_t *)((const char *)base + row->count_offset);
    for (size_t i = 0; i < count; i++) {
        const void *element = elements + i * row->element_size;
        char below[PATH_MAX_LENGTH];
        if (row->type == SCHEMA_OBJECTS) {
            struct span name = ((const struct model_object *)element)->name;
            if (snprintf(below, sizeof(below), "%s.%.*s", path, SPAN_ARG(name)) < 0)
                return;
            dump_object(row, element, below, out);
        } else if (snprintf(below, sizeof(below), "%s[%zu]", path, i) < 0) {
            return;
        }
        dump_rows(row->rows, element, below, out);
    }
}

static void dump_row(const struct schema_row *row, const void *base, const char *path, FILE *out)
{
    char below[PATH_MAX_LENGTH];
    snprintf(below, sizeof(below), "%s%s%s", path, path[0] ? "." : "", row->name);
    if (row->type == SCHEMA_SECTION) {
        if (row->has_present)
            fprintf(out, "%s = %s\n", below,
                    *(const bool *)((const char *)base + row->present_offset) ? "present"
                                                                               : "absent");
        dump_rows(row->rows, (const char *)base + row->offset, below, out);
    } else if (row->storage == STORE_NOWHERE) {
        return;
    } else if (schema_is_section(row)) {
        dump_elements(row, base, below, out);
    } else {
        fprintf(out, "%s = ", below);
        print_value(row, base, out);
        fputc('\n', out);
    }
}

static void dump_rows(const struct schema_row *rows, const void *base, const char *path,
                      FILE *out)
{
    for (const struct schema_row *row = rows; row->name != NULL; row++)
        dump_row(row, base, path, out);
}

void dump_static(const struct model_static *model, FILE *out)
{
    dump_rows(schema_static, model, "", out);
}

void dump_dynamic(const struct model_dynamic *model, FILE *out)
{
    dump_rows(schema_dynamic, model, "", out);
}
