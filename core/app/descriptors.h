/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The limit of open descriptors and what it means for the number of
 * connections. Main thread, before any other.
 */
#ifndef WEIR_CORE_APP_DESCRIPTORS_H
#define WEIR_CORE_APP_DESCRIPTORS_H

#include <stddef.h>
#include <stdint.h>

/* Raises the soft limit to the hard one; returns what holds now. */
uint64_t descriptors_raise(void);
/* How many clients so many descriptors serve: each may need a second one for
 * its backend; some are kept for files, rings, pipes and listeners. */
int64_t descriptors_to_connections(uint64_t limit, size_t workers);

#endif
