/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The matchers: a row of the table each, with what prepares its arguments once
 * and what asks the request. Preparing normalises whatever can be normalised,
 * so that asking is a comparison.
 */
#include "core/http/uri.h"
#include "core/route/rule_tree.h"

#include <arpa/inet.h>

static bool is_ascii(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((uint8_t)text.ptr[i] >= 0x80)
            return false;
    }
    return true;
}

/* ---- hosts ---- */

static bool host_is_valid(struct span host)
{
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i], lower = (char)(c | 0x20);
        bool word = (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '_';
        if (!word && c != '.' && c != '-' && c != ':')
            return false;
    }
    return host.len > 0;
}

static enum err lower_host(struct rule *rule, struct rule_node *node)
{
    struct span host = node->args[0];
    if (host.len > 1 && host.ptr[host.len - 1] == '.' && !span_equal(host, SPAN("*.")))
        host.len--;
    if (host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']')
        host = span_make(host.ptr + 1, host.len - 2);
    char *lower = arena_bytes(&rule->arena, host.len);
    if (lower == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < host.len; i++)
        lower[i] = ascii_lower(host.ptr[i]);
    node->args[0] = span_make(lower, host.len);
    return ERR_OK;
}

static enum err prepare_host(struct rule *rule, struct rule_node *node, struct err_text *why)
{
    TRY(lower_host(rule, node));
    struct span host = node->args[0];
    node->host_name = host;
    if (span_equal(host, SPAN("*"))) {
        node->host_kind = RULE_HOST_ANY;
        return ERR_OK;
    }
    node->host_kind = RULE_HOST_EXACT;
    if (span_starts_with(host, SPAN("*."))) {
        node->host_kind = RULE_HOST_WILDCARD;
        node->args[0] = span_skip(host, 1);
        host = span_skip(host, 2);
    }
    if (!is_ascii(host))
        return err_set(why, ERR_SYNTAX, "%s takes ASCII only: write the name in Punycode, xn--…",
                       node->matcher->name);
    if (!host_is_valid(host))
        return err_set(why, ERR_SYNTAX, "%.*s is not a host name; * stands for a whole first label",
                       SPAN_ARG(span_first(node->host_name, 80)));
    return ERR_OK;
}

static bool match_host(const struct rule_node *node, struct rule_eval *eval)
{
    struct span host = eval->facts->host;
    if (node->host_kind == RULE_HOST_ANY)
        return true;
    if (node->host_kind == RULE_HOST_EXACT)
        return span_equal(host, node->args[0]);
    ptrdiff_t dot = span_find(host, '.', 0);
    return dot > 0 && span_equal(span_skip(host, (size_t)dot), node->args[0]);
}

/* ---- regular expressions ---- */

static enum err add_regex(struct rule *rule, struct rule_node *node, struct span pattern,
                          struct err_text *why)
{
    enum err error = regex_compile(pattern, &node->regex, why);
    if (error != ERR_OK) {
        if (why != NULL)
            err_prefix(why, "%s: the regular expression is wrong", node->matcher->name);
        return error;
    }
    node->next_regex = rule->regexes;
    rule->regexes = node;
    return ERR_OK;
}

static enum err prepare_regex(struct rule *rule, struct rule_node *node, struct err_text *why)
{
    return add_regex(rule, node, node->args[0], why);
}

static enum err prepare_host_regex(struct rule *rule, struct rule_node *node,
                                   struct err_text *why)
{
    if (!is_ascii(node->args[0]))
        return err_set(why, ERR_SYNTAX, "%s takes ASCII only", node->matcher->name);
    return add_regex(rule, node, node->args[0], why);
}

static bool ask_regex(const struct rule_node *node, struct span subject, struct rule_eval *eval)
{
    enum regex_result result = regex_match(node->regex, subject);
    eval->failed = eval->failed || result == REGEX_FAILED;
    return result == REGEX_MATCH;
}

static bool match_host_regex(const struct rule_node *node, struct rule_eval *eval)
{
    return ask_regex(node, eval->facts->host, eval);
}

static bool match_path_regex(const struct rule_node *node, struct rule_eval *eval)
{
    return ask_regex(node, eval->facts->path, eval);
}

/* ---- method and path ---- */

static enum err prepare_method(struct rule *rule, struct rule_node *node, struct err_text *why)
{
    (void)why;
    struct span text = node->args[0];
    char *upper = arena_bytes(&rule->arena, text.len);
    if (upper == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < text.len; i++)
        upper[i] = text.ptr[i] >= 'a' && text.ptr[i] <= 'z' ? (char)(text.ptr[i] - 0x20)
                                                            : text.ptr[i];
    node->args[0] = span_make(upper, text.len);
    return ERR_OK;
}

static bool match_method(const struct rule_node *node, struct rule_eval *eval)
{
    return span_equal(eval->facts->request->method_text, node->args[0]);
}

static enum err prepare_path(struct rule *rule, struct rule_node *node, struct err_text *why)
{
    (void)rule;
    if (node->args[0].ptr[0] != '/')
        return err_set(why, ERR_SYNTAX, "%s: the path %.*s should begin with /",
                       node->matcher->name, SPAN_ARG(span_first(node->args[0], 80)));
    return ERR_OK;
}

static bool match_path(const struct rule_node *node, struct rule_eval *eval)
{
    return span_equal(eval->facts->path, node->args[0]);
}

static bool match_path_prefix(const struct rule_node *node, struct rule_eval *eval)
{
    return span_starts_with(eval->facts->path, node->args[0]);
}

/* ---- header fields ---- */

static enum err prepare_header(struct rule *rule, struct rule_node *node, struct err_text *why)
{
    (void)rule;
    (void)why;
    node->field = http_field_id_of(node->args[0]);
    return ERR_OK;
}

static enum err prepare_header_regex(struct rule *rule, struct rule_node *node,
                                     struct err_text *why)
{
    TRY(prepare_header(rule, node, why));
    return add_regex(rule, node, node->args[1], why);
}

static bool match_header(const struct rule_node *node, struct rule_eval *eval)
{
    const struct http_fields *fields = &eval->facts->request->fields;
    for (size_t i = 0; i < fields->count; i++) {
        const struct http_field *field = &fields->items[i];
        if (field->id != node->field ||
            (field->id == HTTP_FIELD_OTHER && !span_equal_nocase(field->name, node->args[0])))
            continue;
        if (node->regex ? ask_regex(node, field->value, eval)
                        : span_equal(field->value, node->args[1]))
            return true;
    }
    return false;
}

/* ---- query ---- */

static enum err prepare_query(struct rule *rule, struct rule_node *node, struct err_text *why)
{
    (void)rule;
    (void)why;
    if (node->arg_count == 1)
        node->args[1] = SPAN("");
    return ERR_OK;
}

static enum err prepare_query_regex(struct rule *rule, struct rule_node *node,
                                    struct err_text *why)
{
    if (node->arg_count == 1)
        return prepare_query(rule, node, why);
    return add_regex(rule, node, node->args[1], why);
}

static bool ask_query_value(const struct rule_node *node, struct span value,
                            struct rule_eval *eval)
{
    char decoded[RULE_QUERY_VALUE_MAX];
    size_t len;
    if (node->regex == NULL)
        return uri_query_equal(value, node->args[1]);
    if (value.len > sizeof(decoded)) {
        eval->failed = true;
        return false;
    }
    return uri_query_decode(value, decoded, &len) &&
           ask_regex(node, span_make(decoded, len), eval);
}

/* As in Go, a pair with a semicolon in it is no pair. */
static bool match_query(const struct rule_node *node, struct rule_eval *eval)
{
    struct span rest = eval->facts->request->query, key, value;
    while (uri_query_next(&rest, &key, &value)) {
        if (uri_query_equal(key, node->args[0]) && span_find(value, ';', 0) < 0 &&
            ask_query_value(node, value, eval))
            return true;
    }
    return false;
}

/* ---- addresses and ALPN ---- */

/* An IPv4 or IPv6 address, the former v4-mapped. */
static bool parse_address(const char *text, uint8_t out[16])
{
    memset(out, 0, 10);
    out[10] = out[11] = 0xff;
    return inet_pton(AF_INET, text, out + 12) == 1 || inet_pton(AF_INET6, text, out) == 1;
}

static enum err prepare_client_ip(struct rule *rule, struct rule_node *node, struct err_text *why)
{
    (void)rule;
    struct span address;
    struct span length = span_split(node->args[0], '/', &address);
    char text[INET6_ADDRSTRLEN];
    uint64_t prefix = 0;
    bool valid = address.len < sizeof(text);
    if (valid) {
        memcpy(text, address.ptr, address.len);
        text[address.len] = '\0';
        valid = parse_address(text, node->range.address);
    }
    uint64_t bits = valid && strchr(text, ':') == NULL ? 32 : 128;
    if (length.ptr == NULL)
        prefix = bits;
    else
        valid = valid && span_to_u64(length, &prefix) && prefix <= bits;
    if (!valid)
        return err_set(why, ERR_SYNTAX, "%.*s is neither an IP address nor a range such as "
                       "10.0.0.0/8", SPAN_ARG(span_first(node->args[0], 80)));
    node->range.prefix = (uint8_t)(128 - bits + prefix);
    return ERR_OK;
}

static bool match_client_ip(const struct rule_node *node, struct rule_eval *eval)
{
    return model_cidr_contains(&node->range, eval->facts->client_ip);
}

static enum err prepare_alpn(struct rule *rule, struct rule_node *node, struct err_text *why)
{
    (void)rule;
    if (span_equal(node->args[0], SPAN("acme-tls/1")))
        return err_set(why, ERR_SYNTAX, "ALPN does not take acme-tls/1, which belongs to ACME");
    return ERR_OK;
}

static bool match_alpn(const struct rule_node *node, struct rule_eval *eval)
{
    for (size_t i = 0; i < eval->facts->alpn_count; i++) {
        if (span_equal(span_cstr(eval->facts->alpn[i]), node->args[0]))
            return true;
    }
    return false;
}

/* ---- the table ---- */

static const struct rule_matcher matchers[] = {
    {"Host", RULE_HTTP, 1, 1, prepare_host, match_host},
    {"HostRegexp", RULE_HTTP, 1, 1, prepare_host_regex, match_host_regex},
    {"Path", RULE_HTTP, 1, 1, prepare_path, match_path},
    {"PathPrefix", RULE_HTTP, 1, 1, prepare_path, match_path_prefix},
    {"PathRegexp", RULE_HTTP, 1, 1, prepare_regex, match_path_regex},
    {"Method", RULE_HTTP, 1, 1, prepare_method, match_method},
    {"Header", RULE_HTTP, 2, 2, prepare_header, match_header},
    {"HeaderRegexp", RULE_HTTP, 2, 2, prepare_header_regex, match_header},
    {"Query", RULE_HTTP, 1, 2, prepare_query, match_query},
    {"QueryRegexp", RULE_HTTP, 1, 2, prepare_query_regex, match_query},
    {"ClientIP", RULE_HTTP, 1, 1, prepare_client_ip, match_client_ip},
    {"HostSNI", RULE_TCP, 1, 1, prepare_host, match_host},
    {"HostSNIRegexp", RULE_TCP, 1, 1, prepare_host_regex, match_host_regex},
    {"ClientIP", RULE_TCP, 1, 1, prepare_client_ip, match_client_ip},
    {"ALPN", RULE_TCP, 1, 1, prepare_alpn, match_alpn},
};

static char ascii_upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 0x20) : c;
}

/* Exactly, in lower case, in upper case, or with only the first letter upper. */
static bool is_spelling(struct span name, const char *canonical)
{
    bool exact = true, lower = true, upper = true, title = true;
    if (name.len != strlen(canonical))
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i], small = ascii_lower(canonical[i]), big = ascii_upper(canonical[i]);
        exact = exact && c == canonical[i];
        lower = lower && c == small;
        upper = upper && c == big;
        title = title && c == (i == 0 ? big : small);
    }
    return exact || lower || upper || title;
}

const struct rule_matcher *rule_matcher_find(struct span name, enum rule_side side)
{
    for (size_t i = 0; i < sizeof(matchers) / sizeof(matchers[0]); i++) {
        if (matchers[i].side == side && is_spelling(name, matchers[i].name))
            return &matchers[i];
    }
    return NULL;
}

const char *rule_matcher_names(enum rule_side side)
{
    if (side == RULE_TCP)
        return "HostSNI, HostSNIRegexp, ClientIP, ALPN";
    return "Host, HostRegexp, Path, PathPrefix, PathRegexp, Method, Header, HeaderRegexp, Query, "
           "QueryRegexp, ClientIP";
}
