/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The affinity mask of the process, as taskset and cpusets leave it.
 */
#include "core/app/cores.h"

#include "core/base/limits.h"

#include <sched.h>

static int read_mask(cpu_set_t *mask)
{
    CPU_ZERO(mask);
    if (sched_getaffinity(0, sizeof(*mask), mask) != 0)
        return 0;
    return CPU_COUNT(mask);
}

size_t core_count(void)
{
    cpu_set_t mask;
    int count = read_mask(&mask);
    if (count < 1)
        return 1;
    return count < LIMIT_WORKERS ? (size_t)count : LIMIT_WORKERS;
}

int core_at(size_t n)
{
    cpu_set_t mask;
    int count = read_mask(&mask);
    if (count < 1)
        return -1;
    size_t left = n % (size_t)count;
    for (int core = 0; core < CPU_SETSIZE; core++) {
        if (CPU_ISSET(core, &mask) && left-- == 0)
            return core;
    }
    return -1;
}

void core_pin(int core)
{
    cpu_set_t mask;
    CPU_ZERO(&mask);
    if (core < 0 || core >= CPU_SETSIZE)
        return;
    CPU_SET(core, &mask);
    (void)sched_setaffinity(0, sizeof(mask), &mask);
}
