/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tells ThreadSanitizer that an object goes from one thread to another through
 * the kernel, which it cannot see into: the giver releases, the taker acquires.
 * The system calls on both sides order the memory, so that other builds need
 * nothing here.
 */
#ifndef WEIR_IO_HANDOVER_H
#define WEIR_IO_HANDOVER_H

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HANDOVER_ACTIVE 1
#endif
#elif defined(__SANITIZE_THREAD__)
#define HANDOVER_ACTIVE 1
#endif

#ifdef HANDOVER_ACTIVE
#include <sanitizer/tsan_interface.h>
#define handover_release(object) __tsan_release(object)
#define handover_acquire(object) __tsan_acquire(object)
#else
#define handover_release(object) ((void)(object))
#define handover_acquire(object) ((void)(object))
#endif

#endif
