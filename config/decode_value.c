/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A list may be written as a list, or as one string that is split at commas;
 * both end in one array of spans. Every type first becomes text, as in
 * Traefik, whose decoder knows only strings: `true` for a string is "true".
 */
#include "config/decode_value.h"

#include "config/convert.h"

#include <inttypes.h>

static void *slot(const struct schema_row *row, void *base)
{
    return (char *)base + row->offset;
}

/* How the row's value is kept in `base`; nowhere when there is none. */
static enum schema_storage storage(const struct schema_row *row, const void *base)
{
    return base != NULL ? row->storage : STORE_NOWHERE;
}

static struct span keep(struct decoder *decoder, struct span text)
{
    struct span copy = arena_span(decoder->arena, text);
    if (copy.ptr == NULL)
        decoder->failed = true;
    return copy;
}

/* The text of a scalar; an error when it is none. */
static bool scalar_text(struct decoder *decoder, const struct schema_row *row,
                        const struct node *node, struct span *out)
{
    if (node->kind != NODE_SCALAR) {
        decoder_error(decoder, node, "must be of type %s, not %s", schema_type_name(row->type),
                      node_kind_name(node));
        return false;
    }
    *out = node->text;
    return true;
}

/* ---- single values ---- */

static bool choice_value(const struct schema_row *row, struct span text, int *value,
                         const char **name)
{
    for (const struct schema_choice *choice = row->choices; choice->name != NULL; choice++) {
        struct span spelling = span_cstr(choice->name);
        if (span_equal(spelling, text) || (row->any_case && span_equal_nocase(spelling, text))) {
            *value = choice->value;
            *name = choice->name;
            return true;
        }
    }
    return false;
}

static void reject_choice(struct decoder *decoder, const struct schema_row *row,
                          const struct node *node, struct span text)
{
    static const char more[] = " …";
    char list[256];
    size_t used = 0;
    list[0] = '\0';
    for (const struct schema_choice *choice = row->choices; choice->name != NULL; choice++) {
        int n = snprintf(list + used, sizeof(list) - used, "%s%s", used ? ", " : "",
                         choice->name);
        if (n < 0 || (size_t)n >= sizeof(list) - used - sizeof(more)) {
            memcpy(list + used, more, sizeof(more));
            break;
        }
        used += (size_t)n;
    }
    const char *nearest = schema_nearest_choice(row->choices, text);
    decoder_reject(decoder, node, "unknown value \"%.*s\"%s%s%s The choices are: %s",
                   SPAN_ARG(text), nearest ? "; did you mean \"" : "", nearest ? nearest : "",
                   nearest ? "\"?" : ".", list);
}

static void decode_choice(struct decoder *decoder, const struct schema_row *row,
                          const struct node *node, struct span text, void *base)
{
    int value;
    const char *name;
    if (text.len == 0 && row->fallback == NULL)
        return;
    if (!choice_value(row, text, &value, &name)) {
        reject_choice(decoder, row, node, text);
        return;
    }
    if (storage(row, base) == STORE_ENUM)
        *(int *)slot(row, base) = value;
    else if (storage(row, base) == STORE_VALUE)
        *(struct span *)slot(row, base) = keep(decoder, span_cstr(name));
}

static bool in_range(struct decoder *decoder, const struct schema_row *row,
                     const struct node *node, int64_t value)
{
    if (!row->has_range || (value >= row->min && value <= row->max))
        return true;
    char least[CONVERT_DURATION_SIZE], most[CONVERT_DURATION_SIZE];
    if (row->type == SCHEMA_DURATION) {
        convert_format_duration(row->min, least);
        convert_format_duration(row->max, most);
    } else {
        snprintf(least, sizeof(least), "%" PRId64, row->min);
        snprintf(most, sizeof(most), "%" PRId64, row->max);
    }
    if (row->max == INT64_MAX)
        decoder_reject(decoder, node, "must be at least %s", least);
    else
        decoder_reject(decoder, node, "must be from %s to %s", least, most);
    return false;
}

static void decode_number(struct decoder *decoder, const struct schema_row *row,
                          const struct node *node, struct span text, void *base)
{
    int64_t value;
    bool duration = row->type == SCHEMA_DURATION;
    enum err error = duration ? convert_duration(text, &value) : convert_integer(text, &value);
    if (error == ERR_LIMIT) {
        decoder_error(decoder, node, "\"%.*s\" is too big", SPAN_ARG(text));
    } else if (error != ERR_OK && duration) {
        decoder_error(decoder, node, "\"%.*s\" is no duration; write for example 30, 30s, "
                      "1m30s or 250ms (a bare number is seconds)", SPAN_ARG(text));
    } else if (error != ERR_OK) {
        decoder_error(decoder, node, "\"%.*s\" is no whole number", SPAN_ARG(text));
    } else if (in_range(decoder, row, node, value)) {
        if (storage(row, base) == STORE_U32)
            *(uint32_t *)slot(row, base) = (uint32_t)value;
        else if (storage(row, base) == STORE_VALUE)
            *(int64_t *)slot(row, base) = value;
    }
}

static void decode_bool(struct decoder *decoder, const struct schema_row *row,
                        const struct node *node, struct span text, void *base)
{
    bool value;
    if (convert_bool(text, &value) != ERR_OK)
        decoder_error(decoder, node, "\"%.*s\" is no boolean; write true or false",
                      SPAN_ARG(text));
    else if (storage(row, base) == STORE_VALUE)
        *(bool *)slot(row, base) = value;
    else if (storage(row, base) == STORE_BIT)
        *(uint32_t *)slot(row, base) =
            value ? *(uint32_t *)slot(row, base) | row->bit
                  : *(uint32_t *)slot(row, base) & ~row->bit;
}

static void decode_scalar(struct decoder *decoder, const struct schema_row *row,
                          const struct node *node, void *base)
{
    struct span text;
    double number;
    if (!scalar_text(decoder, row, node, &text))
        return;
    switch (row->type) {
    case SCHEMA_BOOL:
        decode_bool(decoder, row, node, text, base);
        break;
    case SCHEMA_INTEGER:
    case SCHEMA_BYTES:
    case SCHEMA_DURATION:
        decode_number(decoder, row, node, text, base);
        break;
    case SCHEMA_FLOAT:
        if (convert_float(text, &number) != ERR_OK)
            decoder_error(decoder, node, "\"%.*s\" is no number", SPAN_ARG(text));
        break;
    case SCHEMA_CHOICE:
        decode_choice(decoder, row, node, text, base);
        break;
    default: /* STRING, CONTENT */
        if (storage(row, base) == STORE_VALUE)
            *(struct span *)slot(row, base) = keep(decoder, text);
    }
}

/* ---- lists ---- */

struct texts {
    struct span *items;
    const struct node **nodes;
    size_t count;
};

static bool texts_reserve(struct decoder *decoder, struct texts *texts, size_t count)
{
    texts->items = ARENA_ARRAY(decoder->arena, struct span, count);
    texts->nodes = ARENA_ARRAY(decoder->arena, const struct node *, count);
    if (texts->items == NULL || texts->nodes == NULL)
        decoder->failed = true;
    return !decoder->failed;
}

static bool split_string(struct decoder *decoder, const struct node *node, struct texts *texts)
{
    size_t count = 1;
    for (size_t i = 0; i < node->text.len; i++)
        count += node->text.ptr[i] == ',';
    if (node->text.len == 0 || !texts_reserve(decoder, texts, count))
        return node->text.len == 0;
    struct span rest = node->text;
    while (rest.ptr != NULL) {
        struct span item;
        rest = span_split(rest, ',', &item);
        texts->nodes[texts->count] = node;
        texts->items[texts->count++] = keep(decoder, span_trim(item));
    }
    return true;
}

/* The items of a list of scalars; false after an error. */
static bool list_texts(struct decoder *decoder, const struct schema_row *row,
                       const struct node *node, struct texts *texts)
{
    if (node->kind == NODE_SCALAR)
        return split_string(decoder, node, texts);
    if (node->kind != NODE_LIST) {
        decoder_error(decoder, node, "must be of type %s, not %s", schema_type_name(row->type),
                      node_kind_name(node));
        return false;
    }
    if (node->list.count == 0 || !texts_reserve(decoder, texts, node->list.count))
        return node->list.count == 0;
    for (uint32_t i = 0; i < node->list.count; i++) {
        const struct node *item = node->list.items[i];
        if (item->kind == NODE_NULL)
            continue;
        if (item->kind != NODE_SCALAR) {
            decoder_error(decoder, item, "must be a single value, not %s", node_kind_name(item));
            return false;
        }
        texts->nodes[texts->count] = item;
        texts->items[texts->count++] = keep(decoder, item->text);
    }
    return !decoder->failed;
}

static void store_cidrs(struct decoder *decoder, const struct schema_row *row, struct texts *texts,
                        void *base)
{
    struct model_cidr *items = ARENA_ARRAY(decoder->arena, struct model_cidr, texts->count + 1);
    if (items == NULL) {
        decoder->failed = true;
        return;
    }
    for (size_t i = 0; i < texts->count; i++)
        if (convert_cidr(texts->items[i], &items[i]) != ERR_OK)
            decoder_reject(decoder, texts->nodes[i], "\"%.*s\" is no address or range; write "
                           "for example 10.0.0.0/8 or 2001:db8::1", SPAN_ARG(texts->items[i]));
    if (storage(row, base) == STORE_VALUE)
        *(struct model_cidr_list *)slot(row, base) =
            (struct model_cidr_list){items, texts->count};
}

static void store_contents(struct decoder *decoder, const struct schema_row *row,
                           struct texts *texts, void *base)
{
    struct model_content *items =
        ARENA_ARRAY(decoder->arena, struct model_content, texts->count + 1);
    if (items == NULL) {
        decoder->failed = true;
        return;
    }
    for (size_t i = 0; i < texts->count; i++)
        items[i].value = texts->items[i];
    if (storage(row, base) == STORE_VALUE) {
        *(struct model_content **)slot(row, base) = items;
        *(size_t *)((char *)base + row->count_offset) = texts->count;
    }
}

static void check_numbers(struct decoder *decoder, const struct schema_row *row,
                          struct texts *texts)
{
    for (size_t i = 0; i < texts->count; i++) {
        int64_t integer;
        double number;
        if (row->type == SCHEMA_INTEGERS ? convert_integer(texts->items[i], &integer) != ERR_OK
                                         : convert_float(texts->items[i], &number) != ERR_OK)
            decoder_error(decoder, texts->nodes[i], "\"%.*s\" is no number",
                          SPAN_ARG(texts->items[i]));
    }
}

static void check_choices(struct decoder *decoder, const struct schema_row *row,
                          struct texts *texts)
{
    int value;
    const char *name;
    for (size_t i = 0; i < texts->count; i++)
        if (!choice_value(row, texts->items[i], &value, &name))
            reject_choice(decoder, row, texts->nodes[i], texts->items[i]);
}

static void decode_list(struct decoder *decoder, const struct schema_row *row,
                        const struct node *node, void *base)
{
    struct texts texts = {0};
    if (!list_texts(decoder, row, node, &texts))
        return;
    switch (row->type) {
    case SCHEMA_CIDRS:
        store_cidrs(decoder, row, &texts, base);
        return;
    case SCHEMA_CONTENTS:
        store_contents(decoder, row, &texts, base);
        return;
    case SCHEMA_INTEGERS:
    case SCHEMA_FLOATS:
        check_numbers(decoder, row, &texts);
        return;
    case SCHEMA_CHOICES:
        check_choices(decoder, row, &texts);
        break;
    default:
        break;
    }
    if (storage(row, base) == STORE_VALUE)
        *(struct span_list *)slot(row, base) = (struct span_list){texts.items, texts.count};
}

/* ---- free maps ---- */

static void decode_map(struct decoder *decoder, const struct schema_row *row,
                       const struct node *node, void *base)
{
    if (node->kind != NODE_MAP || node->map.count == 0) {
        decoder_error(decoder, node, "must be of type %s, not %s", schema_type_name(row->type),
                      node->kind == NODE_MAP ? "an empty one" : node_kind_name(node));
        return;
    }
    struct model_string_map map = {0};
    map.items = ARENA_ARRAY(decoder->arena, struct model_string_pair, node->map.count);
    if (map.items == NULL) {
        decoder->failed = true;
        return;
    }
    for (uint32_t i = 0; i < node->map.count; i++) {
        const struct node_entry *entry = &node->map.entries[i];
        int64_t integer;
        if (entry->value->kind == NODE_NULL)
            continue;
        if (entry->value->kind != NODE_SCALAR)
            decoder_error(decoder, entry->value, "%.*s: must be a single value, not %s",
                          SPAN_ARG(entry->key), node_kind_name(entry->value));
        else if (row->type == SCHEMA_INTEGER_MAP &&
                 convert_integer(entry->value->text, &integer) != ERR_OK)
            decoder_error(decoder, entry->value, "%.*s: \"%.*s\" is no whole number",
                          SPAN_ARG(entry->key), SPAN_ARG(entry->value->text));
        else
            map.items[map.count++] = (struct model_string_pair){
                keep(decoder, entry->key), keep(decoder, entry->value->text)};
    }
    if (storage(row, base) == STORE_VALUE)
        *(struct model_string_map *)slot(row, base) = map;
}

void decode_value(struct decoder *decoder, const struct schema_row *row, const struct node *node,
                  void *base)
{
    switch (row->type) {
    case SCHEMA_STRINGS:
    case SCHEMA_CHOICES:
    case SCHEMA_CIDRS:
    case SCHEMA_CONTENTS:
    case SCHEMA_INTEGERS:
    case SCHEMA_FLOATS:
        decode_list(decoder, row, node, base);
        break;
    case SCHEMA_STRING_MAP:
    case SCHEMA_INTEGER_MAP:
        decode_map(decoder, row, node, base);
        break;
    case SCHEMA_ANY:
        break;
    default:
        decode_scalar(decoder, row, node, base);
    }
}

bool decode_is_default(const struct schema_row *row, const struct node *node)
{
    if (node->kind == NODE_LIST)
        return node->list.count == 0;
    if (node->kind != NODE_SCALAR)
        return false;
    struct span fallback = span_cstr(row->fallback ? row->fallback : "");
    bool flag, usual = false;
    int64_t number, expected = 0;
    if (row->type == SCHEMA_BOOL) {
        (void)!convert_bool(fallback, &usual);
        return convert_bool(node->text, &flag) != ERR_OK || flag == usual;
    }
    if (row->type == SCHEMA_DURATION) {
        (void)!convert_duration(fallback, &expected);
        return convert_duration(node->text, &number) == ERR_OK && number == expected;
    }
    if (row->type == SCHEMA_INTEGER || row->type == SCHEMA_BYTES) {
        (void)!convert_integer(fallback, &expected);
        return convert_integer(node->text, &number) == ERR_OK && number == expected;
    }
    return span_equal(node->text, fallback);
}
