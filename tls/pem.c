/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A block begins with "-----BEGIN label-----" at the start of a line and runs
 * to the next line that begins with "-----". Base64 goes four characters at a
 * time through a table; white space and padding take the slow way, one character
 * at a time.
 */
#include "tls/pem.h"

#define DASHES SPAN("-----")
#define BEGIN SPAN("-----BEGIN ")
#define END SPAN("-----END ")
#define GOOD 0x40 /* in the table: a base64 character; its value is in the six bits below */

void pem_reader_init(struct pem_reader *reader, struct span text)
{
    *reader = (struct pem_reader){.rest = text, .line = 1};
}

/* The next line without its end; false at the end of the text. */
static bool next_line(struct pem_reader *reader, struct span *line)
{
    if (reader->rest.len == 0)
        return false;
    reader->rest = span_split(reader->rest, '\n', line);
    reader->line++;
    while (line->len > 0 && (line->ptr[line->len - 1] == '\r' ||
                             line->ptr[line->len - 1] == ' ' || line->ptr[line->len - 1] == '\t'))
        line->len--;
    return true;
}

/* "-----BEGIN x-----" → x. */
static bool boundary_label(struct span line, struct span prefix, struct span *label)
{
    if (!span_starts_with(line, prefix) || !span_ends_with(line, DASHES) ||
        line.len < prefix.len + DASHES.len)
        return false;
    *label = span_first(span_skip(line, prefix.len), line.len - prefix.len - DASHES.len);
    return true;
}

/* RFC 1421 §4.6: "Name: value" lines in front of the base64. */
static bool is_header(struct span line)
{
    return span_find(line, ':', 0) > 0;
}

static bool is_encryption_header(struct span line)
{
    return span_starts_with(line, SPAN("Proc-Type:")) && span_ends_with(line, SPAN("ENCRYPTED"));
}

/* From behind the BEGIN line to the line that ends the block. */
static enum err read_block(struct pem_reader *reader, struct pem_block *block,
                           struct err_text *why)
{
    struct span line, label;
    bool in_headers = true;
    const char *body = reader->rest.ptr;
    while (next_line(reader, &line)) {
        if (span_starts_with(line, DASHES)) {
            if (!boundary_label(line, END, &label) || !span_equal(label, block->label))
                return err_set(why, ERR_SYNTAX,
                               "line %zu: expected -----END %.*s----- for the block that begins "
                               "in line %zu",
                               reader->line - 1, SPAN_ARG(block->label), block->line);
            block->body = span_make(body, (size_t)(line.ptr - body));
            return ERR_OK;
        }
        in_headers = in_headers && (is_header(line) || line.len == 0);
        if (in_headers) {
            block->encrypted |= is_encryption_header(line);
            body = reader->rest.ptr;
        }
    }
    return err_set(why, ERR_SYNTAX, "line %zu: -----BEGIN %.*s----- without its END", block->line,
                   SPAN_ARG(block->label));
}

enum err pem_next(struct pem_reader *reader, struct pem_block *out, struct err_text *why)
{
    struct span line;
    while (next_line(reader, &line)) {
        struct pem_block block = {.line = reader->line - 1};
        if (!boundary_label(line, BEGIN, &block.label))
            continue;
        block.encrypted = span_starts_with(block.label, SPAN("ENCRYPTED "));
        TRY(read_block(reader, &block, why));
        *out = block;
        return ERR_OK;
    }
    return ERR_NOTFOUND;
}

size_t pem_decoded_max(const struct pem_block *block)
{
    return block->body.len / 4 * 3 + 3;
}

#define ROW8(v) GOOD | (v), GOOD | (v + 1), GOOD | (v + 2), GOOD | (v + 3), \
                GOOD | (v + 4), GOOD | (v + 5), GOOD | (v + 6), GOOD | (v + 7)
static const uint8_t base64_table[256] = {
    ['A'] = ROW8(0), ROW8(8), ROW8(16), GOOD | 24, GOOD | 25,
    ['a'] = ROW8(26), ROW8(34), ROW8(42), GOOD | 50, GOOD | 51,
    ['0'] = ROW8(52), GOOD | 60, GOOD | 61,
    ['+'] = GOOD | 62,
    ['/'] = GOOD | 63,
};

struct decoder {
    uint32_t bits;
    unsigned have;    /* characters in `bits`, 0 to 3 */
    unsigned padding; /* '=' seen */
    uint8_t *to;
};

static bool is_space(char c)
{
    return c == '\n' || c == '\r' || c == ' ' || c == '\t';
}

static bool decode_char(struct decoder *decoder, char c)
{
    uint8_t entry = base64_table[(uint8_t)c];
    if (is_space(c))
        return true;
    if (c == '=')
        return ++decoder->padding + decoder->have <= 4 && decoder->have >= 2;
    if (!(entry & GOOD) || decoder->padding > 0)
        return false;
    decoder->bits = decoder->bits << 6 | (entry & 63);
    if (++decoder->have == 4) {
        *decoder->to++ = (uint8_t)(decoder->bits >> 16);
        *decoder->to++ = (uint8_t)(decoder->bits >> 8);
        *decoder->to++ = (uint8_t)decoder->bits;
        decoder->have = 0;
    }
    return true;
}

static bool decode_tail(struct decoder *decoder)
{
    if (decoder->have == 0)
        return decoder->padding == 0;
    if (decoder->have + decoder->padding != 4)
        return false;
    uint32_t bits = decoder->bits << (6 * decoder->padding);
    *decoder->to++ = (uint8_t)(bits >> 16);
    if (decoder->padding == 1)
        *decoder->to++ = (uint8_t)(bits >> 8);
    return true;
}

/* Whole groups of four good characters, from *at on. */
static void decode_groups(struct decoder *decoder, struct span body, size_t *at)
{
    const uint8_t *in = (const uint8_t *)body.ptr;
    while (body.len - *at >= 4) {
        uint32_t a = base64_table[in[*at]], b = base64_table[in[*at + 1]];
        uint32_t c = base64_table[in[*at + 2]], d = base64_table[in[*at + 3]];
        if (!(a & b & c & d & GOOD))
            return;
        uint32_t bits = (a & 63) << 18 | (b & 63) << 12 | (c & 63) << 6 | (d & 63);
        *decoder->to++ = (uint8_t)(bits >> 16);
        *decoder->to++ = (uint8_t)(bits >> 8);
        *decoder->to++ = (uint8_t)bits;
        *at += 4;
    }
}

enum err pem_decode(const struct pem_block *block, uint8_t *out, size_t *out_len,
                    struct err_text *why)
{
    struct decoder decoder = {.to = out};
    struct span body = block->body;
    bool good = true;
    for (size_t at = 0; good && at < body.len;) {
        if (decoder.have == 0 && decoder.padding == 0)
            decode_groups(&decoder, body, &at);
        if (at < body.len)
            good = decode_char(&decoder, body.ptr[at++]);
    }
    if (!good || !decode_tail(&decoder))
        return err_set(why, ERR_SYNTAX, "line %zu: the base64 of the %.*s block is broken",
                       block->line, SPAN_ARG(block->label));
    *out_len = (size_t)(decoder.to - out);
    return ERR_OK;
}
