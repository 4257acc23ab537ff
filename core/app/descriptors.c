/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The kernel may allow a billion; nobody has that many clients on a machine.
 */
#include "core/app/descriptors.h"

#include "core/base/log.h"

#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>

#define KEPT_PER_WORKER 64
#define KEPT 64
#define CONNECTIONS_LEAST 16
#define CONNECTIONS_MOST 1000000

uint64_t descriptors_raise(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 1024;
    rlim_t before = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max;
    if (before != limit.rlim_max && setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        log_warn("the limit of open files cannot be raised", "error", strerror(errno));
        limit.rlim_cur = before;
    }
    return limit.rlim_cur == RLIM_INFINITY ? UINT32_MAX : (uint64_t)limit.rlim_cur;
}

int64_t descriptors_to_connections(uint64_t limit, size_t workers)
{
    uint64_t kept = KEPT + KEPT_PER_WORKER * workers;
    uint64_t connections = limit > kept ? (limit - kept) / 2 : 0;
    if (connections < CONNECTIONS_LEAST)
        return CONNECTIONS_LEAST;
    return connections < CONNECTIONS_MOST ? (int64_t)connections : CONNECTIONS_MOST;
}
