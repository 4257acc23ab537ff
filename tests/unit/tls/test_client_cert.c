/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The texts of a client's certificate. Subjects as Go's pkix.Name.String prints
 * them; fields as Traefik's passTLSClientCert does; both written by hand from
 * their rules.
 */
#include "tls_harness.h"

#include <stdlib.h>

#include "tls/client_cert.h"
#include "tls/pem.h"

static struct client_cert *read_chain(const char *file)
{
    static uint8_t der[4][4096];
    struct span certs[4], text = fixture_read(file);
    struct client_cert *cert;
    struct pem_reader reader;
    struct pem_block block;
    size_t count = 0, len;
    pem_reader_init(&reader, text);
    while (count < 4 && pem_next(&reader, &block, NULL) == ERR_OK) {
        assert_ok(pem_decode(&block, der[count], &len, NULL));
        certs[count] = span_make(der[count], len);
        count++;
    }
    assert_ok(client_cert_create(certs, count, &cert));
    memset(der, 0, sizeof(der)); /* it has its own copy */
    free((char *)(uintptr_t)text.ptr);
    return cert;
}

static void the_subject_is_gos(void **state)
{
    struct client_cert *cert = read_chain("clients/client.pem");
    (void)state;
    assert_string_equal(cert->subject,
                        "SERIALNUMBER=1234,CN=*.cheese.org,ST=Cheese org state,L=TOULOUSE,"
                        "OU=Simple\\, really+OU=\\\"b\\\",O=Cheese,C=FR+C=US,"
                        "0.9.2342.19200300.100.1.1=#13026d65,"
                        "0.9.2342.19200300.100.1.25=#1306636865657365,"
                        "0.9.2342.19200300.100.1.25=#13036f7267");
    client_cert_destroy(cert);
}

static void expect_name(struct span name, const char *whole, uint32_t wanted, const char *some)
{
    struct buf text;
    buf_init(&text, 4096);
    assert_ok(name_text_append(name, &text));
    assert_ok(buf_append(&text, SPAN("\0")));
    assert_string_equal(buf_span(&text).ptr, whole);
    buf_clear(&text);
    assert_ok(name_text_append_some(name, wanted, &text));
    assert_ok(buf_append(&text, SPAN("\0")));
    assert_string_equal(buf_span(&text).ptr, some);
    buf_finish(&text);
}

static void odd_names_are_escaped_and_broken_ones_end(void **state)
{
    (void)state;
    expect_name(SPAN_EMPTY, "", ~0u, "");
    expect_name(SPAN("\x31\x0e\x30\x0c\x06\x03\x55\x04\x03\x0c\x05 #a; "),
                "CN=\\ #a\\;\\ ", NAME_COMMON_NAME, "CN= #a; ");
    expect_name(SPAN("\x31\x0b\x30\x09\x06\x03\x55\x04\x0a\x0c\x02#b"), "O=\\#b",
                NAME_COMMON_NAME, "");
    /* Two common names: the last counts. An e-mail address is not of the known types. */
    expect_name(SPAN("\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x0c\x01" "a"
                     "\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x0c\x01" "b"
                     "\x31\x12\x30\x10\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01\x16\x03" "a@b"),
                "CN=b,1.2.840.113549.1.9.1=#0c03614062", ~0u, "CN=b");
    expect_name(SPAN("\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x0c\x01" "a\x31\x0a\x30\x08\x06"),
                "CN=a", ~0u, "CN=a");
    /* BMPString; and a value that is no string at all. */
    expect_name(SPAN("\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x1e\x02\x00\xe9"), "CN=\xc3\xa9",
                NAME_COMMON_NAME, "CN=\xc3\xa9");
    expect_name(SPAN("\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x02\x01\x05"), "", ~0u, "");
}

static void expect_info(const struct client_cert *cert, struct client_cert_wanted wanted,
                        const char *expected)
{
    struct buf text;
    buf_init(&text, 1 << 16);
    assert_ok(client_cert_append_info(cert, &wanted, &text));
    assert_ok(buf_append(&text, SPAN("\0")));
    assert_string_equal(buf_span(&text).ptr, expected);
    buf_finish(&text);
}

static void the_info_is_traefiks(void **state)
{
    struct client_cert *cert = read_chain("clients/client.pem");
    (void)state;
    expect_info(cert, (struct client_cert_wanted){.subject = ~0u, .issuer = ~0u},
                "Subject%3D%22UID%3Dme%2CDC%3Dorg%2CDC%3Dcheese%2CC%3DFR%2CC%3DUS%2C"
                "ST%3DCheese+org+state%2CL%3DTOULOUSE%2CO%3DCheese%2COU%3DSimple%2C+really%2C"
                "OU%3D%22b%22%2CSN%3D1234%2CCN%3D%2A.cheese.org%22%3B"
                "Issuer%3D%22CN%3DWeir+test+ca%22");
    expect_info(cert, (struct client_cert_wanted){.serial_number = true, .sans = true},
                "SerialNumber%3D%224660%22%3BSAN%3D%22client.test%2Ca%40client.test%2C"
                "10.0.0.1%2C2001%3Adb8%3A%3A1%2Cspiffe%3A%2F%2Ftest%2Fa%22");
    expect_info(cert, (struct client_cert_wanted){.subject = NAME_COUNTRY},
                "Subject%3D%22C%3DFR%2CC%3DUS%22");
    expect_info(cert, (struct client_cert_wanted){.issuer = NAME_LOCALITY}, "");
    client_cert_destroy(cert);
    cert = read_chain("clients/client_rsa.pem");
    assert_int_equal(cert->count, 2);
    expect_info(cert, (struct client_cert_wanted){.subject = NAME_COMMON_NAME},
                "Subject%3D%22CN%3Dclient+through+an+intermediate%22%2C"
                "Subject%3D%22CN%3DWeir+test+intermediate%22");
    client_cert_destroy(cert);
}

static void times_are_unix_seconds(void **state)
{
    struct client_cert *cert = read_chain("clients/client.pem");
    struct client_cert_wanted wanted = {.not_before = true, .not_after = true};
    struct buf text;
    unsigned long long begin = 0, end = 0;
    (void)state;
    buf_init(&text, 1000);
    assert_ok(client_cert_append_info(cert, &wanted, &text));
    assert_ok(buf_append(&text, SPAN("\0")));
    assert_int_equal(sscanf(buf_span(&text).ptr, "NB%%3D%%22%llu%%22%%3BNA%%3D%%22%llu%%22",
                            &begin, &end), 2);
    assert_int_equal(end - begin, 36500ull * 24 * 3600);
    buf_finish(&text);
    client_cert_destroy(cert);
}

/* The PEM file's own base64, without armour and line ends. */
static void the_pem_is_the_files(void **state)
{
    struct client_cert *cert = read_chain("clients/client_rsa.pem");
    struct span file = fixture_read("clients/client_rsa.pem");
    struct buf text, expected;
    struct pem_reader reader;
    struct pem_block block;
    (void)state;
    buf_init(&text, 1 << 16);
    buf_init(&expected, 1 << 16);
    pem_reader_init(&reader, file);
    while (pem_next(&reader, &block, NULL) == ERR_OK) {
        if (buf_len(&expected) > 0)
            assert_ok(buf_append(&expected, SPAN(",")));
        for (size_t i = 0; i < block.body.len; i++)
            if (block.body.ptr[i] > ' ')
                assert_ok(buf_append(&expected, span_make(block.body.ptr + i, 1)));
    }
    assert_ok(client_cert_append_pem(cert, &text));
    assert_true(span_equal(buf_span(&text), buf_span(&expected)));
    buf_finish(&text);
    buf_finish(&expected);
    free((char *)(uintptr_t)file.ptr);
    client_cert_destroy(cert);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_subject_is_gos),
        cmocka_unit_test(odd_names_are_escaped_and_broken_ones_end),
        cmocka_unit_test(the_info_is_traefiks),
        cmocka_unit_test(times_are_unix_seconds),
        cmocka_unit_test(the_pem_is_the_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
