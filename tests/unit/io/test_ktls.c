/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Kernel TLS where the kernel may have none: what it says of itself, what stays as it
 * was after a refusal, and the message for an alert.
 */
#include "io/ktls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static void a_probe_ends_with_yes_or_with_what_to_do(void **state)
{
    struct err_text why = {""};
    (void)state;
    int before = dup(0);
    close(before);
    if (ktls_probe(&why) != ERR_OK)
        assert_true(strlen(why.text) > 10);
    int after = dup(0); /* the lowest free descriptor: none was left open */
    assert_int_equal(after, before);
    close(after);
}

static void a_socket_that_cannot_goes_on_as_it_was(void **state)
{
    int fds[2];
    char got[5], info[64] = {0};
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    assert_int_equal(ktls_enable(fds[0], info, sizeof(info)), ERR_UNSUPPORTED);
    assert_int_equal(send(fds[0], "plain", 5, 0), 5);
    assert_int_equal(recv(fds[1], got, 5, 0), 5);
    assert_memory_equal(got, "plain", 5);
    close(fds[0]);
    close(fds[1]);
}

static void an_alert_is_two_bytes_and_the_records_type(void **state)
{
    struct ktls_alert alert;
    (void)state;
    ktls_alert_init(&alert, (const uint8_t[]){1, 0});
    assert_int_equal(alert.message.msg_iovlen, 1);
    assert_int_equal(alert.message.msg_iov->iov_len, 2);
    assert_memory_equal(alert.message.msg_iov->iov_base, "\1\0", 2);
    struct cmsghdr *control = CMSG_FIRSTHDR(&alert.message);
    assert_int_equal(control->cmsg_level, 282); /* SOL_TLS */
    assert_int_equal(control->cmsg_type, 1);    /* TLS_SET_RECORD_TYPE */
    assert_int_equal(control->cmsg_len, CMSG_LEN(1));
    assert_int_equal(*CMSG_DATA(control), 21);
    assert_null(CMSG_NXTHDR(&alert.message, control));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_probe_ends_with_yes_or_with_what_to_do),
        cmocka_unit_test(a_socket_that_cannot_goes_on_as_it_was),
        cmocka_unit_test(an_alert_is_two_bytes_and_the_records_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
