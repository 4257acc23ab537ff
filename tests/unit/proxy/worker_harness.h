/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A worker on the test's own thread, with an empty snapshot, and a clock on
 * everything that waits.
 */
#ifndef WEIR_TESTS_UNIT_PROXY_WORKER_HARNESS_H
#define WEIR_TESTS_UNIT_PROXY_WORKER_HARNESS_H

#include "core/proxy/worker.h"

struct harness {
    struct model_static settings;
    struct snapshot_publication publication;
    struct worker worker;
};

void harness_start(struct harness *harness);
/* Also checks that no connection, snapshot or buffer was left behind. */
void harness_stop(struct harness *harness);
/* One loop turn that waits for at most wait_ms. */
void harness_turn(struct harness *harness, int64_t wait_ms);
/* Runs loop turns until *flag is true; fails the test after ten seconds. */
void harness_run_until(struct harness *harness, const bool *flag);
/* Runs turns for as long as something happens within a moment. */
void harness_settle(struct harness *harness);

/* A connected pair of TCP sockets over loopback; both non-blocking. */
void harness_tcp_pair(int fds[2]);
/* Blocking help for the far end: all bytes, or the test fails. */
void harness_send_all(int fd, const void *data, size_t len);

#endif
