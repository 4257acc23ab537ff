/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Numbers that tickets are bound to. Unlike core/base/hash.h they are the same
 * in every process and on every machine, so that nodes which share ticket keys
 * agree, and nobody can make two texts that have the same one: the first eight
 * bytes of SHA-256, under a label. Any thread.
 */
#ifndef WEIR_TLS_FINGERPRINT_H
#define WEIR_TLS_FINGERPRINT_H

#include "core/base/span.h"

#include <stdint.h>

#define FINGERPRINT_SIZE 32
/* The whole of the plain SHA-256, without a label. */
void fingerprint_digest(struct span bytes, uint8_t out[FINGERPRINT_SIZE]);

uint64_t fingerprint_of(const char *label, struct span bytes);

#endif
