/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Listening sockets: who can connect, the options, and what is said when there
 * is none.
 */
#include "harness.h"

#include "io/sock_owner.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

static const struct sock_listen_options plain = {.backlog = 16};

static int option(int fd, int level, int name)
{
    int value = -1;
    socklen_t len = sizeof(value);
    assert_int_equal(getsockopt(fd, level, name, &value, &len), 0);
    return value;
}

static int listen_at(const char *host, uint16_t port, const struct sock_listen_options *options)
{
    struct err_text why = {{0}};
    int fd = -1;
    if (sock_listen(span_cstr(host), port, options, &fd, &why) != ERR_OK)
        fail_msg("%s", why.text);
    return fd;
}

static uint16_t port_of(int fd)
{
    struct sock_address address;
    assert_ok(sock_local(fd, &address));
    return sock_address_port(&address);
}

/* 0, or errno of the connect. */
static int try_connect(const char *host, uint16_t port)
{
    struct sock_address address;
    assert_ok(sock_address_parse(span_cstr(host), port, &address));
    int fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int result = connect(fd, &address.any, address.len) == 0 ? 0 : errno;
    close(fd);
    return result;
}

static bool has_v6(void)
{
    struct sock_address address;
    assert_ok(sock_address_parse(SPAN("::1"), 0, &address));
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool has = fd >= 0 && bind(fd, &address.any, address.len) == 0;
    if (fd >= 0)
        close(fd);
    return has;
}

/* ---- who can connect ---- */

static void empty_host_takes_both_families(void **state)
{
    int fd = listen_at("", 0, &plain);
    (void)state;
    assert_int_equal(try_connect("127.0.0.1", port_of(fd)), 0);
    if (has_v6())
        assert_int_equal(try_connect("::1", port_of(fd)), 0);
    close(fd);
}

static void v6_only_takes_one(void **state)
{
    struct sock_listen_options options = {.backlog = 16, .v6_only = true};
    (void)state;
    if (!has_v6())
        skip();
    int fd = listen_at("", 0, &options);
    assert_int_equal(try_connect("::1", port_of(fd)), 0);
    assert_int_equal(try_connect("127.0.0.1", port_of(fd)), ECONNREFUSED);
    close(fd);
    fd = listen_at("[::1]", 0, &plain);
    assert_int_equal(try_connect("::1", port_of(fd)), 0);
    assert_int_equal(try_connect("127.0.0.1", port_of(fd)), ECONNREFUSED);
    close(fd);
}

static void v4_literal_takes_only_its_own(void **state)
{
    int fd = listen_at("127.0.0.1", 0, &plain);
    (void)state;
    assert_int_equal(try_connect("127.0.0.1", port_of(fd)), 0);
    assert_int_equal(try_connect("127.0.0.2", port_of(fd)), ECONNREFUSED);
    close(fd);
}

static void localhost_is_resolved(void **state)
{
    int fd = listen_at("localhost", 0, &plain);
    (void)state;
    assert_int_equal(try_connect("127.0.0.1", port_of(fd)), 0);
    close(fd);
}

/* ---- options ---- */

static void sockets_have_what_the_listener_needs(void **state)
{
    struct sock_listen_options options = {.reuse_port = true};
    int fd = listen_at("127.0.0.1", 0, &options);
    (void)state;
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(option(fd, SOL_SOCKET, SO_REUSEPORT), 1);
    assert_int_equal(option(fd, SOL_SOCKET, SO_REUSEADDR), 1);
    close(fd);
    fd = listen_at("127.0.0.1", 0, &plain);
    assert_int_equal(option(fd, SOL_SOCKET, SO_REUSEPORT), 0);
    struct sock_address address;
    assert_ok(sock_local(fd, &address));
    int client = harness_connect(&address), accepted;
    while ((accepted = accept(fd, NULL, NULL)) < 0)
        assert_int_equal(errno, EAGAIN);
    assert_int_equal(option(accepted, IPPROTO_TCP, TCP_NODELAY), 1);
    assert_int_equal(option(accepted, SOL_SOCKET, SO_KEEPALIVE), 1);
    assert_int_equal(option(accepted, IPPROTO_TCP, TCP_KEEPIDLE), SOCK_KEEPALIVE_S);
    close(accepted);
    close(client);
    close(fd);
}

static void reuse_port_lets_every_worker_listen(void **state)
{
    struct sock_listen_options options = {.backlog = 16, .reuse_port = true};
    int first = listen_at("", 0, &options);
    int second = listen_at("", port_of(first), &options);
    (void)state;
    assert_int_equal(port_of(first), port_of(second));
    close(first);
    close(second);
}

/* ---- errors ---- */

static void expect_failure(const char *host, uint16_t port, enum err error, struct err_text *why)
{
    int fd = -7;
    memset(why, 0, sizeof(*why));
    assert_int_equal(sock_listen(span_cstr(host), port, &plain, &fd, why), error);
    assert_int_equal(fd, -7);
    assert_contains(why->text, "cannot listen on");
}

static void port_in_use_names_the_process(void **state)
{
    struct err_text why;
    char expected[64], name[16];
    static const char *const hosts[] = {"127.0.0.1", ""};
    (void)state;
    assert_int_equal(prctl(PR_GET_NAME, name), 0);
    for (int i = 0; i < 2; i++) {
        int fd = listen_at(hosts[i], 0, &plain);
        expect_failure(hosts[i], port_of(fd), ERR_EXISTS, &why);
        snprintf(expected, sizeof(expected), "in use by %s (pid %d)", name, (int)getpid());
        assert_contains(why.text, expected);
        snprintf(expected, sizeof(expected), ":%u", port_of(fd));
        assert_contains(why.text, expected);
        close(fd);
    }
}

static void owner_of_a_free_port_is_not_found(void **state)
{
    char owner[128] = "untouched";
    int fd = listen_at("127.0.0.1", 0, &plain);
    uint16_t port = port_of(fd);
    (void)state;
    assert_true(sock_find_port_owner(port, owner, sizeof(owner)));
    close(fd);
    strcpy(owner, "untouched");
    assert_false(sock_find_port_owner(port, owner, sizeof(owner)));
    assert_string_equal(owner, "untouched");
}

static void foreign_address_is_told(void **state)
{
    struct err_text why;
    (void)state;
    expect_failure("203.0.113.77", 0, ERR_UNREACHABLE, &why); /* TEST-NET-3, RFC 5737 */
    assert_contains(why.text, "203.0.113.77:0");
    assert_contains(why.text, "does not have the address");
}

static void unknown_name_is_told(void **state)
{
    struct err_text why;
    char name[300];
    (void)state;
    memset(name, 'a', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    expect_failure(name, 80, ERR_NOTFOUND, &why);
    assert_contains(why.text, "no such host");
}

static int listen_without_privileges(char text[512])
{
    struct err_text why = {{0}};
    int fd;
    if (setresuid(65534, 65534, 65534) != 0)
        return 100;
    enum err error = sock_listen(SPAN("127.0.0.1"), 1, &plain, &fd, &why);
    memcpy(text, why.text, sizeof(why.text));
    return (int)error;
}

static void low_port_names_the_capability(void **state)
{
    char text[512];
    (void)state;
    FILE *file = fopen("/proc/sys/net/ipv4/ip_unprivileged_port_start", "re");
    int first = 0;
    bool known = file != NULL && fscanf(file, "%d", &first) == 1;
    if (file != NULL)
        fclose(file);
    if (geteuid() != 0 || !known || first <= 1)
        skip();
    assert_int_equal(harness_in_child(listen_without_privileges, text), ERR_PERMISSION);
    assert_contains(text, "127.0.0.1:1:");
    assert_contains(text, "CAP_NET_BIND_SERVICE");
}

static int listen_without_descriptors(char text[512])
{
    struct err_text why = {{0}};
    struct rlimit limit = {3, 3};
    int fd;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 100;
    enum err error = sock_listen(SPAN("127.0.0.1"), 0, &plain, &fd, &why);
    memcpy(text, why.text, sizeof(why.text));
    return (int)error;
}

static void lack_of_descriptors_names_the_limit(void **state)
{
    char text[512];
    (void)state;
    assert_int_equal(harness_in_child(listen_without_descriptors, text), ERR_LIMIT);
    assert_contains(text, "RLIMIT_NOFILE");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_host_takes_both_families),
        cmocka_unit_test(v6_only_takes_one),
        cmocka_unit_test(v4_literal_takes_only_its_own),
        cmocka_unit_test(localhost_is_resolved),
        cmocka_unit_test(sockets_have_what_the_listener_needs),
        cmocka_unit_test(reuse_port_lets_every_worker_listen),
        cmocka_unit_test(port_in_use_names_the_process),
        cmocka_unit_test(owner_of_a_free_port_is_not_found),
        cmocka_unit_test(foreign_address_is_told),
        cmocka_unit_test(unknown_name_is_told),
        cmocka_unit_test(low_port_names_the_capability),
        cmocka_unit_test(lack_of_descriptors_names_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
