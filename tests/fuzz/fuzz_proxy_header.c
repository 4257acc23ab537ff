/* SPDX-License-Identifier: GPL-3.0-or-later */
/* USES: weir_io weir_base */
/*
 * Arbitrary bytes as a PROXY header: more bytes never change a verdict but "more
 * bytes are needed", and the addresses of what is accepted come back when they are
 * written and read again.
 */
#include <assert.h>
#include <stdlib.h>

#include "io/proxy_header.h"

static void check_round_trip(const struct proxy_header *header, unsigned version)
{
    char bytes[PROXY_HEADER_WRITE_MAX];
    const char *why = NULL;
    struct proxy_header again;
    size_t len = proxy_header_write(version, &header->source, &header->destination, bytes);
    assert(len <= sizeof(bytes));
    assert(proxy_header_parse(span_make(bytes, len), &again, &why) == ERR_OK);
    assert(again.len == len && again.version == version && again.has_addresses);
    assert(sock_address_equal(&again.source, &header->source));
    assert(sock_address_equal(&again.destination, &header->destination));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *why = NULL;
    enum err verdict = ERR_AGAIN;
    size_t step = size > 512 ? size / 64 : 1, last = 0;
    struct proxy_header header = {0};
    for (size_t n = 0; verdict == ERR_AGAIN && n <= size; n += step) {
        /* A copy of its own, so that reading beyond the end is seen. */
        char *bytes = malloc(n + 1);
        assert(bytes != NULL);
        memcpy(bytes, data, n);
        verdict = proxy_header_parse(span_make(bytes, n), &header, &why);
        free(bytes);
        last = n;
    }
    if (verdict == ERR_PROTOCOL || verdict == ERR_LIMIT)
        assert(why != NULL);
    if (verdict == ERR_OK)
        assert(header.len <= last && header.len <= PROXY_HEADER_MAX);
    if (verdict != ERR_AGAIN) {
        struct proxy_header whole;
        enum err error = proxy_header_parse(span_make(data, size), &whole, &why);
        assert(error == verdict || (verdict == ERR_PROTOCOL && error == ERR_LIMIT) ||
               (verdict == ERR_LIMIT && error == ERR_PROTOCOL));
    }
    if (verdict == ERR_OK && header.has_addresses) {
        check_round_trip(&header, 1);
        check_round_trip(&header, 2);
    }
    return 0;
}
