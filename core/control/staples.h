/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keeps an OCSP staple for every certificate of the published snapshot that
 * names a responder and comes with its issuer. An answer is asked for at once,
 * and again at half of its validity; it is checked before it is published
 * (tls/ocsp.h), kept in a folder across restarts, and taken back when the
 * certificate turns out to be revoked. A responder that fails is asked again
 * after a minute, two, four … up to an hour; the staple there is stays until it
 * is stale. Control thread.
 */
#ifndef WEIR_CORE_CONTROL_STAPLES_H
#define WEIR_CORE_CONTROL_STAPLES_H

#include "config/model.h"
#include "core/base/timerwheel.h"
#include "core/proxy/snapshot.h"
#include "io/ring.h"

struct staples;

/* NULL in *out where the configuration has no `ocsp`. `settings` outlives it. */
MUST_USE enum err staples_create(const struct model_static *settings, struct ring *ring,
                                 struct timerwheel *wheel, struct staples **out,
                                 struct err_text *why);
/* The ring will not be turned again. NULL is fine. */
void staples_destroy(struct staples *staples);
/* The snapshot that was published just now. NULL staples is fine. */
void staples_update(struct staples *staples, const struct snapshot *snapshot);

#endif
