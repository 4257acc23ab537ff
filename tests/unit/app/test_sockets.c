/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The listening sockets of several workers, and the ports that are taken.
 */
#include "core/app/sockets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#define WORKERS 3

struct fixture {
    struct model_entry_point entries[2];
    struct model_static settings;
    struct sockets sockets;
};

static void start(struct fixture *fixture, uint16_t port, size_t count)
{
    memset(fixture, 0, sizeof(*fixture));
    for (size_t i = 0; i < count; i++) {
        fixture->entries[i].object.name = i == 0 ? SPAN("first") : SPAN("second");
        fixture->entries[i].host = SPAN("127.0.0.1");
    }
    fixture->entries[0].port = port;
    fixture->settings.entry_points = fixture->entries;
    fixture->settings.entry_point_count = count;
    assert_int_equal(sockets_init(&fixture->sockets, WORKERS, count), ERR_OK);
}

static uint16_t port_of(int fd)
{
    struct sock_address address;
    assert_int_equal(sock_local(fd, &address), ERR_OK);
    return sock_address_port(&address);
}

static void all_workers_listen_on_the_chosen_port(void **state)
{
    struct fixture fixture;
    struct err_text why = {""};
    (void)state;
    start(&fixture, 0, 2);
    assert_int_equal(sockets_open_chosen(&fixture.sockets, &fixture.settings, &why), ERR_OK);
    assert_int_equal(sockets_open(&fixture.sockets, &fixture.settings, &why), ERR_OK);
    assert_int_not_equal(fixture.entries[0].port, 0);
    assert_int_not_equal(fixture.entries[0].port, fixture.entries[1].port);
    for (size_t entry = 0; entry < 2; entry++) {
        for (size_t worker = 0; worker < WORKERS; worker++) {
            int fd = sockets_take(&fixture.sockets, worker, entry);
            assert_int_equal(port_of(fd), fixture.entries[entry].port);
            close(fd);
        }
    }
    assert_int_equal(sockets_take(&fixture.sockets, 0, 0), -1);
    sockets_finish(&fixture.sockets);
}

static void port_of_another_is_an_error_that_names_the_entry_point(void **state)
{
    struct fixture one, other;
    struct err_text why = {""};
    (void)state;
    start(&one, 0, 1);
    assert_int_equal(sockets_open_chosen(&one.sockets, &one.settings, &why), ERR_OK);
    start(&other, one.entries[0].port, 1);
    assert_int_equal(sockets_open_chosen(&other.sockets, &other.settings, &why), ERR_OK);
    assert_int_equal(sockets_open(&other.sockets, &other.settings, &why), ERR_EXISTS);
    assert_non_null(strstr(why.text, "first"));
    sockets_finish(&other.sockets);
    sockets_finish(&one.sockets);
}

static void reuse_port_shares_it(void **state)
{
    struct fixture one, other;
    struct err_text why = {""};
    (void)state;
    start(&one, 0, 1);
    assert_int_equal(sockets_open_chosen(&one.sockets, &one.settings, &why), ERR_OK);
    start(&other, one.entries[0].port, 1);
    other.entries[0].reuse_port = true;
    assert_int_equal(sockets_open(&other.sockets, &other.settings, &why), ERR_OK);
    sockets_finish(&other.sockets);
    sockets_finish(&one.sockets);
}

static void udp_is_left_out(void **state)
{
    struct fixture fixture;
    struct err_text why = {""};
    (void)state;
    start(&fixture, 0, 1);
    fixture.entries[0].udp = true;
    assert_int_equal(sockets_open_chosen(&fixture.sockets, &fixture.settings, &why), ERR_OK);
    assert_int_equal(sockets_open(&fixture.sockets, &fixture.settings, &why), ERR_OK);
    assert_int_equal(sockets_take(&fixture.sockets, 0, 0), -1);
    sockets_finish(&fixture.sockets);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_workers_listen_on_the_chosen_port),
        cmocka_unit_test(port_of_another_is_an_error_that_names_the_entry_point),
        cmocka_unit_test(reuse_port_shares_it),
        cmocka_unit_test(udp_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
