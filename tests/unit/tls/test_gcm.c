/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * AES-GCM: vectors from the specification of GCM (McGrew and Viega, test cases 4 and
 * 16) and a record of RFC 8448 §3, by whichever library is in use and by wolfCrypt.
 */
#include "tls/gcm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tls/record.h"

struct vector {
    const char *key, *nonce, *associated, *plain, *sealed; /* hexadecimal; tag at the end */
};

static const struct vector vectors[] = {
    {"feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
     "feedfacedeadbeeffeedfacedeadbeefabaddad2",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
     "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
     "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
     "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091"
     "5bc94fbc3221a5db94fae95ae7121a47"},
    {"feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
     "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
     "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
     "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
     "76fc6ece0f4e1768cddf8853bb2d551b"},
};

static size_t from_hex(const char *text, uint8_t *out)
{
    size_t len = strlen(text) / 2;
    for (size_t i = 0; i < len; i++) {
        char digits[3] = {text[2 * i], text[2 * i + 1], '\0'};
        out[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return len;
}

/* However the text is cut, the result is the same. */
static void check_vector(const struct vector *vector)
{
    uint8_t key_bytes[32], nonce[12], associated[32], plain[64], sealed[80];
    char out[80];
    size_t key_len = from_hex(vector->key, key_bytes);
    size_t associated_len = from_hex(vector->associated, associated);
    size_t plain_len = from_hex(vector->plain, plain);
    size_t sealed_len = from_hex(vector->sealed, sealed);
    struct gcm_key *key;
    from_hex(vector->nonce, nonce);
    assert_int_equal(gcm_key_create(key_bytes, key_len, &key), ERR_OK);
    for (size_t cut = 0; cut <= plain_len; cut++) {
        const char *text = (const char *)plain;
        const struct span pieces[] = {{text, cut}, {text + cut, plain_len - cut}};
        memset(out, 0, sizeof(out));
        assert_int_equal(gcm_seal(key, nonce,
                                  span_make((const char *)associated, associated_len), pieces, 2,
                                  out),
                         ERR_OK);
        assert_memory_equal(out, sealed, sealed_len);
    }
    gcm_key_destroy(key);
}

static void check_vectors(void)
{
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
        check_vector(&vectors[i]);
}

static void the_vectors_hold_with_wolfcrypt(void **state)
{
    (void)state;
    gcm_global_finish();
    assert_string_equal(gcm_library(), "wolfCrypt");
    check_vectors();
}

static void the_vectors_hold_with_what_is_there(void **state)
{
    (void)state;
    gcm_global_init();
    check_vectors();
    gcm_global_finish();
}

/* A key outlives a change of library: it knows who made it. */
static void a_key_stays_with_its_library(void **state)
{
    uint8_t bytes[16] = {1}, nonce[12] = {2};
    char with_init[17], without[17];
    const struct span piece = SPAN("x");
    struct gcm_key *before, *after;
    (void)state;
    assert_int_equal(gcm_key_create(bytes, sizeof(bytes), &before), ERR_OK);
    gcm_global_init();
    assert_int_equal(gcm_key_create(bytes, sizeof(bytes), &after), ERR_OK);
    assert_int_equal(gcm_seal(before, nonce, SPAN("a"), &piece, 1, without), ERR_OK);
    assert_int_equal(gcm_seal(after, nonce, SPAN("a"), &piece, 1, with_init), ERR_OK);
    assert_memory_equal(with_init, without, sizeof(without));
    gcm_key_destroy(after);
    gcm_key_destroy(before);
    gcm_global_finish();
}

/* RFC 8448 §3: the server's first application data, its second record under those keys. */
static void a_record_is_that_of_rfc_8448(void **state)
{
    uint8_t key[16], plain[50], expected[72];
    struct record_writer writer = {.sequence = 1};
    struct buf out;
    (void)state;
    from_hex("9f02283b6c9c07efc26bb9f2ac92e356", key);
    from_hex("cf782b88dd83549aadf1e984", writer.iv);
    from_hex("17030300432e937e11ef4ac740e538ad36005fc4a46932fc3225d05f82aa1b36e30efaf97d90e6df"
             "fc602dcb501a59a8fcc49c4bf2e5f0a21c0047c2abf332540dd032e167c2955d",
             expected);
    for (size_t i = 0; i < sizeof(plain); i++)
        plain[i] = (uint8_t)i;
    assert_int_equal(gcm_key_create(key, sizeof(key), &writer.key), ERR_OK);
    buf_init(&out, 1000);
    struct span text = span_make((const char *)plain, sizeof(plain));
    assert_int_equal(record_writer_append(&writer, RECORD_DATA, span_first(text, 7),
                                          span_skip(text, 7), &out),
                     ERR_OK);
    assert_int_equal(buf_len(&out), sizeof(expected));
    assert_memory_equal(buf_span(&out).ptr, expected, sizeof(expected));
    assert_int_equal(writer.sequence, 2);
    buf_finish(&out);
    record_writer_finish(&writer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vectors_hold_with_wolfcrypt),
        cmocka_unit_test(the_vectors_hold_with_what_is_there),
        cmocka_unit_test(a_key_stays_with_its_library),
        cmocka_unit_test(a_record_is_that_of_rfc_8448),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
