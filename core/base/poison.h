/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tells AddressSanitizer which bytes of an allocator's own memory may not be
 * touched now; nothing in other builds. For arena.c and pool.c only.
 */
#ifndef WEIR_CORE_BASE_POISON_H
#define WEIR_CORE_BASE_POISON_H

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POISON_ACTIVE 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define POISON_ACTIVE 1
#endif

#ifdef POISON_ACTIVE
#include <sanitizer/asan_interface.h>
#define poison_bytes(ptr, len) __asan_poison_memory_region((ptr), (len))
#define unpoison_bytes(ptr, len) __asan_unpoison_memory_region((ptr), (len))
#else
#define poison_bytes(ptr, len) ((void)(ptr), (void)(len))
#define unpoison_bytes(ptr, len) ((void)(ptr), (void)(len))
#endif

#endif
