/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The first byte gives the length. Overlong forms and surrogates are told by the
 * decoded value: each length has a smallest one, and U+D800 to U+DFFF are none.
 */
#include "core/base/utf8.h"

size_t utf8_next(struct span text, uint32_t *code_point)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    if (text.len == 0)
        return 0;
    uint32_t value = (unsigned char)text.ptr[0];
    size_t len = value < 0x80 ? 1 : value < 0xc0 ? 0 : value < 0xe0 ? 2 : value < 0xf0 ? 3
               : value < 0xf8 ? 4 : 0;
    if (len == 0 || len > text.len)
        return 0;
    if (len > 1)
        value &= 0x7fu >> len;
    for (size_t i = 1; i < len; i++) {
        unsigned char byte = (unsigned char)text.ptr[i];
        if ((byte & 0xc0) != 0x80)
            return 0;
        value = value << 6 | (byte & 0x3f);
    }
    if (value < smallest[len] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
        return 0;
    if (code_point != NULL)
        *code_point = value;
    return len;
}

bool utf8_valid(struct span text)
{
    while (text.len > 0) {
        size_t len = utf8_next(text, NULL);
        if (len == 0)
            return false;
        text = span_skip(text, len);
    }
    return true;
}
