/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the tests of io/ share: cmocka, an op that records its completions, a
 * loop with a deadline, sockets on loopback, and tests that run in a child
 * because they change what cannot be changed back.
 */
#ifndef WEIR_TESTS_UNIT_IO_HARNESS_H
#define WEIR_TESTS_UNIT_IO_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/list.h"
#include "io/ring.h"
#include "io/sock.h"

#define HARNESS_DEADLINE_MS 10000

#define assert_ok(expression) assert_int_equal((expression), ERR_OK)
#define assert_contains(text, part) assert_non_null(strstr((text), (part)))

struct probe {
    struct op op;
    int calls;
    int32_t result; /* of the last completion */
    uint32_t flags;
    int32_t total; /* sum of the positive results */
};

void probe_init(struct probe *probe);

/* Turns the ring until the condition holds; fails after HARNESS_DEADLINE_MS. */
#define turn_until(ring, condition)                                       \
    do {                                                                  \
        int64_t deadline_ms_ = harness_now_ms() + HARNESS_DEADLINE_MS;    \
        while (!(condition)) {                                            \
            assert_true(harness_now_ms() < deadline_ms_);                 \
            assert_ok(ring_turn((ring), 20, NULL));                       \
        }                                                                 \
    } while (0)

int64_t harness_now_ms(void);

/* A ring of `entries` in a cmocka setup; NULL and failure without io_uring. */
struct ring *harness_ring(unsigned entries);
void harness_ring_free(struct ring *ring);

/* An operation that lasts: a receive into memory of the test's own. */
void harness_recv(struct ring *ring, struct op *op, int fd, void *data, size_t len);

/* A listening socket on 127.0.0.1 and its address. */
int harness_listen(struct sock_address *address);
/* A connected blocking TCP socket. */
int harness_connect(const struct sock_address *address);
/* Two ends of one TCP connection, non-blocking. */
void harness_tcp_pair(int ends[2]);
void harness_unix_pair(int ends[2]);
/* Byte i of the pattern that large transfers are checked with. */
char harness_pattern(size_t i);
void harness_fill_pattern(char *data, size_t len, size_t from);
void harness_check_pattern(const char *data, size_t len, size_t from);

/* Runs `body` in a child and returns what it returned (0 to 100); what it put
 * into `text` comes back too. Fails if the child does not end by itself. */
int harness_in_child(int (*body)(char text[512]), char text[512]);

#endif
