/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What configurations of TLS options become, and what is said where they are wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <wolfssl/ssl.h>

#include "core/base/hash.h"
#include "tls/cipher_suites.h"
#include "tls/clienthello.h"
#include "tls/options.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct tls_options *make(struct tls_options_config config)
{
    struct tls_options *options = NULL;
    struct err_text why = {""};
    if (tls_options_create(&config, &options, &why) != ERR_OK)
        fail_msg("%s", why.text);
    return options;
}

static void expect_error(struct tls_options_config config, enum err error, const char *words)
{
    struct tls_options *options = NULL;
    struct err_text why = {""};
    assert_int_equal(tls_options_create(&config, &options, &why), error);
    assert_null(options);
    if (strstr(why.text, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", why.text, words);
}

static void defaults_are_aead_with_forward_secrecy(void **state)
{
    struct tls_options *options = make((struct tls_options_config){.name = SPAN("default")});
    (void)state;
    assert_string_equal(options->name, "default");
    assert_int_equal(options->min_version, 0x0303);
    assert_int_equal(options->max_version, 0x0304);
    assert_string_equal(options->cipher_list,
                        "TLS13-AES128-GCM-SHA256:TLS13-CHACHA20-POLY1305-SHA256:"
                        "TLS13-AES256-GCM-SHA384:"
                        "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
                        "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
                        "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384");
    assert_int_equal(options->group_count, 4);
    assert_int_equal(options->groups[0], WOLFSSL_X25519MLKEM768);
    assert_int_equal(options->groups[1], WOLFSSL_ECC_X25519);
    assert_int_equal(options->groups[2], WOLFSSL_ECC_SECP256R1);
    assert_int_equal(options->groups[3], WOLFSSL_ECC_SECP384R1);
    assert_int_equal(options->alpn_count, 0);
    tls_options_unref(options);
}

static void suites_keep_their_order_but_cbc_and_tls13_is_on_unless_narrowed(void **state)
{
    struct span tls12[] = {
        SPAN("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"),
        SPAN("tls_ecdhe_rsa_with_aes_128_cbc_sha"),
        SPAN("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"),
        SPAN("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305"),
        SPAN("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"),
    };
    struct span both[] = {SPAN("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"),
                          SPAN("TLS_AES_256_GCM_SHA384")};
    struct tls_options *options = make((struct tls_options_config){
        .name = SPAN("a"), .cipher_suites = tls12, .cipher_suite_count = COUNT(tls12)});
    (void)state;
    assert_string_equal(options->cipher_list,
                        "TLS13-AES128-GCM-SHA256:TLS13-CHACHA20-POLY1305-SHA256:"
                        "TLS13-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
                        "ECDHE-RSA-CHACHA20-POLY1305:ECDHE-RSA-AES128-SHA");
    tls_options_unref(options);
    options = make((struct tls_options_config){
        .name = SPAN("b"), .cipher_suites = both, .cipher_suite_count = COUNT(both)});
    assert_string_equal(options->cipher_list,
                        "TLS13-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256");
    tls_options_unref(options);
    options = make((struct tls_options_config){.name = SPAN("c"),
                                               .max_version = 0x0303,
                                               .cipher_suites = both,
                                               .cipher_suite_count = COUNT(both)});
    assert_string_equal(options->cipher_list, "ECDHE-ECDSA-AES128-GCM-SHA256");
    tls_options_unref(options);
}

static void wrong_names_and_versions_are_told(void **state)
{
    struct span unknown = SPAN("TLS_RSA_WITH_ROT13"), weak = SPAN("TLS_RSA_WITH_RC4_128_SHA");
    struct span tls12 = SPAN("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
    struct span curve = SPAN("CurveP255"), long_alpn = SPAN("0123456789012345678901234567890123");
    struct span comma = SPAN("h2,http/1.1");
    (void)state;
    expect_error((struct tls_options_config){.cipher_suites = &unknown, .cipher_suite_count = 1},
                 ERR_INVALID,
                 "cipher suite \"TLS_RSA_WITH_ROT13\" is unknown; Weir offers "
                 "TLS_AES_128_GCM_SHA256, TLS_CHACHA20_POLY1305_SHA256");
    expect_error((struct tls_options_config){.cipher_suites = &weak, .cipher_suite_count = 1},
                 ERR_UNSUPPORTED, "\"TLS_RSA_WITH_RC4_128_SHA\" is not offered (too weak)");
    expect_error((struct tls_options_config){.min_version = 0x0304,
                                             .max_version = 0x0303},
                 ERR_INVALID, "the minimum TLS version (1.3) is above the maximum (1.2)");
    expect_error((struct tls_options_config){.min_version = 0x0301}, ERR_UNSUPPORTED,
                 "minimum version TLS 1.0 is not supported by this build");
    expect_error((struct tls_options_config){.max_version = 0x0302}, ERR_UNSUPPORTED,
                 "maximum version TLS 1.1 is not supported by this build");
    expect_error((struct tls_options_config){.min_version = 0x0305}, ERR_INVALID,
                 "0x0305 is no TLS version");
    expect_error((struct tls_options_config){.curves = &curve, .curve_count = 1}, ERR_INVALID,
                 "unknown curve \"CurveP255\"; known are X25519, CurveP256");
    expect_error((struct tls_options_config){.alpn = &long_alpn, .alpn_count = 1}, ERR_INVALID,
                 "ALPN protocol");
    expect_error((struct tls_options_config){.alpn = &comma, .alpn_count = 1}, ERR_INVALID,
                 "no comma");
    /* TLS 1.3 only, with no suite of it left out by name: the defaults of 1.3 stay. */
    struct tls_options *options = make((struct tls_options_config){
        .min_version = 0x0304, .cipher_suites = &tls12, .cipher_suite_count = 1});
    assert_non_null(strstr(options->cipher_list, "TLS13-AES128-GCM-SHA256"));
    tls_options_unref(options);
}

static void curves_of_go_and_of_openssl_are_the_same(void **state)
{
    struct span names[] = {SPAN("CurveP521"), SPAN("secp521r1"), SPAN("x25519mlkem768"),
                           SPAN("SecP256r1MLKEM768")};
    struct tls_options *options =
        make((struct tls_options_config){.curves = names, .curve_count = COUNT(names)});
    (void)state;
    assert_int_equal(options->group_count, 3);
    assert_int_equal(options->groups[0], WOLFSSL_ECC_SECP521R1);
    assert_int_equal(options->groups[1], WOLFSSL_X25519MLKEM768);
    assert_int_equal(options->groups[2], WOLFSSL_SECP256R1MLKEM768);
    tls_options_unref(options);
}

static void identity_is_of_the_contents_and_not_of_the_name(void **state)
{
    struct span h1 = SPAN("http/1.1"), h2 = SPAN("h2"), curve = SPAN("X25519");
    struct span suite = SPAN("TLS_AES_128_GCM_SHA256");
    const struct tls_options_config others[] = {
        {.min_version = 0x0304},
        {.max_version = 0x0303},
        {.alpn = &h1, .alpn_count = 1},
        {.alpn = &h2, .alpn_count = 1},
        {.curves = &curve, .curve_count = 1},
        {.cipher_suites = &suite, .cipher_suite_count = 1},
        {.sni_strict = true},
        {.session_tickets = true},
        {.client_auth = TLS_CLIENT_AUTH_REQUEST},
        {.client_auth = TLS_CLIENT_AUTH_REQUIRE_ANY},
    };
    uint64_t seen[COUNT(others) + 1];
    struct tls_options *one = make((struct tls_options_config){.name = SPAN("one")});
    struct tls_options *two = make((struct tls_options_config){.name = SPAN("two")});
    (void)state;
    assert_true(one->identity == two->identity);
    seen[0] = one->identity;
    tls_options_unref(one);
    tls_options_unref(two);
    for (size_t i = 0; i < COUNT(others); i++) {
        struct tls_options *options = make(others[i]);
        for (size_t j = 0; j <= i; j++)
            assert_true(options->identity != seen[j]);
        seen[i + 1] = options->identity;
        tls_options_unref(options);
    }
}

static struct clienthello hello_offering(const char *first, const char *second)
{
    struct clienthello hello = {
        .has_alpn = first != NULL, .versions = {0x0304}, .version_count = 1};
    if (first != NULL)
        memcpy(hello.alpn[hello.alpn_count++], first, strlen(first) + 1);
    if (second != NULL)
        memcpy(hello.alpn[hello.alpn_count++], second, strlen(second) + 1);
    return hello;
}

static void alpn_follows_our_preference(void **state)
{
    struct span ours[] = {SPAN("h2"), SPAN("http/1.1")};
    struct tls_options *options =
        make((struct tls_options_config){.alpn = ours, .alpn_count = COUNT(ours)});
    const char *chosen = "untouched";
    (void)state;
    struct clienthello hello = hello_offering("http/1.1", "h2");
    assert_int_equal(tls_options_choose_alpn(options, &hello, false, &chosen), ERR_OK);
    assert_string_equal(chosen, "h2");
    hello = hello_offering("http/1.0", "http/1.1");
    assert_int_equal(tls_options_choose_alpn(options, &hello, false, &chosen), ERR_OK);
    assert_string_equal(chosen, "http/1.1");
    hello = hello_offering("smtp", NULL);
    assert_int_equal(tls_options_choose_alpn(options, &hello, false, &chosen), ERR_MISMATCH);
    assert_string_equal(chosen, "http/1.1");
    hello = hello_offering(NULL, NULL);
    assert_int_equal(tls_options_choose_alpn(options, &hello, false, &chosen), ERR_OK);
    assert_null(chosen);
    tls_options_unref(options);
    options = make((struct tls_options_config){.name = SPAN("none")});
    hello = hello_offering("smtp", NULL);
    assert_int_equal(tls_options_choose_alpn(options, &hello, false, &chosen), ERR_OK);
    assert_null(chosen);
    tls_options_unref(options);
}

/* RFC 9113 §9.2.2 and its appendix A, by numbers of IANA's registry. */
static void http2_is_agreed_only_over_suites_that_it_may_use(void **state)
{
    struct span ours[] = {SPAN("h2"), SPAN("http/1.1")};
    struct span suites[] = {SPAN("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"),
                            SPAN("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"),
                            SPAN("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA")};
    struct tls_options *options = make((struct tls_options_config){
        .alpn = ours, .alpn_count = COUNT(ours), .cipher_suites = suites,
        .cipher_suite_count = COUNT(suites)});
    static const struct {
        uint16_t suite;
        bool rsa, http2;
    } cases[] = {
        {0xc030, true, true},
        {0xc030, false, false}, /* the certificate's key is not RSA */
        {0xc02f, true, false},  /* not among ours */
        {0xc013, true, false},  /* CBC */
        {0xc009, false, false},
    };
    const char *chosen;
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct clienthello hello = hello_offering("h2", "http/1.1");
        hello.versions[0] = 0x0303;
        hello.http2_suites = cipher_suite_http2_bit(cases[i].suite);
        assert_int_equal(tls_options_choose_alpn(options, &hello, cases[i].rsa, &chosen), ERR_OK);
        assert_string_equal(chosen, cases[i].http2 ? "h2" : "http/1.1");
        hello.versions[0] = 0x0304;
        assert_int_equal(tls_options_choose_alpn(options, &hello, cases[i].rsa, &chosen), ERR_OK);
        assert_string_equal(chosen, "h2");
    }
    struct clienthello hello = hello_offering("h2", NULL);
    hello.versions[0] = 0x0303;
    assert_int_equal(tls_options_choose_alpn(options, &hello, true, &chosen), ERR_MISMATCH);
    tls_options_unref(options);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_aead_with_forward_secrecy),
        cmocka_unit_test(suites_keep_their_order_but_cbc_and_tls13_is_on_unless_narrowed),
        cmocka_unit_test(wrong_names_and_versions_are_told),
        cmocka_unit_test(curves_of_go_and_of_openssl_are_the_same),
        cmocka_unit_test(identity_is_of_the_contents_and_not_of_the_name),
        cmocka_unit_test(alpn_follows_our_preference),
        cmocka_unit_test(http2_is_agreed_only_over_suites_that_it_may_use),
    };
    hash_seed_set(7);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
