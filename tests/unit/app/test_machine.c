/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is read from the machine: descriptors, cores, the service manager.
 */
#include "core/app/cores.h"
#include "core/app/descriptors.h"
#include "core/app/notify.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static void descriptors_leave_two_for_each_connection(void **state)
{
    (void)state;
    assert_int_equal(descriptors_to_connections(1600, 1), (1600 - 64 - 64) / 2);
    assert_int_equal(descriptors_to_connections(6400, 4), (6400 - 64 - 4 * 64) / 2);
    assert_int_equal(descriptors_to_connections(64, 8), 16);
    assert_int_equal(descriptors_to_connections(1u << 30, 2), 1000000);
}

static void descriptors_are_raised_to_the_hard_limit(void **state)
{
    struct rlimit limit;
    (void)state;
    uint64_t now = descriptors_raise();
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(limit.rlim_cur, limit.rlim_max);
    if (limit.rlim_cur != RLIM_INFINITY)
        assert_int_equal(now, limit.rlim_cur);
}

static void cores_are_those_of_the_mask(void **state)
{
    cpu_set_t all, one;
    (void)state;
    assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
    assert_int_equal(core_count(), CPU_COUNT(&all));
    int last = core_at(core_count() - 1);
    assert_true(CPU_ISSET(last, &all));
    assert_int_equal(core_at(core_count()), core_at(0));
    core_pin(last);
    assert_int_equal(sched_getaffinity(0, sizeof(one), &one), 0);
    assert_int_equal(CPU_COUNT(&one), 1);
    assert_true(CPU_ISSET(last, &one));
    assert_int_equal(core_count(), 1);
    assert_int_equal(core_at(5), last);
    assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
}

static void service_manager_gets_the_datagram(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char text[64] = "";
    socklen_t len = sizeof(address);
    (void)state;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    /* Only the family: the kernel chooses an abstract name. */
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(sa_family_t)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    size_t name_len = len - offsetof(struct sockaddr_un, sun_path);
    char name[sizeof(address.sun_path) + 1] = "@";
    memcpy(name + 1, address.sun_path + 1, name_len - 1);
    assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
    notify_send("READY=1");
    assert_int_equal(recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT), 7);
    assert_string_equal(text, "READY=1");
    unsetenv("NOTIFY_SOCKET");
    notify_send("READY=1"); /* nobody is there: nothing happens */
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(descriptors_leave_two_for_each_connection),
        cmocka_unit_test(descriptors_are_raised_to_the_hard_limit),
        cmocka_unit_test(cores_are_those_of_the_mask),
        cmocka_unit_test(service_manager_gets_the_datagram),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
