/* SPDX-License-Identifier: GPL-3.0-or-later */
/* USES: weir_tls weir_base */
/*
 * Arbitrary bytes as a sealed ticket never open; a ticket that was really sealed
 * opens, and does not once any byte of it is changed. The first input byte picks
 * the position of the change.
 */
#include <assert.h>
#include <stdlib.h>

#include "tls/ticket.h"

static struct ticket_keys *keys;

static void open_arbitrary(const uint8_t *data, size_t size)
{
    const struct ticket_binding binding = {1, 2};
    uint8_t *plain = malloc(size + 1);
    size_t len = 0;
    bool old = false;
    assert(plain != NULL);
    assert(ticket_open(keys, &binding, span_make(data, size), plain, &len, &old) != ERR_OK);
    free(plain);
}

static void open_changed(const uint8_t *data, size_t size)
{
    const struct ticket_binding binding = {1, 2};
    uint8_t *sealed = malloc(size + TICKET_OVERHEAD), *plain = malloc(size + TICKET_OVERHEAD);
    size_t sealed_len = 0, len = 0;
    bool old = true;
    assert(sealed != NULL && plain != NULL);
    assert(ticket_seal(keys, &binding, span_make(data, size), sealed, &sealed_len) == ERR_OK);
    struct span ticket = span_make(sealed, sealed_len);
    assert(ticket_open(keys, &binding, ticket, plain, &len, &old) == ERR_OK);
    assert(!old && span_equal(span_make(plain, len), span_make(data, size)));
    sealed[(data[0] * 257u + size) % sealed_len] ^= (uint8_t)(1u << (data[0] % 8));
    assert(ticket_open(keys, &binding, ticket, plain, &len, &old) == ERR_MISMATCH);
    free(sealed);
    free(plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (keys == NULL && ticket_keys_create(NULL, &keys) != ERR_OK)
        abort();
    open_arbitrary(data, size);
    if (size > 0)
        open_changed(data, size);
    return 0;
}
