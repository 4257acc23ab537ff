/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Staples on disk, a file per certificate, named by its fingerprint. What is read
 * is checked by the caller as if it came from the network. An empty folder name
 * means that nothing is kept. Control thread; small files, so it does not wait
 * long.
 */
#ifndef WEIR_CORE_CONTROL_STAPLE_CACHE_H
#define WEIR_CORE_CONTROL_STAPLE_CACHE_H

#include "core/base/err.h"
#include "core/base/span.h"

/* Makes the folder if it is not there; its parent must be. */
MUST_USE enum err staple_cache_prepare(struct span folder, struct err_text *why);
/* *out is malloc'ed. False: there is none, or it cannot be read. */
bool staple_cache_read(struct span folder, const char *fingerprint, struct span *out);
/* A failure is logged: the staple is in memory anyhow. */
void staple_cache_write(struct span folder, const char *fingerprint, struct span response);
void staple_cache_remove(struct span folder, const char *fingerprint);

#endif
