/* SPDX-License-Identifier: GPL-3.0-or-later */
/* PEM, DER and the text of IP addresses: the floor under loading certificates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "tls/der.h"
#include "tls/ip_text.h"
#include "tls/pem.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- PEM ---- */

static enum err decode_body(const char *body, char *out, size_t *len)
{
    struct pem_block block = {.label = SPAN("X"), .body = span_cstr(body), .line = 1};
    uint8_t *room = malloc(pem_decoded_max(&block)); /* exactly, so that ASan sees more */
    assert_non_null(room);
    enum err error = pem_decode(&block, room, len, NULL);
    if (error == ERR_OK)
        memcpy(out, room, *len);
    free(room);
    return error;
}

static void base64_decodes_the_vectors_of_rfc_4648(void **state)
{
    (void)state;
    static const char *const vectors[][2] = {
        {"", ""},          {"Zg==", "f"},         {"Zm8=", "fo"},         {"Zm9v", "foo"},
        {"Zm9vYg==", "foob"}, {"Zm9vYmE=", "fooba"}, {"Zm9vYmFy", "foobar"},
        /* line ends and white space anywhere */
        {"Zm9v\nYmFy\n", "foobar"}, {"Z\r\nm 9\tv\nYg\n=\n=\n", "foob"},
        {"+/+/", "\xfb\xff\xbf"},
    };
    for (size_t i = 0; i < COUNT(vectors); i++) {
        char out[64];
        size_t len;
        assert_int_equal(decode_body(vectors[i][0], out, &len), ERR_OK);
        assert_true(span_equal(span_make(out, len), span_cstr(vectors[i][1])));
    }
}

static void broken_base64_is_refused(void **state)
{
    (void)state;
    static const char *const broken[] = {
        "Z", "Zg", "Zg=", "Zm8", "Zm8==", "Zg===", "=", "====", "Z===", "Zg=a", "Zg==Zg==", "Zm9v=",
        "Zm9-", "Zm9_", "Zm\x80v", "Zm9v!", "Zm9vYmFy====",
    };
    for (size_t i = 0; i < COUNT(broken); i++) {
        char out[64];
        size_t len;
        assert_int_equal(decode_body(broken[i], out, &len), ERR_SYNTAX);
    }
}

static void blocks_are_found_between_other_text(void **state)
{
    (void)state;
    struct pem_reader reader;
    struct pem_block block;
    pem_reader_init(&reader, SPAN("Subject: x\r\n"
                                  "-----BEGIN A-----\r\nZg==\r\n-----END A-----\r\n"
                                  "not at the start: -----BEGIN B-----\n"
                                  "-----BEGIN C D-----  \n-----END C D-----\n"
                                  "-----BEGIN E-----\nDEK-Info: x\nProc-Type: 4,ENCRYPTED\n\nZg==\n"
                                  "-----END E-----"));
    assert_int_equal(pem_next(&reader, &block, NULL), ERR_OK);
    assert_true(span_equal(block.label, SPAN("A")) && block.line == 2 && !block.encrypted);
    assert_true(span_equal(block.body, SPAN("Zg==\r\n")));
    assert_int_equal(pem_next(&reader, &block, NULL), ERR_OK);
    assert_true(span_equal(block.label, SPAN("C D")) && block.line == 6 && block.body.len == 0);
    assert_int_equal(pem_next(&reader, &block, NULL), ERR_OK);
    assert_true(span_equal(block.label, SPAN("E")) && block.line == 8 && block.encrypted);
    assert_true(span_equal(block.body, SPAN("Zg==\n")));
    assert_int_equal(pem_next(&reader, &block, NULL), ERR_NOTFOUND);
    assert_int_equal(pem_next(&reader, &block, NULL), ERR_NOTFOUND);
}

static void a_block_without_its_end_is_told_with_its_line(void **state)
{
    (void)state;
    static const struct {
        struct span text;
        const char *message;
    } broken[] = {
        {SPAN("\n-----BEGIN A-----\nZg=="), "line 2: -----BEGIN A----- without its END"},
        {SPAN("-----BEGIN A-----"), "line 1: -----BEGIN A----- without its END"},
        {SPAN("-----BEGIN A-----\nZg==\n-----END B-----\n"),
         "line 3: expected -----END A----- for the block that begins in line 1"},
        {SPAN("-----BEGIN A-----\nZg==\n-----BEGIN A-----\nZg==\n-----END A-----\n"),
         "line 3: expected -----END A----- for the block that begins in line 1"},
        {SPAN("-----BEGIN A-----\n-----END A----\n"),
         "line 2: expected -----END A----- for the block that begins in line 1"},
    };
    for (size_t i = 0; i < COUNT(broken); i++) {
        struct pem_reader reader;
        struct pem_block block;
        struct err_text why = {""};
        pem_reader_init(&reader, broken[i].text);
        assert_int_equal(pem_next(&reader, &block, &why), ERR_SYNTAX);
        assert_string_equal(why.text, broken[i].message);
    }
}

/* ---- DER ---- */

static void lengths_are_read_in_their_shortest_form_only(void **state)
{
    (void)state;
    static const struct {
        struct span der;
        int length; /* -1: refused */
    } cases[] = {
        {SPAN("\x04\x00"), 0},
        {SPAN("\x04\x01x"), 1},
        {SPAN("\x04\x01"), -1},
        {SPAN("\x04"), -1},
        {SPAN(""), -1},
        {SPAN("\x04\x80\0\0"), -1},                 /* indefinite */
        {SPAN("\x04\x81\x01x"), -1},                /* short form would do */
        {SPAN("\x04\x82\x00\x80"), -1},             /* leading zero */
        {SPAN("\x04\x85\x01\x01\x01\x01\x01"), -1}, /* over four bytes */
        {SPAN("\x04\x84\xff\xff\xff\xff"), -1},
        {SPAN("\x1f\x81\x01\x00"), -1}, /* high tag number */
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct span in = cases[i].der, contents;
        uint8_t tag;
        assert_int_equal(der_next(&in, &tag, &contents), cases[i].length >= 0);
        if (cases[i].length >= 0)
            assert_int_equal(contents.len, cases[i].length);
        else
            assert_int_equal(in.len, cases[i].der.len);
    }
    char large[3 + 200] = "\x04\x81\xc8";
    struct span in = span_make(large, sizeof(large)), contents;
    assert_true(der_read(&in, DER_OCTET_STRING, &contents) && contents.len == 200 && in.len == 0);
}

static void numbers_are_positive_and_minimal(void **state)
{
    (void)state;
    static const struct {
        struct span der;
        struct span magnitude; /* ptr NULL: refused */
    } cases[] = {
        {SPAN("\x02\x01\x05"), SPAN("\x05")},     {SPAN("\x02\x02\x00\x80"), SPAN("\x80")},
        {SPAN("\x02\x01\x00"), SPAN("\x00")},     {SPAN("\x02\x01\x80"), SPAN_EMPTY},
        {SPAN("\x02\x02\x00\x05"), SPAN_EMPTY}, {SPAN("\x02\x00"), SPAN_EMPTY},
        {SPAN("\x04\x01\x05"), SPAN_EMPTY},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct span in = cases[i].der, magnitude;
        bool good = cases[i].magnitude.ptr != NULL;
        assert_int_equal(der_read_unsigned(&in, &magnitude), good);
        if (good)
            assert_true(span_equal(magnitude, cases[i].magnitude));
    }
}

static void times_become_unix_time(void **state)
{
    (void)state;
    /* Seconds from date(1). */
    static const struct {
        struct span der;
        int64_t unix_s; /* -1: refused */
    } cases[] = {
        {SPAN("\x17\x0d" "700101000000Z"), 0},
        {SPAN("\x17\x0d" "491231235959Z"), 2524607999},
        {SPAN("\x17\x0d" "500101000000Z"), -631152000},
        {SPAN("\x17\x0d" "240229120000Z"), 1709208000},
        {SPAN("\x18\x0f" "20500101000000Z"), 2524608000},
        {SPAN("\x18\x0f" "99991231235959Z"), 253402300799},
        {SPAN("\x18\x0f" "20000229000000Z"), 951782400},
        {SPAN("\x18\x0f" "19000101000000Z"), -2208988800},
        {SPAN("\x17\x0d" "230229120000Z"), -1},
        {SPAN("\x18\x0f" "21000229000000Z"), -1},
        {SPAN("\x17\x0d" "241301000000Z"), -1},
        {SPAN("\x17\x0d" "240100000000Z"), -1},
        {SPAN("\x17\x0d" "240431000000Z"), -1},
        {SPAN("\x17\x0d" "240101240000Z"), -1},
        {SPAN("\x17\x0d" "240101006000Z"), -1},
        {SPAN("\x17\x0d" "240101000060Z"), -1},
        {SPAN("\x17\x0b" "2401010000Z"), -1},
        {SPAN("\x17\x11" "240101000000+0100"), -1},
        {SPAN("\x17\x0d" "24010100000aZ"), -1},
        {SPAN("\x04\x0d" "700101000000Z"), -1},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct span in = cases[i].der;
        int64_t unix_s = -1;
        bool good = cases[i].unix_s != -1;
        assert_int_equal(der_read_time(&in, &unix_s), good);
        assert_true(unix_s == cases[i].unix_s);
        assert_int_equal(in.len, good ? 0 : cases[i].der.len);
    }
}

/* ---- IP addresses ---- */

static void ip_addresses_are_written_as_go_writes_them(void **state)
{
    (void)state;
    /* From Go's net.IP.String. */
    static const struct {
        struct span address;
        const char *text;
    } cases[] = {
        {SPAN("\xc0\x00\x02\x01"), "192.0.2.1"},
        {SPAN("\xff\xff\xff\xff"), "255.255.255.255"},
        {SPAN("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), "::"},
        {SPAN("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01"), "::1"},
        {SPAN("\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), "1::"},
        {SPAN("\0\0\0\0\0\0\0\0\0\0\0\0\x01\x02\x03\x04"), "::102:304"},
        {SPAN("\0\0\0\0\0\0\0\0\0\0\xff\xff\x01\x02\x03\x04"), "1.2.3.4"},
        {SPAN("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"), "2001:db8::1"},
        {SPAN("\x20\x01\x0d\xb8\0\0\0\x01\0\0\0\0\0\0\0\x01"), "2001:db8:0:1::1"},
        {SPAN("\x20\x01\x0d\xb8\0\0\0\0\0\x01\0\0\0\0\0\x01"), "2001:db8::1:0:0:1"},
        {SPAN("\x20\x01\x0d\xb8\0\0\0\x01\0\x01\0\x01\0\x01\0\x01"), "2001:db8:0:1:1:1:1:1"},
        {SPAN("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
         "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[IP_TEXT_SIZE];
        size_t len = ip_text_format((const uint8_t *)cases[i].address.ptr, cases[i].address.len,
                                    text);
        assert_string_equal(text, cases[i].text);
        assert_int_equal(len, strlen(text));
    }
    char untouched[IP_TEXT_SIZE] = "x";
    assert_int_equal(ip_text_format((const uint8_t *)"12345", 5, untouched), 0);
    assert_string_equal(untouched, "x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base64_decodes_the_vectors_of_rfc_4648),
        cmocka_unit_test(broken_base64_is_refused),
        cmocka_unit_test(blocks_are_found_between_other_text),
        cmocka_unit_test(a_block_without_its_end_is_told_with_its_line),
        cmocka_unit_test(lengths_are_read_in_their_shortest_form_only),
        cmocka_unit_test(numbers_are_positive_and_minimal),
        cmocka_unit_test(times_become_unix_time),
        cmocka_unit_test(ip_addresses_are_written_as_go_writes_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
