/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * libfyaml parses into events; a stack of open collections builds the tree
 * from them. An alias puts the anchored node itself into its place, so the
 * text of an alias bomb costs nothing and its weight is refused. Merge keys
 * are applied when their map ends: explicit keys win.
 */
#include "config/yaml.h"

#include "core/base/limits.h"
#include "core/base/utf8.h"

#include <errno.h>
#include <libfyaml.h>
#include <stdlib.h>

struct frame {
    struct node *node;
    struct span key;
    struct source_mark key_mark;
    bool has_key, merges; /* merges: the key is << without quotes */
    struct node *merge;
};

struct builder {
    struct node_tree *tree;
    struct diagnostics *diagnostics;
    struct node *anchors; /* a map: name → node */
    struct frame stack[LIMIT_CONFIG_DEPTH];
    int depth;
    int documents;
    bool plain; /* the scalar at hand stands without quotes */
};

static struct source_mark mark_of(const struct builder *builder, struct fy_event *event)
{
    const struct fy_mark *mark = fy_event_start_mark(event);
    if (mark == NULL)
        return (struct source_mark){builder->tree->file, 0, 0};
    return (struct source_mark){builder->tree->file, (uint32_t)mark->line + 1,
                                (uint32_t)mark->column + 1};
}

#define FAIL(builder, error, mark, ...)                                                      \
    (diagnostics_add((builder)->diagnostics, SEVERITY_ERROR, (mark), "", __VA_ARGS__), (error))

static enum err fail_memory(struct builder *builder, struct source_mark mark)
{
    if (node_tree_failure(builder->tree) == ERR_LIMIT)
        return FAIL(builder, ERR_LIMIT, mark, "too many nodes: at most %d are read", NODE_MAX);
    return FAIL(builder, ERR_NOMEM, mark, "out of memory");
}

/* ---- scalars ---- */

static bool resolves_null(struct span text)
{
    return text.len == 0 || span_equal(text, SPAN("~")) || span_equal(text, SPAN("null")) ||
           span_equal(text, SPAN("Null")) || span_equal(text, SPAN("NULL"));
}

static bool resolves_bool(struct span text)
{
    static const char *const spellings[] = {"true", "True", "TRUE", "false", "False", "FALSE"};
    for (size_t i = 0; i < sizeof(spellings) / sizeof(*spellings); i++)
        if (span_equal(text, span_cstr(spellings[i])))
            return true;
    return false;
}

/* Go's strconv.ParseInt(text without "_", 0, 64); also uint64. */
static bool resolves_integer(struct span text, char *buffer, struct span *canonical)
{
    char digits[72];
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '_')
            continue;
        if (n >= sizeof(digits) - 1)
            return false;
        digits[n++] = text.ptr[i];
    }
    digits[n] = '\0';
    bool negative = digits[0] == '-';
    const char *start = digits + (digits[0] == '-' || digits[0] == '+');
    int base = 10;
    if (start[0] == '0' && start[1] != '\0') {
        char letter = ascii_lower(start[1]);
        base = letter == 'x' ? 16 : letter == 'b' ? 2 : 8;
        start += letter == 'x' || letter == 'b' || letter == 'o' ? 2 : 1;
    }
    if (*start == '\0' || *start == '-' || *start == '+' || *start == ' ' ||
        (base == 16 && start[0] == '0' && ascii_lower(start[1]) == 'x'))
        return false;
    char *end;
    errno = 0;
    unsigned long long value = strtoull(start, &end, base);
    if (*end != '\0' || errno != 0 || (negative && value > (1ull << 63)))
        return false;
    int length = snprintf(buffer, 24, "%s%llu", negative && value != 0 ? "-" : "", value);
    *canonical = span_make(buffer, (size_t)length);
    return true;
}

/* [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)? or .inf or .nan */
static bool resolves_float(struct span text)
{
    size_t i = text.len > 0 && (text.ptr[0] == '-' || text.ptr[0] == '+');
    struct span rest = span_skip(text, i);
    if (span_equal_nocase(rest, SPAN(".inf")) || span_equal_nocase(text, SPAN(".nan")))
        return true;
    size_t whole = 0, fraction = 0, exponent = 0;
    for (; i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9'; i++)
        whole++;
    if (i < text.len && text.ptr[i] == '.')
        for (i++; i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9'; i++)
            fraction++;
    if (whole + fraction == 0)
        return false;
    if (i < text.len && ascii_lower(text.ptr[i]) == 'e') {
        i++;
        i += i < text.len && (text.ptr[i] == '-' || text.ptr[i] == '+');
        for (; i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9'; i++)
            exponent++;
        if (exponent == 0)
            return false;
    }
    return i == text.len;
}

enum node_scalar yaml_resolve(struct span text, char *buffer, struct span *canonical,
                              bool *is_null)
{
    *canonical = text;
    *is_null = resolves_null(text);
    if (*is_null)
        return SCALAR_STRING;
    if (resolves_bool(text))
        return SCALAR_BOOL;
    char first = text.ptr[0];
    if ((first < '0' || first > '9') && first != '-' && first != '+' && first != '.')
        return SCALAR_STRING;
    if (resolves_integer(text, buffer, canonical))
        return SCALAR_INTEGER;
    return resolves_float(text) ? SCALAR_FLOAT : SCALAR_STRING;
}

static struct span token_text(struct fy_token *token)
{
    size_t length = 0;
    const char *text = token ? fy_token_get_text(token, &length) : NULL;
    return text != NULL ? span_make(text, length) : SPAN("");
}

static struct node *new_scalar(struct builder *builder, struct fy_event *event,
                               struct source_mark mark)
{
    struct span text = token_text(event->scalar.value);
    bool plain = event->scalar.value == NULL ||
                 fy_token_scalar_style(event->scalar.value) == FYSS_PLAIN;
    struct span tag = token_text(event->scalar.tag);
    if (!plain || span_equal(tag, SPAN("!")) || span_ends_with(tag, SPAN("str")))
        return node_new_scalar(builder->tree, SCALAR_STRING, text, mark.line, mark.column);
    char buffer[24];
    bool is_null;
    struct span canonical;
    enum node_scalar scalar = yaml_resolve(text, buffer, &canonical, &is_null);
    if (is_null)
        return node_new(builder->tree, NODE_NULL, mark.line, mark.column);
    return node_new_scalar(builder->tree, scalar, canonical, mark.line, mark.column);
}

/* ---- collections ---- */

static enum err set_anchor(struct builder *builder, struct fy_token *anchor, struct node *node,
                           struct source_mark mark)
{
    if (anchor == NULL)
        return ERR_OK;
    struct span name = token_text(anchor);
    struct node_entry *known = node_map_find(builder->anchors, name);
    if (known != NULL) {
        known->value = node;
        return ERR_OK;
    }
    if (node_map_add(builder->tree, builder->anchors, name, mark, node) != ERR_OK)
        return fail_memory(builder, mark);
    return ERR_OK;
}

static enum err add_to_map(struct builder *builder, struct frame *frame, struct node *node)
{
    frame->has_key = false;
    if (frame->merges) {
        if (node->kind != NODE_MAP && node->kind != NODE_LIST)
            return FAIL(builder, ERR_SYNTAX, frame->key_mark, "\"<<\" merges maps, not %s",
                        node_kind_name(node));
        if (frame->merge != NULL)
            return FAIL(builder, ERR_SYNTAX, frame->key_mark, "duplicate key \"<<\"");
        frame->merge = node;
        return ERR_OK;
    }
    enum err error = node_map_add(builder->tree, frame->node, frame->key, frame->key_mark, node);
    if (error != ERR_EXISTS)
        return error == ERR_OK ? ERR_OK : fail_memory(builder, frame->key_mark);
    const struct node_entry *first = node_map_find(frame->node, frame->key);
    return FAIL(builder, ERR_SYNTAX, frame->key_mark,
                "duplicate key \"%.*s\": it stands on line %u already", SPAN_ARG(frame->key),
                first->mark.line);
}

/* The finished node goes to where the innermost open collection wants it. */
static enum err place(struct builder *builder, struct node *node)
{
    if (builder->depth == 0) {
        builder->tree->root = node->kind == NODE_NULL ? NULL : node;
        return ERR_OK;
    }
    struct frame *frame = &builder->stack[builder->depth - 1];
    if (frame->node->kind == NODE_LIST) {
        if (node_list_add(builder->tree, frame->node, node) != ERR_OK)
            return fail_memory(builder, node->mark);
        return ERR_OK;
    }
    if (frame->has_key)
        return add_to_map(builder, frame, node);
    if (node->kind != NODE_SCALAR)
        return FAIL(builder, ERR_SYNTAX, node->mark, "a key must be a single word, not %s",
                    node_kind_name(node));
    frame->key = node->text;
    frame->key_mark = node->mark;
    frame->has_key = true;
    frame->merges = builder->plain && span_equal(node->text, SPAN("<<"));
    return ERR_OK;
}

static enum err merge_map(struct builder *builder, struct node *into, struct node *from)
{
    if (from->kind != NODE_MAP)
        return FAIL(builder, ERR_SYNTAX, from->mark, "\"<<\" merges maps, not %s",
                    node_kind_name(from));
    for (uint32_t i = 0; i < from->map.count; i++) {
        const struct node_entry *entry = &from->map.entries[i];
        enum err error =
            node_map_add(builder->tree, into, entry->key, entry->mark, entry->value);
        if (error != ERR_OK && error != ERR_EXISTS)
            return fail_memory(builder, entry->mark);
    }
    return ERR_OK;
}

static enum err close_collection(struct builder *builder)
{
    struct frame *frame = &builder->stack[--builder->depth];
    struct node *merge = frame->merge;
    if (merge != NULL && merge->kind == NODE_LIST) {
        for (uint32_t i = 0; i < merge->list.count; i++)
            TRY(merge_map(builder, frame->node, merge->list.items[i]));
    } else if (merge != NULL) {
        TRY(merge_map(builder, frame->node, merge));
    }
    frame->node->state = 0;
    return place(builder, frame->node);
}

static enum err open_collection(struct builder *builder, enum node_kind kind,
                                struct fy_token *anchor, struct source_mark mark)
{
    if (builder->depth == LIMIT_CONFIG_DEPTH)
        return FAIL(builder, ERR_LIMIT, mark, "nested deeper than %d levels",
                    LIMIT_CONFIG_DEPTH);
    struct node *node = node_new(builder->tree, kind, mark.line, mark.column);
    if (node == NULL)
        return fail_memory(builder, mark);
    node->state = 1; /* open: an alias to it would be a cycle */
    TRY(set_anchor(builder, anchor, node, mark));
    builder->stack[builder->depth++] = (struct frame){.node = node};
    return ERR_OK;
}

static enum err use_alias(struct builder *builder, struct fy_event *event, struct source_mark mark)
{
    struct span name = token_text(event->alias.anchor);
    struct node_entry *entry = node_map_find(builder->anchors, name);
    if (entry == NULL)
        return FAIL(builder, ERR_SYNTAX, mark, "unknown alias \"*%.*s\": no anchor \"&%.*s\" "
                    "stands before it", SPAN_ARG(name), SPAN_ARG(name));
    struct node *node = entry->value;
    if (node->state != 0)
        return FAIL(builder, ERR_SYNTAX, mark, "alias \"*%.*s\" contains itself", SPAN_ARG(name));
    builder->tree->alias_weight += node->weight;
    if (builder->tree->alias_weight > NODE_ALIAS_MAX ||
        builder->depth + node->depth > LIMIT_CONFIG_DEPTH)
        return FAIL(builder, ERR_LIMIT, mark, "aliases expand to too much: at most %d values, "
                    "%d levels", NODE_ALIAS_MAX, LIMIT_CONFIG_DEPTH);
    builder->plain = false;
    return place(builder, node);
}

/* The library's mark is behind the opening quote. */
static bool is_quoted(struct fy_event *event)
{
    enum fy_scalar_style style =
        event->scalar.value ? fy_token_scalar_style(event->scalar.value) : FYSS_PLAIN;
    return style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED;
}

static enum err take_scalar(struct builder *builder, struct fy_event *event,
                            struct source_mark mark)
{
    mark.column -= is_quoted(event) && mark.column > 1;
    struct node *node = new_scalar(builder, event, mark);
    if (node == NULL)
        return fail_memory(builder, mark);
    TRY(set_anchor(builder, event->scalar.anchor, node, mark));
    builder->plain = !is_quoted(event);
    return place(builder, node);
}

static enum err take_event(struct builder *builder, struct fy_event *event)
{
    struct source_mark mark = mark_of(builder, event);
    if (event->type == FYET_DOCUMENT_START && builder->documents++ == 1)
        diagnostics_add(builder->diagnostics, SEVERITY_WARNING, mark, "",
                        "only the first YAML document of a file is read");
    if (builder->documents > 1)
        return ERR_OK;
    switch (event->type) {
    case FYET_SCALAR:
        return take_scalar(builder, event, mark);
    case FYET_ALIAS:
        return use_alias(builder, event, mark);
    case FYET_MAPPING_START:
        return open_collection(builder, NODE_MAP, event->mapping_start.anchor, mark);
    case FYET_SEQUENCE_START:
        return open_collection(builder, NODE_LIST, event->sequence_start.anchor, mark);
    case FYET_MAPPING_END:
    case FYET_SEQUENCE_END:
        return close_collection(builder);
    default:
        return ERR_OK;
    }
}

/* ---- what the library is spared ---- */

struct cursor {
    struct span rest;
    uint32_t line, column;
};

static enum err fail_at_cursor(struct builder *builder, const struct cursor *cursor,
                               const char *what)
{
    struct source_mark mark = {builder->tree->file, cursor->line, cursor->column};
    return FAIL(builder, ERR_SYNTAX, mark, "YAML: %s", what);
}

/* Only characters that YAML allows: the library ends at a NUL as if the text
 * ended there, and has loops that invalid UTF-8 never leaves. */
static enum err check_characters(struct builder *builder, struct span text)
{
    struct cursor cursor = {text, 1, 1};
    while (cursor.rest.len > 0) {
        unsigned char c = (unsigned char)cursor.rest.ptr[0];
        size_t n = utf8_next(cursor.rest, NULL);
        if (n == 0)
            return fail_at_cursor(builder, &cursor, "the text is not UTF-8");
        if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f)
            return fail_at_cursor(builder, &cursor, "control characters are not allowed");
        cursor.rest = span_skip(cursor.rest, n);
        cursor.column = c == '\n' ? 1 : cursor.column + 1;
        cursor.line += c == '\n';
    }
    return ERR_OK;
}

/* A line with % in front is a directive, and after the head of a document a
 * mistake; the library takes it for the end of all text. */
static enum err check_directives(struct builder *builder, struct span text)
{
    bool head = true;
    struct cursor cursor = {text, 1, 1};
    for (; cursor.rest.ptr != NULL; cursor.line++) {
        struct span line;
        cursor.rest = span_split(cursor.rest, '\n', &line);
        if (span_starts_with(line, SPAN("...")))
            return ERR_OK;
        char first = line.len > 0 ? line.ptr[0] : '#';
        if (first == '%' && !head)
            return fail_at_cursor(builder, &cursor,
                                  "% begins a directive, and these stand before --- only; put "
                                  "the key in quotes");
        head = head && (first == '%' || first == '#' || first == '\r');
    }
    return ERR_OK;
}

/* ---- the library ---- */

/* What is behind the library's words more often than not. */
static const char *hint_for(const char *message)
{
    static const struct {
        const char *part, *hint;
    } hints[] = {
        {"quoted scalar", "; is its closing quote missing?"},
        {"cannot start with", "; put the value in single quotes"},
        {"tab character", "; use blanks"},
        {"missing document start", "; the name of a TOML file ends in .toml"},
        {"invalid indentation", "; keys of one section begin in the same column"},
    };
    for (size_t i = 0; i < sizeof(hints) / sizeof(*hints); i++)
        if (strstr(message, hints[i].part) != NULL)
            return hints[i].hint;
    return "";
}

static enum err report_syntax(struct builder *builder, struct fy_diag *diag)
{
    void *iterator = NULL;
    struct fy_diag_error *error = fy_diag_errors_iterate(diag, &iterator);
    if (error == NULL)
        return FAIL(builder, ERR_SYNTAX, ((struct source_mark){builder->tree->file, 0, 0}),
                    "YAML: the text cannot be read");
    struct source_mark mark = {builder->tree->file, (uint32_t)(error->line > 0 ? error->line : 1),
                               (uint32_t)(error->column > 0 ? error->column : 1)};
    return FAIL(builder, ERR_SYNTAX, mark, "YAML: %s%s", error->msg, hint_for(error->msg));
}

static enum err run(struct builder *builder, struct fy_parser *parser, struct fy_diag *diag)
{
    for (;;) {
        struct fy_event *event = fy_parser_parse(parser);
        if (event == NULL)
            return fy_parser_get_stream_error(parser) ? report_syntax(builder, diag) : ERR_OK;
        enum err error = take_event(builder, event);
        fy_parser_event_free(parser, event);
        if (error != ERR_OK)
            return error;
    }
}

enum err yaml_parse(struct span text, struct node_tree *tree, struct diagnostics *diagnostics)
{
    struct builder builder = {.tree = tree, .diagnostics = diagnostics};
    builder.anchors = node_new(tree, NODE_MAP, 0, 0);
    if (builder.anchors == NULL)
        return fail_memory(&builder, (struct source_mark){tree->file, 0, 0});
    if (text.len == 0)
        return ERR_OK;
    TRY(check_characters(&builder, text));
    TRY(check_directives(&builder, text));
    struct fy_diag_cfg diag_config;
    fy_diag_cfg_default(&diag_config);
    diag_config.fp = NULL;
    diag_config.level = FYET_ERROR;
    struct fy_diag *diag = fy_diag_create(&diag_config);
    struct fy_parse_cfg config = {.flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG, .diag = diag};
    struct fy_parser *parser = NULL;
    enum err error = ERR_NOMEM;
    if (diag != NULL) {
        fy_diag_set_collect_errors(diag, true);
        parser = fy_parser_create(&config);
    }
    if (parser != NULL && fy_parser_set_string(parser, text.ptr, text.len) == 0)
        error = run(&builder, parser, diag);
    else
        error = fail_memory(&builder, (struct source_mark){tree->file, 0, 0});
    fy_parser_destroy(parser);
    fy_diag_destroy(diag);
    return error;
}
