/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a hello is refused for before there is an engine, and what not. */
#include "tls_harness.h"

#include "tls/refusal.h"

static const struct clienthello usual = {
    .versions = {0x0304, 0x0303},
    .version_count = 2,
    .groups = {0x001d},
    .group_count = 1,
    .has_groups = true,
};

static void expect(const struct clienthello *hello, const struct tls_options_config *config,
                   int alert)
{
    struct tls_options *options = fixture_options(config);
    const struct tls_refusal *refusal = tls_refusal_of(hello, options);
    assert_int_equal(refusal != NULL ? refusal->alert : 0, alert);
    tls_options_unref(options);
}

static void a_usual_hello_is_not_refused(void **state)
{
    struct clienthello hello = usual;
    (void)state;
    expect(&hello, NULL, 0);
    hello.psk_count = TLS_TICKETS_OFFERED_MAX;
    expect(&hello, NULL, 0);
}

static void no_version_in_common_is_protocol_version(void **state)
{
    const struct tls_options_config only13 = {.min_version = 0x0304};
    struct clienthello hello = usual;
    (void)state;
    hello.versions[0] = 0x0302;
    expect(&hello, NULL, 0);
    expect(&hello, &only13, 70);
    hello.version_count = 1;
    expect(&hello, NULL, 70);
}

static void a_fallback_counts_below_our_highest_version_only(void **state)
{
    const struct tls_options_config only12 = {.max_version = 0x0303};
    struct clienthello hello = usual;
    (void)state;
    hello.is_fallback = true;
    expect(&hello, NULL, 0);
    hello.versions[0] = 0x0303;
    expect(&hello, NULL, 86);
    expect(&hello, &only12, 0);
}

static void groups_must_meet_in_tls13(void **state)
{
    struct clienthello hello = usual;
    (void)state;
    hello.groups[0] = 0x001e;
    expect(&hello, NULL, 40);
    hello.group_count = 0; /* GREASE alone */
    expect(&hello, NULL, 40);
    hello.has_groups = false;
    expect(&hello, NULL, 109);
    hello.versions[0] = 0x0303; /* TLS 1.2 may leave them out */
    expect(&hello, NULL, 0);
}

static void more_tickets_than_clients_have_are_refused(void **state)
{
    struct clienthello hello = usual;
    (void)state;
    hello.psk_count = TLS_TICKETS_OFFERED_MAX + 1;
    expect(&hello, NULL, 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_usual_hello_is_not_refused),
        cmocka_unit_test(no_version_in_common_is_protocol_version),
        cmocka_unit_test(a_fallback_counts_below_our_highest_version_only),
        cmocka_unit_test(groups_must_meet_in_tls13),
        cmocka_unit_test(more_tickets_than_clients_have_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
