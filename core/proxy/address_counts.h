/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How many connections each client address has, over all workers. Of fixed size,
 * made for the greatest number of connections. An address is known by 40 bits of a
 * hash with the process's seed; where too many addresses share a bucket, which at
 * the intended load is rare, one is not counted rather than wrongly refused. One
 * atomic read-modify-write when a connection comes and one when it goes; none where
 * there is no limit. Any thread.
 */
#ifndef WEIR_CORE_PROXY_ADDRESS_COUNTS_H
#define WEIR_CORE_PROXY_ADDRESS_COUNTS_H

#include "core/base/err.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct address_counts;

/* Of an IPv4 address (as ::ffff:a.b.c.d) all of it, of an IPv6 address its first
 * prefix6 bits: what tells clients apart. */
uint64_t address_hash(const uint8_t ip[16], unsigned prefix6);

/* The place where one connection is counted. */
typedef _Atomic uint64_t address_slot;

/* `limit` connections for each address, of `connections` in all; the first
 * prefix6 bits of an IPv6 address are looked at. */
MUST_USE enum err address_counts_create(size_t connections, size_t limit, unsigned prefix6,
                                        struct address_counts **out);
/* Nobody is counted any more. NULL is fine. */
void address_counts_destroy(struct address_counts *counts);

/* One more connection of that address (IPv4 as ::ffff:a.b.c.d): false if it would be
 * one too many. *out is for address_counts_leave; NULL where it is not counted. */
bool address_counts_enter(struct address_counts *counts, const uint8_t ip[16],
                          address_slot **out);
/* NULL is fine. */
void address_counts_leave(address_slot *slot);

#endif
