/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sealing: what opens, what does not, and for how many generations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tls/ticket.h"

#define assert_ok(expression) assert_int_equal((expression), ERR_OK)

static const struct ticket_binding binding = {.cert_group = 11, .options_identity = 22};
static const struct span secret = {"master secret", 13};

struct sealed {
    uint8_t bytes[64];
    size_t len;
};

static struct sealed seal(const struct ticket_keys *keys)
{
    struct sealed sealed = {.len = 0};
    assert_ok(ticket_seal(keys, &binding, secret, sealed.bytes, &sealed.len));
    assert_int_equal(sealed.len, secret.len + TICKET_OVERHEAD);
    return sealed;
}

static enum err open_with(const struct ticket_keys *keys, const struct ticket_binding *bound,
                          const struct sealed *sealed, bool *old)
{
    uint8_t plain[64];
    size_t len = 0;
    enum err error =
        ticket_open(keys, bound, span_make(sealed->bytes, sealed->len), plain, &len, old);
    if (error == ERR_OK)
        assert_true(span_equal(span_make(plain, len), secret));
    else
        assert_int_equal(len, 0);
    return error;
}

static void a_ticket_opens_where_it_was_sealed_and_nowhere_else(void **state)
{
    const struct ticket_binding other_group = {.cert_group = 12, .options_identity = 22};
    const struct ticket_binding other_options = {.cert_group = 11, .options_identity = 23};
    const struct ticket_binding swapped = {.cert_group = 22, .options_identity = 11};
    struct ticket_keys *keys, *others;
    bool old = true;
    (void)state;
    assert_ok(ticket_keys_create(NULL, &keys));
    assert_ok(ticket_keys_create(NULL, &others));
    struct sealed sealed = seal(keys);
    assert_ok(open_with(keys, &binding, &sealed, &old));
    assert_false(old);
    assert_int_equal(open_with(keys, &other_group, &sealed, &old), ERR_MISMATCH);
    assert_int_equal(open_with(keys, &other_options, &sealed, &old), ERR_MISMATCH);
    assert_int_equal(open_with(keys, &swapped, &sealed, &old), ERR_MISMATCH);
    assert_int_equal(open_with(others, &binding, &sealed, &old), ERR_MISMATCH);
    ticket_keys_destroy(keys);
    ticket_keys_destroy(others);
}

static void every_byte_of_a_ticket_counts(void **state)
{
    struct ticket_keys *keys;
    bool old;
    (void)state;
    assert_ok(ticket_keys_create(NULL, &keys));
    struct sealed sealed = seal(keys);
    for (size_t i = 0; i < sealed.len; i++) {
        sealed.bytes[i] ^= 0x40;
        assert_int_equal(open_with(keys, &binding, &sealed, &old), ERR_MISMATCH);
        sealed.bytes[i] ^= 0x40;
    }
    for (size_t len = 0; len < sealed.len; len++) {
        struct sealed cut = sealed;
        cut.len = len;
        assert_int_equal(open_with(keys, &binding, &cut, &old), ERR_MISMATCH);
    }
    assert_ok(open_with(keys, &binding, &sealed, &old));
    ticket_keys_destroy(keys);
}

static void two_tickets_of_the_same_never_look_alike(void **state)
{
    struct ticket_keys *keys;
    (void)state;
    assert_ok(ticket_keys_create(NULL, &keys));
    struct sealed one = seal(keys), two = seal(keys);
    assert_memory_equal(one.bytes, two.bytes, TICKET_NAME_SIZE);
    assert_memory_not_equal(one.bytes + TICKET_NAME_SIZE, two.bytes + TICKET_NAME_SIZE,
                            TICKET_NONCE_SIZE);
    assert_memory_not_equal(one.bytes + TICKET_NAME_SIZE + TICKET_NONCE_SIZE,
                            two.bytes + TICKET_NAME_SIZE + TICKET_NONCE_SIZE, secret.len);
    ticket_keys_destroy(keys);
}

static void a_key_lives_for_three_generations(void **state)
{
    struct ticket_keys *rings[TICKET_GENERATIONS + 1];
    bool old = false;
    (void)state;
    assert_ok(ticket_keys_create(NULL, &rings[0]));
    struct sealed sealed = seal(rings[0]);
    for (size_t i = 1; i <= TICKET_GENERATIONS; i++)
        assert_ok(ticket_keys_create(rings[i - 1], &rings[i]));
    for (size_t i = 1; i < TICKET_GENERATIONS; i++) {
        assert_ok(open_with(rings[i], &binding, &sealed, &old));
        assert_true(old);
    }
    assert_int_equal(open_with(rings[TICKET_GENERATIONS], &binding, &sealed, &old), ERR_MISMATCH);
    for (size_t i = 0; i <= TICKET_GENERATIONS; i++)
        ticket_keys_destroy(rings[i]);
}

static void publishing_gives_back_what_was_there(void **state)
{
    struct ticket_keys *first, *second;
    (void)state;
    assert_null(ticket_keys_current());
    assert_ok(ticket_keys_create(NULL, &first));
    assert_ok(ticket_keys_create(first, &second));
    assert_null(ticket_keys_publish(first));
    assert_ptr_equal(ticket_keys_current(), first);
    assert_ptr_equal(ticket_keys_publish(second), first);
    assert_ptr_equal(ticket_keys_publish(NULL), second);
    ticket_keys_destroy(first);
    ticket_keys_destroy(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ticket_opens_where_it_was_sealed_and_nowhere_else),
        cmocka_unit_test(every_byte_of_a_ticket_counts),
        cmocka_unit_test(two_tickets_of_the_same_never_look_alike),
        cmocka_unit_test(a_key_lives_for_three_generations),
        cmocka_unit_test(publishing_gives_back_what_was_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
