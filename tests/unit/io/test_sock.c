/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Addresses: parsing, formatting (RFC 5952 for IPv6), parts and comparison; and
 * the options of connected sockets.
 */
#include "harness.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct sock_address parsed(const char *host, uint16_t port)
{
    struct sock_address address;
    assert_ok(sock_address_parse(span_cstr(host), port, &address));
    return address;
}

/* ---- text ---- */

static void addresses_are_written_as_expected(void **state)
{
    static const struct {
        const char *host;
        uint16_t port;
        const char *text, *text_host;
    } cases[] = {
        {"203.0.113.9", 443, "203.0.113.9:443", "203.0.113.9"},
        {"0.0.0.0", 0, "0.0.0.0:0", "0.0.0.0"},
        {"255.255.255.255", 65535, "255.255.255.255:65535", "255.255.255.255"},
        {"2001:db8::1", 443, "[2001:db8::1]:443", "2001:db8::1"},
        {"[2001:DB8:0:0:0:0:0:1]", 8443, "[2001:db8::1]:8443", "2001:db8::1"},
        {"2001:db8:0:0:1:0:0:1", 1, "[2001:db8::1:0:0:1]:1", "2001:db8::1:0:0:1"},
        {"::", 80, "[::]:80", "::"},
        {"::ffff:192.0.2.128", 80, "192.0.2.128:80", "192.0.2.128"},
        {"[::ffff:c000:280]", 80, "192.0.2.128:80", "192.0.2.128"},
        {"fe80::1%7", 80, "[fe80::1%7]:80", "fe80::1%7"},
        {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295", 65535,
         "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295]:65535",
         "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295"},
    };
    char text[SOCK_TEXT_SIZE];
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sock_address address = parsed(cases[i].host, cases[i].port);
        sock_address_format(&address, text);
        assert_string_equal(text, cases[i].text);
        sock_address_format_host(&address, text);
        assert_string_equal(text, cases[i].text_host);
        assert_int_equal(sock_address_port(&address), cases[i].port);
    }
}

static void interface_names_are_scopes(void **state)
{
    char text[SOCK_TEXT_SIZE], expected[SOCK_TEXT_SIZE];
    unsigned loopback = if_nametoindex("lo");
    (void)state;
    if (loopback == 0)
        skip();
    struct sock_address address = parsed("fe80::1%lo", 80);
    sock_address_format_host(&address, text);
    snprintf(expected, sizeof(expected), "fe80::1%%%u", loopback);
    assert_string_equal(text, expected);
}

static void what_is_no_address_is_refused(void **state)
{
    static const char *const cases[] = {
        "", "localhost", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.4:80", " 1.2.3.4", "1.2.3.4 ",
        "01.2.3.4x", "[1.2.3.4]", "[::1", "::1]", "[]", "[", ":", "1:2:3:4:5:6:7:8:9", "::g",
        "fe80::1%", "fe80::1%0", "fe80::1%no-such-interface", "%1", "[%1]", "fe80::1%4294967296",
        "00000000000000000000000000000000000000000000000000000000000000001",
        "2001:db8::1/64", "1.2.3.4%1",
    };
    struct sock_address address = {.len = 77};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (sock_address_parse(span_cstr(cases[i]), 80, &address) == ERR_OK)
            fail_msg("\"%s\" was taken for an address", cases[i]);
    }
    assert_int_equal(sock_address_parse(span_make("1.2.3.4\0x", 9), 80, &address), ERR_SYNTAX);
    assert_int_equal(sock_address_parse(span_make("1.2.3.4\0", 8), 80, &address), ERR_SYNTAX);
    assert_int_equal(sock_address_parse(span_make("::1\0", 4), 80, &address), ERR_SYNTAX);
    assert_int_equal(address.len, 77);
}

static void unix_addresses_have_a_text(void **state)
{
    struct sock_address address = {.len = 0};
    struct sockaddr_un *local = (struct sockaddr_un *)&address.storage;
    char text[SOCK_TEXT_SIZE];
    size_t prefix = offsetof(struct sockaddr_un, sun_path);
    (void)state;
    local->sun_family = AF_UNIX;
    strcpy(local->sun_path, "/run/weir.sock");
    address.len = (socklen_t)(prefix + 15);
    sock_address_format(&address, text);
    assert_string_equal(text, "unix:/run/weir.sock");
    memcpy(local->sun_path, "\0weir", 5);
    address.len = (socklen_t)(prefix + 5);
    sock_address_format(&address, text);
    assert_string_equal(text, "unix:@weir");
    address.len = sizeof(sa_family_t);
    sock_address_format_host(&address, text);
    assert_string_equal(text, "unix:");
    memset(local->sun_path, 'x', sizeof(local->sun_path));
    address.len = sizeof(*local);
    sock_address_format(&address, text);
    assert_int_equal(strlen(text), SOCK_TEXT_SIZE - 1);
}

/* ---- parts ---- */

static void ports_can_be_set(void **state)
{
    struct sock_address v4 = parsed("192.0.2.1", 1), v6 = parsed("::1", 1);
    (void)state;
    sock_address_set_port(&v4, 443);
    sock_address_set_port(&v6, 8443);
    assert_int_equal(sock_address_port(&v4), 443);
    assert_int_equal(sock_address_port(&v6), 8443);
    assert_int_equal(ntohs(v4.v4.sin_port), 443);
    assert_int_equal(ntohs(v6.v6.sin6_port), 8443);
}

static void bytes_are_v4_mapped(void **state)
{
    static const uint8_t v4_bytes[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1};
    static const uint8_t v6_bytes[16] = {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0,
                                         0,    0,    0,    0,    0, 0, 0, 0xab};
    struct sock_address v4 = parsed("192.0.2.1", 1), v6 = parsed("2001:db8::ab", 1);
    struct sock_address mapped = parsed("::ffff:192.0.2.1", 1);
    uint8_t out[16];
    (void)state;
    sock_address_bytes(&v4, out);
    assert_memory_equal(out, v4_bytes, 16);
    sock_address_bytes(&mapped, out);
    assert_memory_equal(out, v4_bytes, 16);
    sock_address_bytes(&v6, out);
    assert_memory_equal(out, v6_bytes, 16);
}

static void equality_looks_at_address_port_and_scope(void **state)
{
    struct sock_address a = parsed("192.0.2.1", 80), b = parsed("::ffff:192.0.2.1", 80);
    struct sock_address c = parsed("192.0.2.1", 81), d = parsed("192.0.2.2", 80);
    struct sock_address e = parsed("fe80::1%1", 80), f = parsed("fe80::1%2", 80);
    (void)state;
    assert_true(sock_address_equal(&a, &a));
    assert_true(sock_address_equal(&a, &b));
    assert_false(sock_address_equal(&a, &c));
    assert_false(sock_address_equal(&a, &d));
    assert_true(sock_address_equal(&e, &e));
    assert_false(sock_address_equal(&e, &f));
    struct sock_address unix_one = {.len = sizeof(sa_family_t)};
    unix_one.any.sa_family = AF_UNIX;
    assert_false(sock_address_equal(&a, &unix_one));
    assert_true(sock_address_equal(&unix_one, &unix_one));
}

static void host_and_port_are_split(void **state)
{
    static const struct {
        const char *text, *host;
        int port; /* -1: refused */
    } cases[] = {
        {"example.com:80", "example.com", 80},
        {":443", "", 443},
        {"[::1]:8080", "::1", 8080},
        {"[fe80::1%eth0]:1", "fe80::1%eth0", 1},
        {"0.0.0.0:0", "0.0.0.0", 0},
        {"a:65535", "a", 65535},
        {"a:0080", "a", 80},
        {"", NULL, -1},
        {"80", NULL, -1},
        {"example.com", NULL, -1},
        {"example.com:", NULL, -1},
        {"example.com:http", NULL, -1},
        {"example.com:65536", NULL, -1},
        {"example.com:-1", NULL, -1},
        {"example.com:+80", NULL, -1},
        {"example.com: 80", NULL, -1},
        {"example.com:99999999999999999999", NULL, -1},
        {"::1:80", NULL, -1},
        {"a:b:80", NULL, -1},
        {"[::1]", NULL, -1},
        {"[::1]80", NULL, -1},
        {"[]:80", NULL, -1},
        {"[::1:80", NULL, -1},
        {"::1]:80", NULL, -1},
        {"[a]b:80", NULL, -1},
        {"[[a]]:80", NULL, -1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct span host = SPAN("untouched");
        uint16_t port = 7;
        enum err error = sock_split_host_port(span_cstr(cases[i].text), &host, &port);
        if ((error == ERR_OK) != (cases[i].port >= 0))
            fail_msg("\"%s\": %s", cases[i].text, err_name(error));
        assert_int_equal(port, cases[i].port >= 0 ? cases[i].port : 7);
        assert_true(span_equal(host, span_cstr(cases[i].host ? cases[i].host : "untouched")));
    }
}

/* ---- sockets ---- */

static int option(int fd, int level, int name)
{
    int value = -1;
    socklen_t len = sizeof(value);
    assert_int_equal(getsockopt(fd, level, name, &value, &len), 0);
    return value;
}

static void stream_sockets_are_ready_for_the_ring(void **state)
{
    static const char *const hosts[] = {"127.0.0.1", "::1"};
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct sock_address address = parsed(hosts[i], 80);
        int fd;
        assert_ok(sock_stream(&address, &fd));
        assert_int_equal(option(fd, IPPROTO_TCP, TCP_NODELAY), 1);
        assert_int_equal(option(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
        assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
        assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        close(fd);
    }
    struct sock_address local = {.len = sizeof(sa_family_t)};
    local.any.sa_family = AF_UNIX;
    int fd;
    assert_ok(sock_stream(&local, &fd));
    close(fd);
    local.any.sa_family = AF_MAX;
    fd = -7;
    assert_int_not_equal(sock_stream(&local, &fd), ERR_OK);
    assert_int_equal(fd, -7);
}

static void an_accepted_connection_and_who_it_comes_from(void **state)
{
    struct sock_address here, peer, local;
    (void)state;
    int listening = harness_listen(&here), client = harness_connect(&here);
    int accepted = sock_accept(listening, &peer);
    assert_true(accepted >= 0);
    assert_true(fcntl(accepted, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(accepted, F_GETFD) & FD_CLOEXEC);
    assert_ok(sock_local(client, &local));
    assert_true(sock_address_equal(&local, &peer));
    assert_ok(sock_local(accepted, &local));
    assert_true(sock_address_equal(&local, &here));
    assert_int_equal(sock_accept(listening, &peer), -EAGAIN);
    close(client);
    close(accepted);
    close(listening);
    local.len = 77;
    assert_int_not_equal(sock_local(-1, &local), ERR_OK);
    assert_int_equal(local.len, 77);
}

static void keepalive_is_set(void **state)
{
    int ends[2];
    (void)state;
    harness_tcp_pair(ends);
    sock_set_keepalive(ends[0], 30);
    assert_int_equal(option(ends[0], SOL_SOCKET, SO_KEEPALIVE), 1);
    assert_int_equal(option(ends[0], IPPROTO_TCP, TCP_KEEPIDLE), 30);
    assert_int_equal(option(ends[0], IPPROTO_TCP, TCP_KEEPINTVL), 10);
    assert_int_equal(option(ends[0], IPPROTO_TCP, TCP_KEEPCNT), 3);
    sock_set_keepalive(ends[0], 1);
    assert_int_equal(option(ends[0], IPPROTO_TCP, TCP_KEEPINTVL), 1);
    close(ends[0]);
    close(ends[1]);
}

static void abort_on_close_resets_the_connection(void **state)
{
    struct sock_address address;
    char byte;
    int listening = harness_listen(&address);
    (void)state;
    int client = harness_connect(&address);
    int server;
    while ((server = accept(listening, NULL, NULL)) < 0)
        assert_int_equal(errno, EAGAIN);
    sock_set_abort_on_close(server);
    close(server);
    assert_int_equal(read(client, &byte, 1), -1);
    assert_int_equal(errno, ECONNRESET);
    close(client);
    close(listening);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_written_as_expected),
        cmocka_unit_test(interface_names_are_scopes),
        cmocka_unit_test(what_is_no_address_is_refused),
        cmocka_unit_test(unix_addresses_have_a_text),
        cmocka_unit_test(ports_can_be_set),
        cmocka_unit_test(bytes_are_v4_mapped),
        cmocka_unit_test(equality_looks_at_address_port_and_scope),
        cmocka_unit_test(host_and_port_are_split),
        cmocka_unit_test(stream_sockets_are_ready_for_the_ring),
        cmocka_unit_test(an_accepted_connection_and_who_it_comes_from),
        cmocka_unit_test(keepalive_is_set),
        cmocka_unit_test(abort_on_close_resets_the_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
