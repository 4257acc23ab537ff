/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mallctl is a weak symbol: it is there when jemalloc is linked. */
#include "perf/certs/memory.h"

#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

int mallctl(const char *name, void *old, size_t *old_len, void *new, size_t new_len)
    __attribute__((weak));

static size_t heap_bytes(void)
{
    if (mallctl == NULL) {
        struct mallinfo2 info = mallinfo2();
        return info.uordblks + info.hblkhd;
    }
    uint64_t epoch = 1; /* makes jemalloc bring its counters up to date */
    size_t allocated = 0, len = sizeof(allocated);
    mallctl("epoch", NULL, NULL, &epoch, sizeof(epoch));
    mallctl("stats.allocated", &allocated, &len, NULL, 0);
    return allocated;
}

struct memory memory_now(void)
{
    struct memory memory = {.heap = heap_bytes()};
    unsigned long size = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file != NULL) {
        if (fscanf(file, "%lu %lu", &size, &resident) == 2)
            memory.resident = resident * (size_t)sysconf(_SC_PAGESIZE);
        fclose(file);
    }
    return memory;
}

const char *memory_allocator(void)
{
    return mallctl != NULL ? "jemalloc" : "glibc";
}
