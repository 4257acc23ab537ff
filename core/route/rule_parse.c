/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A recursive descent over Go's expression syntax: or := and { "||" and }, and
 * := unary { "&&" unary }, unary := "!" unary | "(" or ")" | matcher call. A
 * chain of one operator is one node with many children, so only parentheses
 * and "!" nest, and they are bounded.
 */
#include "core/base/limits.h"
#include "core/base/utf8.h"
#include "core/route/rule_tree.h"

#include <assert.h>
#include <stdlib.h>

struct parser {
    struct rule *rule;
    enum rule_side side;
    struct span text;
    size_t at;
    size_t depth;
    struct err_text *why;
};

static enum err parse_or(struct parser *parser, struct rule_node **out);

#define FAIL_AT(parser, position, ...) \
    fail_at((parser), (position), err_set((parser)->why, ERR_SYNTAX, __VA_ARGS__))

static enum err fail_at(struct parser *parser, size_t position, enum err error)
{
    if (parser->why != NULL)
        err_prefix(parser->why, "column %zu", position + 1);
    return error;
}

static enum err out_of_memory(struct parser *parser)
{
    return err_set(parser->why, ERR_NOMEM, "out of memory");
}

static char peek(const struct parser *parser)
{
    return parser->at < parser->text.len ? parser->text.ptr[parser->at] : '\0';
}

static void skip_space(struct parser *parser)
{
    while (peek(parser) == ' ' || peek(parser) == '\t' || peek(parser) == '\n' ||
           peek(parser) == '\r')
        parser->at++;
}

static bool accept(struct parser *parser, struct span token)
{
    skip_space(parser);
    if (!span_starts_with(span_skip(parser->text, parser->at), token))
        return false;
    parser->at += token.len;
    return true;
}

static bool is_name_char(char c)
{
    char lower = (char)(c | 0x20);
    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

static struct rule_node *node_create(struct parser *parser, enum rule_node_kind kind)
{
    struct rule_node *node = ARENA_NEW(&parser->rule->arena, struct rule_node);
    if (node != NULL)
        node->kind = kind;
    return node;
}

/* ---- strings ---- */

/* `raw`, without carriage returns as in Go; the cursor is behind the quote. */
static enum err parse_raw(struct parser *parser, struct span *out)
{
    size_t start = parser->at - 1;
    ptrdiff_t close = span_find(parser->text, '`', parser->at);
    if (close < 0)
        return FAIL_AT(parser, start, "the string that begins here has no closing `");
    char *bytes = arena_bytes(&parser->rule->arena, (size_t)close - parser->at + 1);
    if (bytes == NULL)
        return out_of_memory(parser);
    size_t len = 0;
    for (; parser->at < (size_t)close; parser->at++) {
        if (peek(parser) != '\r')
            bytes[len++] = peek(parser);
    }
    parser->at++;
    *out = span_make(bytes, len);
    return ERR_OK;
}

static int digit_value(char c)
{
    char lower = (char)(c | 0x20);
    return c >= '0' && c <= '9' ? c - '0' : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : 99;
}

/* `digits` digits of `base`; false when there are fewer. */
static bool parse_digits(struct parser *parser, size_t digits, int base, uint32_t *value)
{
    *value = 0;
    for (size_t i = 0; i < digits; i++, parser->at++) {
        if (digit_value(peek(parser)) >= base)
            return false;
        *value = *value * (uint32_t)base + (uint32_t)digit_value(peek(parser));
    }
    return true;
}

static size_t put_utf8(char *out, uint32_t c)
{
    size_t len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = len - 1; i > 0; i--, c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)(lead[len] | c);
    return len;
}

/* Behind the backslash: the bytes that the escape stands for, at most 4. */
static bool parse_escape(struct parser *parser, char *out, size_t *len)
{
    static const char letters[] = "abfnrtv\\\"", values[] = "\a\b\f\n\r\t\v\\\"";
    char c = peek(parser);
    const char *letter = c ? strchr(letters, c) : NULL;
    uint32_t value;
    *len = 1;
    if (parser->at == parser->text.len)
        return false;
    if (letter != NULL) {
        parser->at++;
        out[0] = values[letter - letters];
        return true;
    }
    if (c >= '0' && c <= '7') {
        bool valid = parse_digits(parser, 3, 8, &value) && value <= 0xff;
        out[0] = (char)value;
        return valid;
    }
    parser->at++;
    size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    if (digits == 0 || !parse_digits(parser, digits, 16, &value))
        return false;
    if (c == 'x') {
        out[0] = (char)value;
        return true;
    }
    *len = put_utf8(out, value & 0x1fffff);
    return value <= 0x10ffff && utf8_valid(span_make(out, *len));
}

/* How many bytes stand before the closing quote, or the end. */
static size_t quoted_length(const struct parser *parser)
{
    size_t end = parser->at;
    while (end < parser->text.len && parser->text.ptr[end] != '"')
        end += parser->text.ptr[end] == '\\' ? 2 : 1;
    return end - parser->at;
}

/* "with escapes"; the cursor is behind the quote. No escape is shorter than what
 * it stands for; the four bytes more are for one that is found to be broken. */
static enum err parse_quoted(struct parser *parser, struct span *out)
{
    size_t start = parser->at - 1, len = 0;
    char *bytes = arena_bytes(&parser->rule->arena, quoted_length(parser) + 4);
    if (bytes == NULL)
        return out_of_memory(parser);
    while (peek(parser) != '"') {
        if (parser->at == parser->text.len || peek(parser) == '\n')
            return FAIL_AT(parser, start, "the string that begins here has no closing \"");
        if (peek(parser) != '\\') {
            bytes[len++] = peek(parser);
            parser->at++;
            continue;
        }
        size_t escape = parser->at++, escaped_len;
        if (!parse_escape(parser, bytes + len, &escaped_len))
            return FAIL_AT(parser, escape, "unknown escape; backquotes take a string as it is");
        len += escaped_len;
    }
    parser->at++;
    *out = span_make(bytes, len);
    return ERR_OK;
}

static enum err parse_string(struct parser *parser, struct span *out)
{
    skip_space(parser);
    char quote = peek(parser);
    if (quote != '`' && quote != '"')
        return FAIL_AT(parser, parser->at, "a string in backquotes or double quotes belongs here");
    parser->at++;
    return quote == '`' ? parse_raw(parser, out) : parse_quoted(parser, out);
}

/* ---- matchers ---- */

static enum err parse_arguments(struct parser *parser, struct rule_node *node)
{
    const struct rule_matcher *matcher = node->matcher;
    size_t start = parser->at;
    while (!accept(parser, SPAN(")"))) {
        struct span value;
        skip_space(parser);
        size_t position = parser->at;
        TRY(parse_string(parser, &value));
        if (value.len == 0)
            return FAIL_AT(parser, position, "%s takes no empty value", matcher->name);
        if (node->arg_count < matcher->max_args)
            node->args[node->arg_count] = value;
        node->arg_count++;
        if (!accept(parser, SPAN(",")) && (skip_space(parser), peek(parser) != ')'))
            return FAIL_AT(parser, parser->at, "%s needs , or ) here", matcher->name);
    }
    if (node->arg_count < matcher->min_args || node->arg_count > matcher->max_args)
        return FAIL_AT(parser, start, "%s takes %zu%s value%s, not %zu%s", matcher->name,
                       matcher->min_args, matcher->max_args > matcher->min_args ? " or 2" : "",
                       matcher->max_args > 1 ? "s" : "", node->arg_count,
                       matcher->max_args == 1 && node->arg_count > 1
                           ? "; write one for each, with || between them" : "");
    return ERR_OK;
}

static enum err parse_matcher(struct parser *parser, struct rule_node **out)
{
    size_t start = parser->at;
    while (is_name_char(peek(parser)))
        parser->at++;
    struct span name = span_make(parser->text.ptr + start, parser->at - start);
    if (name.len == 0)
        return FAIL_AT(parser, start, "a matcher belongs here, one of %s",
                       rule_matcher_names(parser->side));
    const struct rule_matcher *matcher = rule_matcher_find(name, parser->side);
    if (matcher == NULL)
        return FAIL_AT(parser, start, "unknown matcher %.*s; there are %s",
                       SPAN_ARG(span_first(name, 40)), rule_matcher_names(parser->side));
    if (!accept(parser, SPAN("(")))
        return FAIL_AT(parser, parser->at, "%s needs a value in parentheses", matcher->name);
    struct rule_node *node = node_create(parser, RULE_MATCHER);
    if (node == NULL)
        return out_of_memory(parser);
    node->matcher = matcher;
    TRY(parse_arguments(parser, node));
    enum err error = matcher->prepare(parser->rule, node, parser->why);
    if (error == ERR_NOMEM)
        return out_of_memory(parser);
    if (error != ERR_OK)
        return fail_at(parser, start, error);
    *out = node;
    return ERR_OK;
}

/* ---- operators ---- */

static enum err parse_not(struct parser *parser, struct rule_node **out)
{
    struct rule_node *node = node_create(parser, RULE_NOT);
    if (node == NULL)
        return out_of_memory(parser);
    *out = node;
    return ERR_OK;
}

static enum err parse_unary(struct parser *parser, struct rule_node **out)
{
    skip_space(parser);
    size_t start = parser->at;
    enum err error;
    if (peek(parser) != '!' && peek(parser) != '(')
        return parse_matcher(parser, out);
    if (++parser->depth > LIMIT_RULE_DEPTH)
        return FAIL_AT(parser, start, "nested deeper than %d", LIMIT_RULE_DEPTH);
    if (accept(parser, SPAN("!"))) {
        TRY(parse_not(parser, out));
        error = parse_unary(parser, &(*out)->child);
    } else {
        parser->at++;
        error = parse_or(parser, out);
        if (error == ERR_OK && !accept(parser, SPAN(")")))
            error = FAIL_AT(parser, parser->at, "the ( of column %zu is not closed here",
                            start + 1);
    }
    parser->depth--;
    return error;
}

/* operand { operator operand } as one node, or the operand alone. */
static enum err parse_chain(struct parser *parser, struct span token, enum rule_node_kind kind,
                            enum err (*operand)(struct parser *, struct rule_node **),
                            struct rule_node **out)
{
    struct rule_node *first = NULL;
    TRY(operand(parser, &first));
    struct rule_node *chain = first, *last = first;
    while (accept(parser, token)) {
        if (chain == first) {
            chain = node_create(parser, kind);
            if (chain == NULL)
                return out_of_memory(parser);
            chain->child = first;
        }
        TRY(operand(parser, &last->next));
        last = last->next;
    }
    *out = chain;
    return ERR_OK;
}

static enum err parse_and(struct parser *parser, struct rule_node **out)
{
    return parse_chain(parser, SPAN("&&"), RULE_AND, parse_unary, out);
}

static enum err parse_or(struct parser *parser, struct rule_node **out)
{
    return parse_chain(parser, SPAN("||"), RULE_OR, parse_and, out);
}

static enum err parse_rule(struct parser *parser)
{
    skip_space(parser);
    if (parser->at == parser->text.len)
        return FAIL_AT(parser, 0, "the rule is empty; write for example Host(`example.com`)");
    TRY(parse_or(parser, &parser->rule->root));
    skip_space(parser);
    if (parser->at < parser->text.len)
        return FAIL_AT(parser, parser->at, "the rule should end here, or go on with && or ||");
    if (rule_derive_hosts(parser->rule) != ERR_OK)
        return out_of_memory(parser);
    return ERR_OK;
}

enum err rule_parse(struct span text, enum rule_side side, struct rule **out,
                    struct err_text *why)
{
    if (text.len > LIMIT_RULE_BYTES)
        return err_set(why, ERR_LIMIT, "a rule of %zu bytes; at most %d", text.len,
                       LIMIT_RULE_BYTES);
    struct rule *rule = calloc(1, sizeof(*rule));
    if (rule == NULL)
        return err_set(why, ERR_NOMEM, "out of memory");
    arena_init(&rule->arena, 512, SIZE_MAX);
    struct parser parser = {.rule = rule, .side = side, .text = text, .why = why};
    enum err error = parse_rule(&parser);
    if (error == ERR_OK)
        *out = rule;
    else
        rule_destroy(rule);
    return error;
}

void rule_destroy(struct rule *rule)
{
    if (rule == NULL)
        return;
    for (struct rule_node *node = rule->regexes; node != NULL; node = node->next_regex)
        regex_destroy(node->regex);
    arena_finish(&rule->arena);
    free(rule);
}
