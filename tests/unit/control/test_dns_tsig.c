/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * TSIG against messages that dnspython 2.3 signed with the same key at the same
 * time.
 */
#include "core/control/dns_tsig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define TIME_S 1700000000
#define SECRET "YSBzZWNyZXQgb2YgdGhpcnR5LXR3byBieXRlcyAuLi4="

/* An update of example.test. without its signature: no additional records. */
static const char unsigned_update[] =
    "\x12\x34\x28\x00\x00\x01\x00\x00\x00\x01\x00\x00\x07\x65\x78\x61"
    "\x6d\x70\x6c\x65\x04\x74\x65\x73\x74\x00\x00\x06\x00\x01\x0f\x5f"
    "\x61\x63\x6d\x65\x2d\x63\x68\x61\x6c\x6c\x65\x6e\x67\x65\xc0\x0c"
    "\x00\x10\x00\x01\x00\x00\x00\x78\x00\x06\x05\x68\x65\x6c\x6c\x6f";

/* What hmac-sha256 adds to it. */
static const char signature[] =
    "\x04\x77\x65\x69\x72\x03\x6b\x65\x79\x00\x00\xfa\x00\xff\x00\x00"
    "\x00\x00\x00\x3d\x0b\x68\x6d\x61\x63\x2d\x73\x68\x61\x32\x35\x36"
    "\x00\x00\x00\x65\x53\xf1\x00\x01\x2c\x00\x20\x5c\xbe\x52\xed\xeb"
    "\x11\x5f\xbc\x8a\xc6\x29\xfc\xc2\x1f\x52\xf8\xad\x8f\x22\xde\x97"
    "\x31\x97\x40\x8a\x7d\x6b\x00\xdd\x6f\x37\xe2\x12\x34\x00\x00\x00"
    "\x00";

static const char signed_response[] =
    "\x12\x34\xa8\x00\x00\x01\x00\x00\x00\x00\x00\x01\x07\x65\x78\x61"
    "\x6d\x70\x6c\x65\x04\x74\x65\x73\x74\x00\x00\x06\x00\x01\x04\x77"
    "\x65\x69\x72\x03\x6b\x65\x79\x00\x00\xfa\x00\xff\x00\x00\x00\x00"
    "\x00\x3d\x0b\x68\x6d\x61\x63\x2d\x73\x68\x61\x32\x35\x36\x00\x00"
    "\x00\x65\x53\xf1\x00\x01\x2c\x00\x20\x2a\x88\x52\xaa\xce\xdc\x37"
    "\x4b\xb8\xe5\x3e\xc6\xc9\xd3\xc9\x9c\xff\x15\x02\xe8\x45\xaf\xda"
    "\x3f\xf8\xbc\xb1\x12\xb8\xe8\xe7\xad\x12\x34\x00\x00\x00\x00";

static const char bad_key_response[] =
    "\x12\x34\xa8\x09\x00\x01\x00\x00\x00\x00\x00\x01\x07\x65\x78\x61"
    "\x6d\x70\x6c\x65\x04\x74\x65\x73\x74\x00\x00\x06\x00\x01\x04\x77"
    "\x65\x69\x72\x03\x6b\x65\x79\x00\x00\xfa\x00\xff\x00\x00\x00\x00"
    "\x00\x3d\x0b\x68\x6d\x61\x63\x2d\x73\x68\x61\x32\x35\x36\x00\x00"
    "\x00\x65\x53\xf1\x00\x01\x2c\x00\x20\xf0\x46\x24\xf7\x74\xbb\x1e"
    "\xba\x28\x83\x59\x0a\x9d\xe3\xe1\xab\xf9\xbd\xc4\xa1\xec\x4f\x61"
    "\xca\x2a\x00\x02\x96\x01\x9d\x32\x4f\x12\x34\x00\x11\x00\x00";

#define BYTES(text) span_make(text, sizeof(text) - 1)
#define SIGNATURE_AT 30 /* of signed_response */
#define MAC_AT 73       /* of the same */

static void make_key(struct dns_tsig_key *key, const char *algorithm)
{
    assert_int_equal(dns_tsig_key_set(key, SPAN("Weir.Key"), span_cstr(algorithm), SPAN(SECRET),
                                      NULL),
                     ERR_OK);
}

static void sign(struct buf *message, const char *algorithm, struct dns_tsig_mac *mac)
{
    struct dns_tsig_key key;
    make_key(&key, algorithm);
    buf_init(message, 4096);
    assert_int_equal(buf_append(message, BYTES(unsigned_update)), ERR_OK);
    assert_int_equal(dns_tsig_sign(message, &key, TIME_S, mac), ERR_OK);
}

static void a_request_is_signed_as_another_program_signs_it(void **state)
{
    struct buf message, expected;
    struct dns_tsig_mac mac;
    (void)state;
    sign(&message, "hmac-sha256", &mac);
    buf_init(&expected, 4096);
    assert_int_equal(buf_append(&expected, BYTES(unsigned_update)), ERR_OK);
    expected.data[11] = 1; /* an additional record */
    assert_int_equal(buf_append(&expected, BYTES(signature)), ERR_OK);
    assert_true(span_equal(buf_span(&message), buf_span(&expected)));
    buf_finish(&message);
    buf_finish(&expected);
}

static void each_algorithm_computes_what_another_program_does(void **state)
{
    static const struct {
        const char *algorithm, *mac;
        size_t len;
    } rows[] = {
        {"hmac-sha1.", "\x7d\x3a\xff\x7c\x21\xd5\xb7\x5b\xf0\xe4\xcd\xbd\x35\xc2\xf5\x82", 20},
        {"HMAC-SHA224", "\x7c\x4e\x7d\x85\x8e\x69\xc0\x87\x28\x0f\xe9\x70\xb7\xd1\xe8\xc5", 28},
        {"hmac-sha256", "\x5c\xbe\x52\xed\xeb\x11\x5f\xbc\x8a\xc6\x29\xfc\xc2\x1f\x52\xf8", 32},
        {"hmac-sha384", "\x15\x0e\xe5\x23\x44\x40\x83\x26\xaa\xaa\x98\xab\xb7\x87\x98\x6e", 48},
        {"hmac-sha512.", "\xc7\x91\x24\x71\x5f\x06\xc5\x97\x8e\xbf\x22\xe8\x82\x53\xbb\x7f", 64},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf message;
        struct dns_tsig_mac mac;
        sign(&message, rows[i].algorithm, &mac);
        assert_int_equal(mac.len, rows[i].len);
        assert_memory_equal(mac.bytes, rows[i].mac, 16);
        buf_finish(&message);
    }
}

static enum err verify(struct span bytes, int64_t now_s, struct err_text *why)
{
    struct buf request;
    struct dns_tsig_mac mac;
    struct dns_tsig_key key;
    struct dns_message response;
    sign(&request, "hmac-sha256", &mac);
    buf_finish(&request);
    make_key(&key, "hmac-sha256");
    TRY(dns_message_read(bytes, &response));
    return dns_tsig_verify(&response, &key, &mac, now_s, why);
}

static void a_response_of_another_program_is_verified(void **state)
{
    (void)state;
    assert_int_equal(verify(BYTES(signed_response), TIME_S, NULL), ERR_OK);
    assert_int_equal(verify(BYTES(signed_response), TIME_S + 1 + DNS_TSIG_FUDGE_S, NULL),
                     ERR_PERMISSION);
    assert_int_equal(verify(BYTES(signed_response), TIME_S - DNS_TSIG_FUDGE_S - 1, NULL),
                     ERR_PERMISSION);
}

static void a_response_with_any_byte_changed_is_refused(void **state)
{
    char copy[sizeof(signed_response)];
    (void)state;
    /* The id is the client's to compare; the signature's TTL is not signed. */
    for (size_t i = 2; i < sizeof(signed_response) - 1; i++) {
        if (i >= SIGNATURE_AT + 14 && i < SIGNATURE_AT + 18)
            continue;
        for (unsigned bit = 0; bit < 8; bit++) {
            memcpy(copy, signed_response, sizeof(copy));
            copy[i] = (char)(copy[i] ^ 1 << bit);
            if (copy[i] == signed_response[i] - 32 || copy[i] == signed_response[i] + 32)
                continue; /* the case of a name's letter does not count in a signature */
            assert_int_not_equal(verify(span_make(copy, sizeof(copy) - 1), TIME_S, NULL), ERR_OK);
        }
    }
}

static void a_short_mac_is_refused(void **state)
{
    char copy[sizeof(signed_response)];
    (void)state;
    for (size_t gone = 1; gone <= 32; gone++) {
        size_t size = sizeof(signed_response) - 1;
        memcpy(copy, signed_response, sizeof(copy));
        memmove(copy + MAC_AT + 32 - gone, copy + MAC_AT + 32, size - MAC_AT - 32);
        copy[MAC_AT - 1] = (char)(32 - gone);
        copy[SIGNATURE_AT + 19] = (char)(0x3d - gone);
        assert_int_equal(verify(span_make(copy, size - gone), TIME_S, NULL), ERR_PERMISSION);
    }
}

static void a_response_without_a_signature_is_refused(void **state)
{
    char copy[SIGNATURE_AT];
    struct err_text why = {""};
    (void)state;
    memcpy(copy, signed_response, sizeof(copy));
    copy[11] = 0;
    assert_int_equal(verify(span_make(copy, sizeof(copy)), TIME_S, &why), ERR_PERMISSION);
    assert_string_equal(why.text, "the answer is not signed");
}

static void what_a_server_complains_of_is_put_in_words(void **state)
{
    struct dns_message response;
    (void)state;
    assert_int_equal(dns_message_read(BYTES(bad_key_response), &response), ERR_OK);
    assert_non_null(strstr(dns_tsig_complaint(&response), "BADKEY"));
    assert_int_equal(dns_message_read(BYTES(signed_response), &response), ERR_OK);
    assert_null(dns_tsig_complaint(&response));
}

static void a_key_that_cannot_be_used_is_told_without_its_secret(void **state)
{
    struct dns_tsig_key key;
    struct err_text why = {""};
    (void)state;
    assert_int_equal(dns_tsig_key_set(&key, SPAN("k"), SPAN("hmac-md5"), SPAN(SECRET), &why),
                     ERR_UNSUPPORTED);
    assert_non_null(strstr(why.text, "hmac-sha256"));
    assert_int_equal(dns_tsig_key_set(&key, SPAN("k..k"), SPAN("hmac-sha1"), SPAN(SECRET), &why),
                     ERR_SYNTAX);
    assert_int_equal(dns_tsig_key_set(&key, SPAN("k"), SPAN("hmac-sha1"), SPAN("s3cret!"), &why),
                     ERR_SYNTAX);
    assert_null(strstr(why.text, "s3cret"));
    assert_int_equal(dns_tsig_key_set(&key, SPAN("k"), SPAN("hmac-sha1"), SPAN(""), &why),
                     ERR_SYNTAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_signed_as_another_program_signs_it),
        cmocka_unit_test(each_algorithm_computes_what_another_program_does),
        cmocka_unit_test(a_response_of_another_program_is_verified),
        cmocka_unit_test(a_response_with_any_byte_changed_is_refused),
        cmocka_unit_test(a_short_mac_is_refused),
        cmocka_unit_test(a_response_without_a_signature_is_refused),
        cmocka_unit_test(what_a_server_complains_of_is_put_in_words),
        cmocka_unit_test(a_key_that_cannot_be_used_is_told_without_its_secret),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
