/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reproducible random numbers for tests (xorshift64*): the seed is the state. */
#ifndef WEIR_TESTS_UNIT_BASE_PRNG_H
#define WEIR_TESTS_UNIT_BASE_PRNG_H

#include <stdint.h>

static inline uint64_t prng_next(uint64_t *state)
{
    uint64_t x = *state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return x * UINT64_C(0x2545f4914f6cdd1d);
}

/* 0 … bound - 1 */
static inline uint64_t prng_below(uint64_t *state, uint64_t bound)
{
    return (prng_next(state) >> 11) % bound;
}

#endif
