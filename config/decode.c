/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Recursion follows the schema, so its depth is the schema's, not the file's.
 * Defaults are written by decoding each row's `fallback` text as if the
 * operator had written it: one path for both.
 */
#include "config/decode.h"

#include "config/convert.h"
#include "config/decode_value.h"

#include <stdlib.h>

struct span decode_qualify(struct arena *arena, struct span name, struct span provider)
{
    if (provider.len == 0 || span_find(name, '@', 0) >= 0)
        return arena_span(arena, name);
    return span_cstr(
        arena_format(arena, "%.*s@%.*s", SPAN_ARG(name), SPAN_ARG(provider)));
}

/* ---- defaults ---- */

static void write_default(struct decoder *decoder, const struct schema_row *row, void *base)
{
    if (row->fallback == NULL || row->storage == STORE_NOWHERE)
        return;
    struct node node = {.kind = NODE_SCALAR, .text = span_cstr(row->fallback)};
    decode_value(decoder, row, &node, base);
}

static void write_defaults(struct decoder *decoder, const struct schema_row *rows, void *base)
{
    for (const struct schema_row *row = rows; row->name != NULL; row++) {
        if (row->type == SCHEMA_SECTION)
            write_defaults(decoder, row->rows, (char *)base + row->offset);
        else if (!schema_is_section(row))
            write_default(decoder, row, base);
    }
}

enum err decode_defaults(struct arena *arena, const struct schema_row *rows, void *base)
{
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    struct decoder decoder = {.arena = arena, .diagnostics = &diagnostics};
    write_defaults(&decoder, rows, base);
    /* A default that its own row refuses is a mistake in the table. */
    bool bad = diagnostics.errors > 0;
    diagnostics_finish(&diagnostics);
    if (bad)
        abort();
    return decoder.failed ? ERR_NOMEM : ERR_OK;
}

/* ---- sections ---- */

static void decode_rows(struct decoder *decoder, const struct schema_row *rows,
                        const struct node *map, void *base, bool root);

/* {} or true switch a section on, false off; nothing else may, since a `tls: on` that is taken for
 * no would serve in plain what was to be served by TLS. Whether there is more to read. */
static bool opens_section(struct decoder *decoder, const struct schema_row *row,
                          const struct node *node, bool *present)
{
    bool flag = true;
    *present = true;
    if (node->kind == NODE_MAP && (node->map.count > 0 || row->allow_empty))
        return node->map.count > 0;
    *present = false;
    if (node->kind == NODE_MAP) {
        decoder_error(decoder, node, "is empty: remove it, or set at least one of its keys");
    } else if (node->kind == NODE_SCALAR && row->allow_empty) {
        if (node->text.len > 0 && convert_bool(node->text, &flag) != ERR_OK)
            decoder_error(decoder, node, "must be a map of keys, true or false, not \"%.*s\"",
                          SPAN_ARG(span_first(node->text, 64)));
        *present = flag;
    } else {
        decoder_error(decoder, node, "must be a map of keys, not %s", node_kind_name(node));
    }
    return false;
}

static void decode_section(struct decoder *decoder, const struct schema_row *row,
                           const struct node *node, void *base)
{
    bool present;
    bool more = opens_section(decoder, row, node, &present);
    if (present && row->has_present && base != NULL)
        *(bool *)((char *)base + row->present_offset) = true;
    if (more)
        decode_rows(decoder, row->rows, node, base ? (char *)base + row->offset : NULL, false);
    if (present && row->check != NULL)
        row->check(decoder, row, node, base);
}

static void *new_elements(struct decoder *decoder, const struct schema_row *row, size_t count)
{
    char *elements = arena_alloc(decoder->arena, row->element_size * (count ? count : 1));
    if (elements == NULL)
        decoder->failed = true;
    return elements;
}

static void begin_object(struct decoder *decoder, const struct schema_row *row,
                         const struct node_entry *entry, struct model_object *object)
{
    object->mark = entry->mark;
    object->mark.file = arena_cstr(decoder->arena, span_cstr(entry->mark.file));
    object->provider = decoder->provider;
    object->name = decode_qualify(decoder->arena, entry->key,
                                  row->qualify ? decoder->provider : SPAN_EMPTY);
    if (object->mark.file == NULL || object->name.ptr == NULL)
        decoder->failed = true;
}

static int compare_objects(const void *a, const void *b)
{
    const struct model_object *left = a, *right = b;
    return span_compare(left->name, right->name);
}

static void decode_object(struct decoder *decoder, const struct schema_row *row,
                          const struct node_entry *entry, void *element)
{
    struct model_object *outer = decoder->object;
    struct model_object scratch = {0};
    size_t old = decoder_push(decoder, entry->key);
    if (element != NULL) {
        write_defaults(decoder, row->rows, element);
        begin_object(decoder, row, entry, element);
    }
    decoder->object = element != NULL ? element : &scratch;
    if (entry->value->kind == NODE_MAP)
        decode_rows(decoder, row->rows, entry->value, element, false);
    else
        decoder_error(decoder, entry->value, "must be a map of keys, not %s",
                      node_kind_name(entry->value));
    if (row->check != NULL && element != NULL)
        row->check(decoder, row, entry->value, element);
    decoder->object = outer;
    decoder_pop(decoder, old);
}

static void decode_objects(struct decoder *decoder, const struct schema_row *row,
                           const struct node *node, void *base)
{
    if (node->kind != NODE_MAP || node->map.count == 0) {
        decoder_error(decoder, node, "must be a map of names, not %s",
                      node->kind == NODE_MAP ? "an empty one" : node_kind_name(node));
        return;
    }
    bool stored = row->storage == STORE_VALUE && base != NULL;
    char *elements = stored ? new_elements(decoder, row, node->map.count) : NULL;
    size_t count = 0;
    for (uint32_t i = 0; i < node->map.count && !decoder->failed; i++) {
        const struct node_entry *entry = &node->map.entries[i];
        if (entry->value->kind != NODE_NULL)
            decode_object(decoder, row, entry,
                          stored ? elements + row->element_size * count++ : NULL);
    }
    if (!stored || decoder->failed)
        return;
    qsort(elements, count, row->element_size, compare_objects);
    *(void **)((char *)base + row->offset) = elements;
    *(size_t *)((char *)base + row->count_offset) = count;
}

static void decode_element(struct decoder *decoder, const struct schema_row *row,
                           const struct node *node, uint32_t position, void *element)
{
    size_t old = decoder_push_position(decoder, position);
    if (element != NULL) {
        write_defaults(decoder, row->rows, element);
        if (row->marked) {
            struct source_mark mark = node->mark;
            mark.file = arena_cstr(decoder->arena, span_cstr(mark.file));
            decoder->failed |= mark.file == NULL;
            *(struct source_mark *)((char *)element + row->mark_offset) = mark;
        }
    }
    size_t errors = decoder->diagnostics->errors;
    if (node->kind == NODE_MAP)
        decode_rows(decoder, row->rows, node, element, false);
    else
        decoder_error(decoder, node, "must be a map of keys, not %s", node_kind_name(node));
    /* A misspelt key need not be called a missing one, too. */
    if (row->check != NULL && element != NULL && decoder->diagnostics->errors == errors)
        row->check(decoder, row, node, element);
    decoder_pop(decoder, old);
}

static void decode_array(struct decoder *decoder, const struct schema_row *row,
                         const struct node *node, void *base)
{
    if (node->kind != NODE_LIST) {
        decoder_error(decoder, node, "must be a list, not %s", node_kind_name(node));
        return;
    }
    bool stored = row->storage == STORE_VALUE && base != NULL;
    char *elements = stored ? new_elements(decoder, row, node->list.count) : NULL;
    size_t count = 0;
    for (uint32_t i = 0; i < node->list.count && !decoder->failed; i++)
        if (node->list.items[i]->kind != NODE_NULL)
            decode_element(decoder, row, node->list.items[i], i,
                           stored ? elements + row->element_size * count++ : NULL);
    if (!stored || decoder->failed)
        return;
    *(void **)((char *)base + row->offset) = elements;
    *(size_t *)((char *)base + row->count_offset) = count;
}

/* ---- one key ---- */

/* What is not built is named once; below it values are only checked. */
static void announce_unbuilt(struct decoder *decoder, const struct schema_row *row,
                             const struct node_entry *entry)
{
    const struct node *node = entry->value;
    bool section = schema_is_section(row) || row->type == SCHEMA_ANY;
    bool on = true;
    bool off = node->kind == NODE_SCALAR && convert_bool(node->text, &on) == ERR_OK && !on;
    if (row->built == BUILT || (section ? off : decode_is_default(row, node)))
        return;
    if (row->built == UNBUILT_CLOSES) {
        decoder_warn_at(decoder, &entry->mark,
                        "is not supported yet; what uses it is not served");
        decoder_break_object(decoder, "%s is not supported yet", decoder->path);
    } else {
        decoder_warn_at(decoder, &entry->mark, "is not supported yet and has no effect");
    }
}

static void decode_row(struct decoder *decoder, const struct schema_row *row,
                       const struct node_entry *entry, void *base)
{
    bool was_muted = decoder->muted;
    const struct node *node = entry->value;
    announce_unbuilt(decoder, row, entry);
    if (row->deprecated && row->built == BUILT)
        decoder_warn_at(decoder, &entry->mark, "is deprecated");
    if (row->built != BUILT)
        decoder->muted = true;
    /* Nothing below a place that is kept nowhere is kept. */
    if (row->type == SCHEMA_SECTION) {
        decode_section(decoder, row, node, base);
    } else if (row->type == SCHEMA_OBJECTS) {
        decode_objects(decoder, row, node, base);
    } else if (row->type == SCHEMA_ARRAY) {
        decode_array(decoder, row, node, base);
    } else {
        decode_value(decoder, row, node, base);
        if (row->check != NULL)
            row->check(decoder, row, node, base);
    }
    decoder->muted = was_muted;
}

static void report_unknown(struct decoder *decoder, const struct schema_row *rows,
                           const struct node_entry *entry)
{
    struct node at = {.mark = entry->mark};
    const char *nearest = schema_nearest(rows, entry->key);
    size_t old = decoder_push(decoder, entry->key);
    if (nearest != NULL)
        decoder_error(decoder, &at, "field not found, node: %.*s; did you mean \"%s\"?",
                      SPAN_ARG(entry->key), nearest);
    else
        decoder_error(decoder, &at, "field not found, node: %.*s", SPAN_ARG(entry->key));
    decoder_pop(decoder, old);
}

/* A key that stands twice, in different case: the later one counts. */
static void warn_of_twins(struct decoder *decoder, const struct node *map, uint32_t position)
{
    const struct node_entry *entry = &map->map.entries[position];
    for (uint32_t i = 0; i < position; i++)
        if (span_equal_nocase(map->map.entries[i].key, entry->key))
            decoder_warn_at(decoder, &entry->mark,
                            "stands on line %u already; the last one counts",
                            map->map.entries[i].mark.line);
}

static void decode_rows(struct decoder *decoder, const struct schema_row *rows,
                        const struct node *map, void *base, bool root)
{
    for (uint32_t i = 0; i < map->map.count && !decoder->failed; i++) {
        const struct node_entry *entry = &map->map.entries[i];
        const struct schema_row *row = schema_find(rows, entry->key);
        if (row == NULL && !root)
            report_unknown(decoder, rows, entry);
        if (row == NULL || entry->value->kind == NODE_NULL)
            continue;
        size_t old = decoder_push(decoder, span_cstr(row->name));
        warn_of_twins(decoder, map, i);
        decode_row(decoder, row, entry, base);
        decoder_pop(decoder, old);
    }
}

enum err decode_root(struct decoder *decoder, const struct schema_row *rows,
                     const struct node *root, void *base)
{
    if (root == NULL)
        return ERR_OK;
    if (root->kind != NODE_MAP)
        decoder_error(decoder, root, "the file must hold a map of keys, not %s",
                      node_kind_name(root));
    else
        decode_rows(decoder, rows, root, base, true);
    return decoder->failed ? ERR_NOMEM : ERR_OK;
}
