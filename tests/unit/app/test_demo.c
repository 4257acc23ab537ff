/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The demonstration backend over its socket.
 */
#include "core/app/demo.h"

#include "io/sock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

static struct demo *demo;

static int start(void **state)
{
    struct err_text why;
    (void)state;
    return demo_start(&demo, &why) == ERR_OK ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    demo_stop(demo);
    return 0;
}

static int dial(void)
{
    struct sock_address address;
    struct timeval patience = {.tv_sec = 20};
    assert_int_equal(sock_address_parse(SPAN("127.0.0.1"), demo_port(demo), &address), ERR_OK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
    assert_int_equal(connect(fd, &address.any, address.len), 0);
    return fd;
}

static void ask(int fd, const char *path)
{
    char request[128], answer[4096];
    int len = snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path);
    assert_int_equal(send(fd, request, (size_t)len, MSG_NOSIGNAL), len);
    ssize_t n = recv(fd, answer, sizeof(answer) - 1, 0);
    assert_true(n > 0);
    answer[n] = '\0';
    assert_non_null(strstr(answer, "HTTP/1.1 200 OK\r\n"));
    assert_non_null(strstr(answer, path));
}

static void connection_answers_many_requests(void **state)
{
    (void)state;
    int fd = dial();
    for (int i = 0; i < 3; i++)
        ask(fd, "/again");
    close(fd);
}

static void connections_do_not_wait_for_each_other(void **state)
{
    int fds[20];
    (void)state;
    for (size_t i = 0; i < 20; i++)
        fds[i] = dial();
    for (size_t i = 20; i-- > 0;)
        ask(fds[i], "/last-first");
    for (size_t i = 0; i < 20; i++)
        close(fds[i]);
}

static void end_does_not_wait_for_open_connections(void **state)
{
    char byte;
    int fd = dial();
    ask(fd, "/x");
    stop(state);
    demo = NULL;
    assert_int_equal(recv(fd, &byte, 1, 0), 0);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(connection_answers_many_requests, start, stop),
        cmocka_unit_test_setup_teardown(connections_do_not_wait_for_each_other, start, stop),
        cmocka_unit_test_setup_teardown(end_does_not_wait_for_open_connections, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
