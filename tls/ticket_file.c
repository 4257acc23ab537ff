/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A text of 48 bytes is longer in base64 than 48 characters, so the size tells
 * the formats apart, but for one of exactly 80 bytes, which is a key of 48 in
 * 64 characters and 16 blanks: nobody writes that.
 */
#include "tls/ticket_file.h"

#include <stdlib.h>

#include "tls/pem.h"

#define SHORT_KEY 48
#define LONG_KEY 80

struct parser {
    uint8_t bytes[TICKET_KEYS_MAX][LONG_KEY];
    struct ticket_material material[TICKET_KEYS_MAX];
    size_t count, seal;
};

static bool is_key_size(size_t len)
{
    return len == SHORT_KEY || len == LONG_KEY;
}

static enum err add_key(struct parser *parser, const uint8_t *bytes, size_t len,
                        struct err_text *why)
{
    if (parser->count == TICKET_KEYS_MAX)
        return err_set(why, ERR_LIMIT, "there are more than %d keys; remove the oldest",
                       TICKET_KEYS_MAX);
    uint8_t *to = parser->bytes[parser->count];
    memcpy(to, bytes, len);
    parser->material[parser->count++] = (struct ticket_material){
        .name = span_make(to, TICKET_NAME_SIZE),
        .secret = span_make(to + TICKET_NAME_SIZE, len - TICKET_NAME_SIZE),
    };
    return ERR_OK;
}

/* The decoded bytes may be a few more than a key has, never beyond `out`. */
static enum err parse_line(struct parser *parser, struct span line, size_t number,
                           struct err_text *why)
{
    uint8_t decoded[LONG_KEY + 4];
    struct pem_block block = {.label = SPAN("ticket key"), .body = line, .line = number};
    size_t len = 0;
    enum err error = ERR_SYNTAX;
    if (pem_decoded_max(&block) <= sizeof(decoded))
        error = pem_decode(&block, decoded, &len, NULL);
    if (error == ERR_OK && is_key_size(len))
        error = add_key(parser, decoded, len, why);
    else
        error = err_set(why, ERR_SYNTAX,
                        "line %zu is no key of %d or %d bytes in base64; make one with: openssl "
                        "rand -base64 %d", number, SHORT_KEY, LONG_KEY, SHORT_KEY);
    explicit_bzero(decoded, sizeof(decoded));
    return error;
}

static void swap_keys(struct ticket_material *a, struct ticket_material *b)
{
    struct ticket_material kept = *a;
    *a = *b;
    *b = kept;
}

static enum err parse_lines(struct parser *parser, struct span text, struct err_text *why)
{
    size_t first = parser->count, number = 0;
    while (text.len > 0) {
        struct span line;
        text = span_split(text, '\n', &line);
        number++;
        if (line.len > 0 && line.ptr[line.len - 1] == '\r')
            line.len--;
        line = span_trim(line);
        if (line.len > 0)
            TRY(parse_line(parser, line, number, why));
    }
    if (parser->count == first)
        return err_set(why, ERR_INVALID, "holds no key; make one with: openssl rand %d",
                       SHORT_KEY);
    for (size_t low = first, high = parser->count - 1; low < high; low++, high--)
        swap_keys(&parser->material[low], &parser->material[high]);
    if (first == 0 && parser->count > 1)
        parser->seal = 1;
    return ERR_OK;
}

static enum err parse_file(struct parser *parser, struct span bytes, struct err_text *why)
{
    if (is_key_size(bytes.len))
        return add_key(parser, (const uint8_t *)bytes.ptr, bytes.len, why);
    return parse_lines(parser, bytes, why);
}

static enum err parse(struct parser *parser, const struct span *files, size_t count,
                      struct ticket_keys **out, size_t *at, struct err_text *why)
{
    for (size_t i = 0; i < count; i++) {
        *at = i;
        TRY(parse_file(parser, files[i], why));
    }
    *at = 0;
    enum err error = ticket_keys_derive(parser->material, parser->count, parser->seal, out);
    if (error == ERR_EXISTS)
        return err_set(why, error, "two keys begin with the same 16 bytes, which are their name");
    return error == ERR_OK ? error : err_set(why, error, "%s", err_message(error));
}

enum err ticket_files_parse(const struct span *files, size_t count, struct ticket_keys **out,
                            size_t *at, struct err_text *why)
{
    struct parser *parser = calloc(1, sizeof(*parser));
    *at = 0;
    if (parser == NULL)
        return err_set(why, ERR_NOMEM, "out of memory");
    enum err error = parse(parser, files, count, out, at, why);
    explicit_bzero(parser, sizeof(*parser));
    free(parser);
    return error;
}
