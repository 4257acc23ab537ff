/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the process has allocated, by jemalloc's own account or by glibc's, and what is resident. */
#ifndef WEIR_PERF_CERTS_MEMORY_H
#define WEIR_PERF_CERTS_MEMORY_H

#include <stddef.h>

struct memory {
    size_t heap;     /* bytes in the allocator's size classes */
    size_t resident; /* of the process */
};

struct memory memory_now(void);
const char *memory_allocator(void);

#endif
