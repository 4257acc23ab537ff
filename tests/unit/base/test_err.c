/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names, messages and the texts that people read. */
#include "unit.h"

#include "core/base/err.h"

#include <errno.h>

static void names_and_messages_are_those_of_the_list(void **state)
{
    (void)state;
    assert_int_equal(ERR_OK, 0);
    assert_string_equal(err_name(ERR_OK), "OK");
    assert_string_equal(err_name(ERR_NOMEM), "NOMEM");
    assert_string_equal(err_name(ERR_MISMATCH), "MISMATCH");
    assert_string_equal(err_message(ERR_RESET), "connection reset");
    assert_string_equal(err_name((enum err)9999), "UNKNOWN");
    assert_string_equal(err_message((enum err)9999), "unknown error");
    assert_string_equal(err_name((enum err)-1), "UNKNOWN");
}

static void errno_values_map_to_the_nearest_error(void **state)
{
    (void)state;
    assert_int_equal(err_from_errno(0), ERR_OK);
    assert_int_equal(err_from_errno(ENOMEM), ERR_NOMEM);
    assert_int_equal(err_from_errno(EWOULDBLOCK), ERR_AGAIN);
    assert_int_equal(err_from_errno(EPIPE), ERR_CLOSED);
    assert_int_equal(err_from_errno(ECONNRESET), ERR_RESET);
    assert_int_equal(err_from_errno(ECONNREFUSED), ERR_REFUSED);
    assert_int_equal(err_from_errno(EHOSTUNREACH), ERR_UNREACHABLE);
    assert_int_equal(err_from_errno(ETIMEDOUT), ERR_TIMEOUT);
    assert_int_equal(err_from_errno(ENOENT), ERR_NOTFOUND);
    assert_int_equal(err_from_errno(EADDRINUSE), ERR_EXISTS);
    assert_int_equal(err_from_errno(EACCES), ERR_PERMISSION);
    assert_int_equal(err_from_errno(ECANCELED), ERR_CANCELED);
    assert_int_equal(err_from_errno(ECHILD), ERR_SYSTEM);
    assert_int_equal(err_from_errno(123456), ERR_SYSTEM);
}

static void set_writes_the_text_and_returns_the_error(void **state)
{
    (void)state;
    struct err_text why = {0};
    assert_int_equal(err_set(&why, ERR_INVALID, "%s: %d is wrong", "port", 70000), ERR_INVALID);
    assert_string_equal(why.text, "port: 70000 is wrong");
    assert_int_equal(err_set(NULL, ERR_LIMIT, "nobody reads this"), ERR_LIMIT);
}

static void set_may_quote_the_old_text(void **state)
{
    (void)state;
    struct err_text why = {.text = "inner"};
    err_set(&why, ERR_IO, "outer (%s)", why.text);
    assert_string_equal(why.text, "outer (inner)");
}

static void set_cuts_what_does_not_fit(void **state)
{
    (void)state;
    struct err_text why;
    err_set(&why, ERR_IO, "%0600d", 7);
    assert_int_equal(strlen(why.text), sizeof(why.text) - 1);
    assert_int_equal(why.text[510], '0');
}

static void prefix_stands_in_front_and_cuts_at_the_end(void **state)
{
    (void)state;
    struct err_text why = {.text = "bad PEM"};
    err_prefix(&why, "%s:%d", "tls.yml", 12);
    err_prefix(&why, "tls.certificates");
    assert_string_equal(why.text, "tls.certificates: tls.yml:12: bad PEM");
    err_prefix(NULL, "nobody reads this");

    struct err_text empty = {0};
    err_prefix(&empty, "only");
    assert_string_equal(empty.text, "only");

    err_prefix(&why, "%0508d", 1);
    assert_int_equal(strlen(why.text), 511);
    assert_string_equal(why.text + 508, ": t");
    err_prefix(&why, "%0600d", 1);
    assert_int_equal(strlen(why.text), 511);
    assert_int_equal(why.text[510], '0');
}

static enum err fail_after(int n, int *reached)
{
    for (int i = 0; i < 3; i++) {
        TRY(i == n ? ERR_TIMEOUT : ERR_OK);
        (*reached)++;
    }
    return ERR_OK;
}

static void try_returns_at_the_first_failure(void **state)
{
    (void)state;
    int reached = 0;
    assert_int_equal(fail_after(1, &reached), ERR_TIMEOUT);
    assert_int_equal(reached, 1);
    assert_int_equal(fail_after(5, &reached), ERR_OK);
    assert_int_equal(reached, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_messages_are_those_of_the_list),
        cmocka_unit_test(errno_values_map_to_the_nearest_error),
        cmocka_unit_test(set_writes_the_text_and_returns_the_error),
        cmocka_unit_test(set_may_quote_the_old_text),
        cmocka_unit_test(set_cuts_what_does_not_fit),
        cmocka_unit_test(prefix_stands_in_front_and_cuts_at_the_end),
        cmocka_unit_test(try_returns_at_the_first_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
