/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Runs the same work for many items on several threads, which end before the
 * call returns. For long work of the control thread or of the start; what the
 * items share must not be changed by the work.
 */
#ifndef WEIR_CORE_BASE_PARALLEL_H
#define WEIR_CORE_BASE_PARALLEL_H

#include <stddef.h>

#define PARALLEL_THREADS_MAX 16

/*
 * work(context, i) once for each i < count, in any order, on the calling thread
 * and so many others as there are cores for it; on the calling one alone where
 * count is below `worth` or no thread can be had.
 */
void parallel_for(size_t count, size_t worth, void (*work)(void *context, size_t i),
                  void *context);

#endif
