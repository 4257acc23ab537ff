/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Three bytes to four characters and back; the last group is the short one.
 */
#include "tls/base64.h"

#include <stdlib.h>

static const char alphabets[2][65] = {
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
};

static size_t encoded_size(size_t len)
{
    return (len + 2) / 3 * 4;
}

/* Returns how many characters it wrote. */
static size_t encode(struct span bytes, enum base64_alphabet alphabet, char *out)
{
    const uint8_t *in = (const uint8_t *)bytes.ptr;
    const char *letters = alphabets[alphabet];
    size_t n = 0;
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t left = bytes.len - i < 3 ? bytes.len - i : 3;
        uint32_t group = (uint32_t)in[i] << 16;
        group |= left > 1 ? (uint32_t)in[i + 1] << 8 : 0;
        group |= left > 2 ? in[i + 2] : 0;
        for (size_t j = 0; j < 4; j++) {
            if (j <= left)
                out[n++] = letters[group >> (18 - 6 * j) & 63];
            else if (alphabet == BASE64_STANDARD)
                out[n++] = '=';
        }
    }
    return n;
}

enum err base64_append(struct buf *out, struct span bytes, enum base64_alphabet alphabet)
{
    char *to;
    if (bytes.len == 0)
        return ERR_OK;
    TRY(buf_reserve(out, encoded_size(bytes.len), &to));
    buf_commit(out, encode(bytes, alphabet, to));
    return ERR_OK;
}

char *base64_text(struct span bytes, enum base64_alphabet alphabet)
{
    char *text = malloc(encoded_size(bytes.len) + 1);
    if (text != NULL)
        text[encode(bytes, alphabet, text)] = '\0';
    return text;
}

static int value_of(char c, enum base64_alphabet alphabet)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    const char *letters = alphabets[alphabet];
    return c == letters[62] ? 62 : c == letters[63] ? 63 : -1;
}

/* Without the padding; false when there is too much or, where it must be, too little. */
static bool strip_padding(struct span *text, enum base64_alphabet alphabet)
{
    size_t whole = text->len, padding = 0;
    while (padding < 3 && text->len > 0 && text->ptr[text->len - 1] == '=') {
        text->len--;
        padding++;
    }
    if (padding > 2 || text->len % 4 == 1)
        return false;
    bool complete = whole % 4 == 0;
    return padding > 0 || alphabet == BASE64_STANDARD ? complete : true;
}

enum err base64_decode(struct buf *out, struct span text, enum base64_alphabet alphabet)
{
    char *to;
    size_t n = 0;
    uint32_t group = 0;
    if (!strip_padding(&text, alphabet))
        return ERR_SYNTAX;
    if (text.len == 0)
        return ERR_OK;
    TRY(buf_reserve(out, text.len, &to));
    for (size_t i = 0; i < text.len; i++) {
        int value = value_of(text.ptr[i], alphabet);
        if (value < 0)
            return ERR_SYNTAX;
        group = group << 6 | (uint32_t)value;
        if (i % 4 != 0)
            to[n++] = (char)(group >> (6 - 2 * (i % 4)) & 0xff);
    }
    buf_commit(out, n);
    return ERR_OK;
}
