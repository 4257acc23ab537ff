/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The peek against hellos of real clients, cut and re-recorded in every way, and against hellos
 * written by hand for what real clients do not send.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "tests/unit/tls/hello_vectors.h"
#include "tls/cert.h"
#include "core/base/buf.h"
#include "tls/clienthello.h"

#define MAX LIMIT_CLIENTHELLO
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- writing hellos ---- */

struct writer {
    uint8_t bytes[4096];
    size_t len;
};

static void put(struct writer *writer, const void *bytes, size_t n)
{
    assert_true(writer->len + n <= sizeof(writer->bytes));
    memcpy(writer->bytes + writer->len, bytes, n);
    writer->len += n;
}

static void put_number(struct writer *writer, size_t value, size_t size)
{
    while (size-- > 0)
        put(writer, &(uint8_t){(uint8_t)(value >> (8 * size))}, 1);
}

/* Leaves room for a length; close fills it in. */
static size_t open_vector(struct writer *writer, size_t size)
{
    put_number(writer, 0, size);
    return writer->len;
}

static void close_vector(struct writer *writer, size_t start, size_t size)
{
    size_t length = writer->len - start;
    for (size_t i = 0; i < size; i++)
        writer->bytes[start - 1 - i] = (uint8_t)(length >> (8 * i));
}

static void put_extension(struct writer *writer, uint16_t type, const void *bytes, size_t n)
{
    put_number(writer, type, 2);
    put_number(writer, n, 2);
    put(writer, bytes, n);
}

#define PUT_EXTENSION(writer, type, literal) \
    put_extension(writer, type, literal, sizeof(literal) - 1)

/* A record with a hello of one suite of each kind; `extensions` may be NULL: none at all. */
static struct writer make_hello(const struct writer *extensions)
{
    struct writer hello = {0};
    put(&hello, "\x16\x03\x01", 3);
    size_t record = open_vector(&hello, 2);
    put_number(&hello, 1, 1);
    size_t message = open_vector(&hello, 3);
    put_number(&hello, 0x0303, 2);
    put(&hello, "0123456789abcdef0123456789abcdef", 32);
    put(&hello, "\0", 1);                             /* session id */
    put(&hello, "\0\x08\x5a\x5a\x13\x01\xc0\x2b\xc0\x2f", 10); /* GREASE, 1.3, ECDSA, RSA */
    put(&hello, "\x01\0", 2);                         /* compression */
    if (extensions != NULL) {
        size_t list = open_vector(&hello, 2);
        put(&hello, extensions->bytes, extensions->len);
        close_vector(&hello, list, 2);
    }
    close_vector(&hello, message, 3);
    close_vector(&hello, record, 2);
    return hello;
}

static struct span writer_span(const struct writer *writer)
{
    return span_make(writer->bytes, writer->len);
}

static enum err peek_extensions(const struct writer *extensions, struct clienthello *out)
{
    struct writer hello = make_hello(extensions);
    return clienthello_peek(writer_span(&hello), MAX, out);
}

static struct writer sni_extension(const void *name, size_t len)
{
    struct writer extensions = {0};
    put_number(&extensions, 0, 2);
    size_t extension = open_vector(&extensions, 2);
    size_t list = open_vector(&extensions, 2);
    put_number(&extensions, 0, 1);
    put_number(&extensions, len, 2);
    put(&extensions, name, len);
    close_vector(&extensions, list, 2);
    close_vector(&extensions, extension, 2);
    return extensions;
}

/* The same handshake bytes in records of at most `piece` bytes. */
static size_t rerecord(struct span hello, size_t piece, uint8_t *out)
{
    size_t len = 0;
    struct span payload = span_skip(hello, 5);
    while (payload.len > 0) {
        size_t n = payload.len < piece ? payload.len : piece;
        uint8_t header[] = {0x16, 3, 1, (uint8_t)(n >> 8), (uint8_t)n};
        memcpy(out + len, header, sizeof(header));
        memcpy(out + len + sizeof(header), payload.ptr, n);
        len += sizeof(header) + n;
        payload = span_skip(payload, n);
    }
    return len;
}

/* ---- real clients ---- */

static const struct vector {
    const char *client;
    struct span bytes;
    const char *server_name;
    const char *alpn[3];
    uint16_t versions[5];
    uint16_t first_group;
    size_t groups;
    uint16_t first_scheme;
    size_t schemes;
    bool ecdsa_suites, rsa_suites;
} vectors[] = {
#define BYTES(name) {(const char *)hello_##name, sizeof(hello_##name)}
    {"openssl", BYTES(openssl), "www.example.com", {"h2", "http/1.1"},
     {0x0304, 0x0303, 0x0302, 0x0301}, 0x001d, 10, 0x0403, 20, true, true},
    {"openssl tls 1.2", BYTES(openssl_tls12), "", {NULL}, {0x0303}, 0x001d, 5, 0x0403, 20, true,
     true},
    {"openssl ecdsa only", BYTES(openssl_ecdsa12), "api.example.org", {NULL}, {0x0303}, 0x0017, 1,
     0x0403, 1, true, false},
    {"curl", BYTES(curl), "curl.example.com", {"h2", "http/1.1"},
     {0x0304, 0x0303, 0x0302, 0x0301}, 0x001d, 10, 0x0403, 20, true, true},
    {"gnutls", BYTES(gnutls), "gnutls.example.com", {"http/1.1"},
     {0x0304, 0x0303, 0x0302, 0x0301}, 0x0017, 10, 0x0401, 16, true, true},
    {"gnutls tls 1.2", BYTES(gnutls_tls12), "", {NULL}, {0x0303}, 0x0017, 10, 0x0401, 2, true,
     true},
#undef BYTES
};

static void check_vector(const struct vector *vector, const struct clienthello *hello)
{
    assert_string_equal(hello->server_name, vector->server_name);
    assert_int_equal(hello->server_name_len, strlen(vector->server_name));
    size_t alpn = 0;
    for (; vector->alpn[alpn] != NULL; alpn++)
        assert_string_equal(hello->alpn[alpn], vector->alpn[alpn]);
    assert_int_equal(hello->alpn_count, alpn);
    assert_int_equal(hello->has_alpn, alpn > 0);
    size_t versions = 0;
    for (; vector->versions[versions] != 0; versions++)
        assert_int_equal(hello->versions[versions], vector->versions[versions]);
    assert_int_equal(hello->version_count, versions);
    assert_int_equal(hello->groups[0], vector->first_group);
    assert_int_equal(hello->group_count, vector->groups);
    assert_int_equal(hello->signature_schemes[0], vector->first_scheme);
    assert_int_equal(hello->signature_scheme_count, vector->schemes);
    assert_int_equal(hello->ecdsa_suites, vector->ecdsa_suites);
    assert_int_equal(hello->rsa_suites, vector->rsa_suites);
}

static void hellos_of_real_clients_are_understood(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(vectors); i++) {
        struct clienthello hello;
        assert_int_equal(clienthello_peek(vectors[i].bytes, MAX, &hello), ERR_OK);
        check_vector(&vectors[i], &hello);
    }
}

static void every_part_of_a_hello_asks_for_more(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(vectors); i++) {
        for (size_t n = 0; n < vectors[i].bytes.len; n++) {
            /* A copy that ends where the input ends, so that ASan sees what is read beyond. */
            char *part = span_dup(span_first(vectors[i].bytes, n));
            struct clienthello hello, untouched;
            memset(&hello, 0xee, sizeof(hello));
            untouched = hello;
            assert_int_equal(clienthello_peek(span_make(part, n), MAX, &hello), ERR_AGAIN);
            assert_memory_equal(&hello, &untouched, sizeof(hello));
            free(part);
        }
    }
}

static void records_may_cut_a_hello_anywhere(void **state)
{
    (void)state;
    static uint8_t cut[8192];
    for (size_t i = 0; i < COUNT(vectors); i++) {
        for (size_t piece = 1; piece < vectors[i].bytes.len; piece++) {
            struct clienthello hello;
            size_t len = rerecord(vectors[i].bytes, piece, cut);
            assert_int_equal(clienthello_peek(span_make(cut, len - 1), MAX, &hello), ERR_AGAIN);
            assert_int_equal(clienthello_peek(span_make(cut, len), MAX, &hello), ERR_OK);
            check_vector(&vectors[i], &hello);
        }
    }
}

static void bytes_after_the_hello_do_not_matter(void **state)
{
    (void)state;
    uint8_t bytes[1024];
    struct clienthello hello;
    memcpy(bytes, vectors[0].bytes.ptr, vectors[0].bytes.len);
    memset(bytes + vectors[0].bytes.len, 0xff, 100);
    struct span all = span_make(bytes, vectors[0].bytes.len + 100);
    assert_int_equal(clienthello_peek(all, MAX, &hello), ERR_OK);
    check_vector(&vectors[0], &hello);
}

static void a_limit_that_cannot_hold_the_hello_is_told_at_once(void **state)
{
    (void)state;
    struct clienthello hello;
    struct span bytes = vectors[0].bytes;
    assert_int_equal(clienthello_peek(bytes, bytes.len, &hello), ERR_OK);
    assert_int_equal(clienthello_peek(span_first(bytes, 9), bytes.len - 1, &hello), ERR_LIMIT);
    assert_int_equal(clienthello_peek(span_first(bytes, 8), 8, &hello), ERR_LIMIT);
    assert_int_equal(clienthello_peek(span_first(bytes, 8), 9, &hello), ERR_AGAIN);
}

static void what_is_not_tls_is_seen_from_the_first_bytes(void **state)
{
    (void)state;
    static const struct span inputs[] = {
        SPAN("G"), SPAN("GET / HTTP/1.1\r\n"), SPAN("\x16\x02"), SPAN("\x80\x2e\x01\x03\x01"),
        SPAN("\x15\x03\x01\0\x02\x01\0"), SPAN("\0"), SPAN("SSH-2.0-x\r\n"),
    };
    for (size_t i = 0; i < COUNT(inputs); i++) {
        struct clienthello hello;
        assert_int_equal(clienthello_peek(inputs[i], MAX, &hello), ERR_PROTOCOL);
    }
}

static void broken_records_are_malformed(void **state)
{
    (void)state;
    static const struct span inputs[] = {
        SPAN("\x16\x03\x01\0\0"),                               /* an empty fragment */
        SPAN("\x16\x03\x01\x40\x01"),                           /* 16,385 bytes */
        SPAN("\x16\x03\x01\0\x04\x02"),                         /* a ServerHello */
        SPAN("\x16\x03\x01\0\x01\x01\x17\x03\x03"),             /* then application data */
        SPAN("\x16\x03\x01\0\x01\x01\x16\x02\x03"),             /* then another major version */
        SPAN("\x16\x03\x01\0\x04\x01\0\0\0"),                   /* an empty hello */
    };
    for (size_t i = 0; i < COUNT(inputs); i++) {
        struct clienthello hello;
        assert_int_equal(clienthello_peek(inputs[i], MAX, &hello), ERR_SYNTAX);
    }
}

/* ---- hand-made hellos ---- */

static void a_hello_without_extensions_is_tls12(void **state)
{
    (void)state;
    struct clienthello hello;
    assert_int_equal(peek_extensions(NULL, &hello), ERR_OK);
    assert_int_equal(hello.version_count, 1);
    assert_int_equal(hello.versions[0], 0x0303);
    assert_int_equal(hello.server_name_len, 0);
    assert_false(hello.has_alpn);
    assert_true(hello.ecdsa_suites && hello.rsa_suites);
    assert_int_equal(peek_extensions(&(struct writer){0}, &hello), ERR_OK);
}

static void grease_is_left_out(void **state)
{
    (void)state;
    struct writer extensions = {0};
    struct clienthello hello;
    PUT_EXTENSION(&extensions, 0x1a1a, "");
    PUT_EXTENSION(&extensions, 10, "\0\x06\x4a\x4a\0\x1d\0\x17");
    PUT_EXTENSION(&extensions, 13, "\0\x04\xfa\xfa\x08\x04");
    PUT_EXTENSION(&extensions, 43, "\x06\x0a\x0a\x03\x04\x03\x03");
    PUT_EXTENSION(&extensions, 16, "\0\x06\x02\xda\xda\x02h2");
    PUT_EXTENSION(&extensions, 0x8a8a, "\0");
    assert_int_equal(peek_extensions(&extensions, &hello), ERR_OK);
    assert_int_equal(hello.group_count, 2);
    assert_int_equal(hello.groups[0], 0x001d);
    assert_int_equal(hello.signature_scheme_count, 1);
    assert_int_equal(hello.version_count, 2);
    assert_true(clienthello_offers_alpn(&hello, "h2"));
    assert_false(clienthello_offers_alpn(&hello, "h"));
}

static void server_names_are_normalised_or_dropped(void **state)
{
    (void)state;
    static const struct {
        struct span sent;
        const char *seen;
    } names[] = {
        {SPAN("Example.COM"), "example.com"},
        {SPAN("example.com."), "example.com"},
        {SPAN("localhost"), "localhost"},
        {SPAN("_dmarc.x-1.example"), "_dmarc.x-1.example"},
        {SPAN("192.0.2.7"), "192.0.2.7"},
        {SPAN("2001:DB8:0:0::1"), "2001:db8::1"},
        {SPAN("::ffff:192.0.2.7"), "192.0.2.7"},
        {SPAN("example.com.."), ""},
        {SPAN("."), ""},
        {SPAN(".example.com"), ""},
        {SPAN("a..b"), ""},
        {SPAN("*.example.com"), ""},
        {SPAN("exa mple.com"), ""},
        {SPAN("m\xc3\xbcller.example"), ""},
        {SPAN("[::1]"), ""},
        {SPAN("::1::2"), ""},
        {SPAN("example.com/x"), ""},
    };
    for (size_t i = 0; i < COUNT(names); i++) {
        struct clienthello hello;
        struct writer extensions = sni_extension(names[i].sent.ptr, names[i].sent.len);
        assert_int_equal(peek_extensions(&extensions, &hello), ERR_OK);
        assert_string_equal(hello.server_name, names[i].seen);
        assert_int_equal(hello.server_name_len, strlen(names[i].seen));
    }
}

static void long_server_names_are_dropped(void **state)
{
    (void)state;
    char name[300];
    struct clienthello hello;
    for (size_t i = 0; i < sizeof(name); i++)
        name[i] = i % 50 == 49 ? '.' : 'a';
    name[255] = '.';
    struct writer fits = sni_extension(name, 255), dotted = sni_extension(name, 256),
                  longer = sni_extension(name, 257), label = sni_extension(name, 49 + 64);
    assert_int_equal(peek_extensions(&fits, &hello), ERR_OK);
    assert_int_equal(hello.server_name_len, 255);
    assert_int_equal(peek_extensions(&dotted, &hello), ERR_OK);
    assert_int_equal(hello.server_name_len, 255);
    assert_int_equal(peek_extensions(&longer, &hello), ERR_OK);
    assert_int_equal(hello.server_name_len, 0);
    memset(label.bytes + label.len - 64, 'b', 64);
    assert_int_equal(peek_extensions(&label, &hello), ERR_OK);
    assert_int_equal(hello.server_name_len, 0);
}

static void malformed_server_names_are_refused(void **state)
{
    (void)state;
    static const struct span bodies[] = {
        SPAN(""),                           /* as only a server may send it */
        SPAN("\0"),                         /* half a length */
        SPAN("\0\0"),                       /* an empty list */
        SPAN("\0\x03\0\0\0"),               /* an empty name */
        SPAN("\0\x06\0\0\x03" "a\0b"),      /* a NUL inside */
        SPAN("\0\x06\0\0\x04" "abc"),       /* a name longer than the list */
        SPAN("\0\x05\0\0\x03" "abc"),       /* a list shorter than the extension */
        SPAN("\0\x07\0\0\x03" "abc"),       /* a list longer than the extension */
        SPAN("\0\x08\0\0\x01" "a\0\0\x01" "b"), /* two host names */
    };
    for (size_t i = 0; i < COUNT(bodies); i++) {
        struct writer extensions = {0};
        struct clienthello hello;
        put_extension(&extensions, 0, bodies[i].ptr, bodies[i].len);
        assert_int_equal(peek_extensions(&extensions, &hello), ERR_SYNTAX);
    }
}

static void unknown_name_types_are_passed_over(void **state)
{
    (void)state;
    struct writer extensions = {0};
    struct clienthello hello;
    PUT_EXTENSION(&extensions, 0, "\0\x09\x07\0\x02" "zz" "\0\0\x01" "a");
    assert_int_equal(peek_extensions(&extensions, &hello), ERR_OK);
    assert_string_equal(hello.server_name, "a");
}

static void malformed_extensions_are_refused(void **state)
{
    (void)state;
    static const struct {
        uint16_t type;
        struct span body;
    } extensions[] = {
        {10, SPAN("")},          {10, SPAN("\0\0")},         {10, SPAN("\0\x03\0\x1d\0")},
        {10, SPAN("\0\x04\0\x1d")}, {10, SPAN("\0\x02\0\x1d\0")}, {13, SPAN("\0\x01\x04")},
        {13, SPAN("\x02\x04\x03")}, {16, SPAN("\0\0")},         {16, SPAN("\0\x01\0")},
        {16, SPAN("\0\x03\x03h2")}, {16, SPAN("\0\x03\x02h2x")}, {43, SPAN("\0")},
        {43, SPAN("\x03\x03\x04\x03")}, {43, SPAN("\x02\x03")},
    };
    for (size_t i = 0; i < COUNT(extensions); i++) {
        struct writer list = {0};
        struct clienthello hello;
        put_extension(&list, extensions[i].type, extensions[i].body.ptr, extensions[i].body.len);
        assert_int_equal(peek_extensions(&list, &hello), ERR_SYNTAX);
    }
}

static void an_extension_that_comes_twice_is_refused(void **state)
{
    (void)state;
    static const uint16_t types[] = {0x1a1a, 23, 43, 0xffff, 0};
    for (size_t i = 0; i < COUNT(types); i++) {
        struct writer list = {0};
        struct clienthello hello;
        if (types[i] == 43) {
            PUT_EXTENSION(&list, 43, "\x02\x03\x04");
            PUT_EXTENSION(&list, 43, "\x02\x03\x04");
        } else if (types[i] == 0) {
            PUT_EXTENSION(&list, 0, "\0\x04\0\0\x01" "a");
            PUT_EXTENSION(&list, 0, "\0\x04\0\0\x01" "a");
        } else {
            put_extension(&list, types[i], "x", 1);
            put_extension(&list, types[i], "x", 0);
        }
        assert_int_equal(peek_extensions(&list, &hello), ERR_SYNTAX);
    }
}

static void lists_keep_what_fits(void **state)
{
    (void)state;
    struct writer list = {0};
    struct clienthello hello;
    put_number(&list, 10, 2);
    put_number(&list, 2 + 2 * 100, 2);
    put_number(&list, 2 * 100, 2);
    for (size_t i = 0; i < 100; i++)
        put_number(&list, 0x100 + i, 2);
    put_number(&list, 16, 2);
    size_t extension = open_vector(&list, 2), names = open_vector(&list, 2);
    put(&list, "\x20" "0123456789abcdef0123456789abcdef", 33); /* one byte too long: skipped */
    put(&list, "\x1f" "0123456789abcdef0123456789abcde", 32);
    put(&list, "\x02" "a\0", 3); /* no C string: skipped */
    for (char c = 'a'; c < 'a' + 20; c++)
        put(&list, (char[]){1, c}, 2);
    close_vector(&list, names, 2);
    close_vector(&list, extension, 2);
    assert_int_equal(peek_extensions(&list, &hello), ERR_OK);
    assert_int_equal(hello.group_count, CLIENTHELLO_LIST_MAX);
    assert_int_equal(hello.groups[63], 0x100 + 63);
    assert_int_equal(hello.alpn_count, CLIENTHELLO_ALPN_MAX);
    assert_string_equal(hello.alpn[0], "0123456789abcdef0123456789abcde");
    assert_string_equal(hello.alpn[15], "o");
}

static void every_length_that_lies_is_refused(void **state)
{
    (void)state;
    /* Offsets in make_hello's record: of session id, suites, compression, extensions, SNI. */
    struct writer list = sni_extension("a.example", 9);
    struct writer hello = make_hello(&list);
    static const size_t offsets[] = {5 + 4 + 34, 5 + 4 + 36, 5 + 4 + 45, 5 + 4 + 48, 5 + 4 + 52};
    for (size_t i = 0; i < COUNT(offsets); i++) {
        for (int delta = -3; delta <= 3; delta++) {
            struct writer changed = hello;
            struct clienthello out;
            changed.bytes[offsets[i]] = (uint8_t)(changed.bytes[offsets[i]] + delta);
            enum err error = clienthello_peek(writer_span(&changed), MAX, &out);
            assert_int_equal(error, delta == 0 ? ERR_OK : ERR_SYNTAX);
        }
    }
    hello.bytes[9] = 2; /* legacy_version */
    struct clienthello out;
    assert_int_equal(clienthello_peek(writer_span(&hello), MAX, &out), ERR_SYNTAX);
}

/* ---- one record of many ---- */

static void a_hello_in_records_is_joined(void **state)
{
    (void)state;
    struct span hello = vectors[0].bytes;
    size_t body = hello.len - 5;
    struct buf joined;
    buf_init(&joined, 1 << 16);
    assert_int_equal(clienthello_join(hello, &joined), ERR_EXISTS);
    for (size_t first = 1; first < body; first++) {
        char cut[4096];
        memcpy(cut, hello.ptr, 5);
        cut[3] = (char)(first >> 8);
        cut[4] = (char)first;
        memcpy(cut + 5, hello.ptr + 5, first);
        memcpy(cut + 5 + first, hello.ptr, 3);
        cut[8 + first] = (char)((body - first) >> 8);
        cut[9 + first] = (char)(body - first);
        memcpy(cut + 10 + first, hello.ptr + 5 + first, body - first);
        memcpy(cut + 10 + body, "more", 4);
        assert_int_equal(clienthello_join(span_make(cut, body + 14), &joined), ERR_OK);
        assert_true(span_equal(span_first(buf_span(&joined), hello.len), hello));
        assert_true(span_equal(span_skip(buf_span(&joined), hello.len), SPAN("more")));
        buf_clear(&joined);
    }
    buf_finish(&joined);
}

/* ---- keys ---- */

static void keys_are_accepted_as_the_client_can_verify_them(void **state)
{
    (void)state;
    /* RSA, P-256, P-384, P-521, Ed25519 */
    static const bool accepted[COUNT(vectors)][5] = {
        {true, true, true, true, true},      /* openssl */
        {true, true, true, true, true},      /* openssl tls 1.2 */
        {false, true, false, false, false},  /* ecdsa only, P-256 only */
        {true, true, true, true, true},      /* curl */
        {true, true, true, true, true},      /* gnutls */
        {true, false, false, false, false},  /* RSA schemes only, though it lists ECDSA suites */
    };
    for (size_t i = 0; i < COUNT(vectors); i++) {
        struct clienthello hello;
        assert_int_equal(clienthello_peek(vectors[i].bytes, MAX, &hello), ERR_OK);
        for (int type = CERT_KEY_RSA; type <= CERT_KEY_ED25519; type++)
            assert_int_equal(clienthello_accepts_key(&hello, type), accepted[i][type]);
    }
}

static void tls13_wants_the_curves_own_scheme(void **state)
{
    (void)state;
    struct clienthello hello;
    struct writer list = {0};
    PUT_EXTENSION(&list, 43, "\x04\x03\x04\x03\x03");
    PUT_EXTENSION(&list, 10, "\0\x06\0\x17\0\x18\0\x19");
    PUT_EXTENSION(&list, 13, "\0\x04\x04\x03\x04\x01"); /* ecdsa_secp256r1_sha256, rsa_pkcs1 */
    assert_int_equal(peek_extensions(&list, &hello), ERR_OK);
    assert_true(clienthello_accepts_key(&hello, CERT_KEY_ECDSA_P256));
    assert_false(clienthello_accepts_key(&hello, CERT_KEY_ECDSA_P384));
    assert_false(clienthello_accepts_key(&hello, CERT_KEY_RSA));
    assert_true(clienthello_accepts_key_in(&hello, CERT_KEY_ECDSA_P384, 0x0303));
    assert_true(clienthello_accepts_key_in(&hello, CERT_KEY_RSA, 0x0303));
    assert_false(clienthello_accepts_key_in(&hello, CERT_KEY_ED25519, 0x0303));
}

static void tls12_without_schemes_means_sha1_with_rsa_or_ecdsa(void **state)
{
    (void)state;
    struct clienthello hello;
    assert_int_equal(peek_extensions(NULL, &hello), ERR_OK);
    assert_true(clienthello_accepts_key(&hello, CERT_KEY_RSA));
    assert_true(clienthello_accepts_key(&hello, CERT_KEY_ECDSA_P256));
    assert_false(clienthello_accepts_key(&hello, CERT_KEY_ED25519));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hellos_of_real_clients_are_understood),
        cmocka_unit_test(every_part_of_a_hello_asks_for_more),
        cmocka_unit_test(records_may_cut_a_hello_anywhere),
        cmocka_unit_test(bytes_after_the_hello_do_not_matter),
        cmocka_unit_test(a_limit_that_cannot_hold_the_hello_is_told_at_once),
        cmocka_unit_test(what_is_not_tls_is_seen_from_the_first_bytes),
        cmocka_unit_test(broken_records_are_malformed),
        cmocka_unit_test(a_hello_without_extensions_is_tls12),
        cmocka_unit_test(grease_is_left_out),
        cmocka_unit_test(server_names_are_normalised_or_dropped),
        cmocka_unit_test(long_server_names_are_dropped),
        cmocka_unit_test(malformed_server_names_are_refused),
        cmocka_unit_test(unknown_name_types_are_passed_over),
        cmocka_unit_test(malformed_extensions_are_refused),
        cmocka_unit_test(an_extension_that_comes_twice_is_refused),
        cmocka_unit_test(lists_keep_what_fits),
        cmocka_unit_test(every_length_that_lies_is_refused),
        cmocka_unit_test(a_hello_in_records_is_joined),
        cmocka_unit_test(keys_are_accepted_as_the_client_can_verify_them),
        cmocka_unit_test(tls13_wants_the_curves_own_scheme),
        cmocka_unit_test(tls12_without_schemes_means_sha1_with_rsa_or_ecdsa),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
