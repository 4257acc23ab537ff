/* SPDX-License-Identifier: GPL-3.0-or-later */
/* USES: weir_tls weir_base */
/*
 * The ClientHello peek. Beside memory errors it looks for: output touched on failure, lists beyond
 * their bounds, a name that is not normalised, and an answer that changes when the same handshake
 * bytes come in other records.
 */
#include <stdlib.h>

#include "tls/clienthello.h"

#define CHECK(condition) \
    do {                 \
        if (!(condition)) \
            abort();     \
    } while (0)

static void check_hello(const struct clienthello *hello)
{
    CHECK(hello->server_name_len <= LIMIT_HOST_NAME);
    CHECK(strlen(hello->server_name) == hello->server_name_len);
    CHECK(hello->alpn_count <= CLIENTHELLO_ALPN_MAX && hello->version_count <= 8);
    CHECK(hello->group_count <= CLIENTHELLO_LIST_MAX);
    CHECK(hello->signature_scheme_count <= CLIENTHELLO_LIST_MAX);
    for (size_t i = 0; i < hello->server_name_len; i++)
        CHECK(hello->server_name[i] == ascii_lower(hello->server_name[i]));
    for (size_t i = 0; i < hello->alpn_count; i++)
        CHECK(strlen(hello->alpn[i]) < sizeof(hello->alpn[i]));
    for (int type = 0; type < 5; type++)
        (void)clienthello_accepts_key(hello, type);
}

/* Takes the payloads out of the records and puts them into records of `piece` bytes. */
static size_t rerecord(struct span bytes, size_t piece, char *out)
{
    size_t len = 0, in_record = 0;
    while (bytes.len > 5) {
        const uint8_t *header = (const uint8_t *)bytes.ptr;
        struct span payload = span_first(span_skip(bytes, 5), (size_t)header[3] << 8 | header[4]);
        bytes = span_skip(bytes, 5 + payload.len);
        for (size_t i = 0; i < payload.len; i++) {
            if (in_record == 0) {
                memcpy(out + len, (char[]){0x16, 3, 3, (char)(piece >> 8), (char)piece}, 5);
                len += 5;
                in_record = piece;
            }
            out[len++] = payload.ptr[i];
            in_record--;
        }
    }
    while (in_record-- > 0)
        out[len++] = 0;
    return len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char other_records[8 << 16];
    struct span bytes = span_make(data, size);
    struct clienthello hello, other;
    memset(&hello, 0x5a, sizeof(hello));
    enum err error = clienthello_peek(bytes, LIMIT_CLIENTHELLO, &hello);
    if (error != ERR_OK) {
        for (size_t i = 0; i < sizeof(hello); i++)
            CHECK(((uint8_t *)&hello)[i] == 0x5a);
        return 0;
    }
    check_hello(&hello);
    if (size < 16384) {
        size_t len = rerecord(bytes, 1 + size % 7, other_records);
        CHECK(clienthello_peek(span_make(other_records, len), 8 << 16, &other) == ERR_OK);
        CHECK(memcmp(&hello, &other, sizeof(hello)) == 0);
    }
    return 0;
}
