/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The cores that the process may run on. Main thread; core_pin any thread.
 */
#ifndef WEIR_CORE_APP_CORES_H
#define WEIR_CORE_APP_CORES_H

#include <stddef.h>

/* At least 1, at most LIMIT_WORKERS. */
size_t core_count(void);
/* The number of the n-th such core, counted round; -1: not known. */
int core_at(size_t n);
/* Binds the calling thread to it; a failure changes nothing. */
void core_pin(int core);

#endif
