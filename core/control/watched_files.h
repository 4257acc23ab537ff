/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The files that a model names beside itself: certificates, keys, CAs and
 * revocation lists.
 * They are handed to the watcher before they are read, so that no change
 * between reading and watching is lost. Control thread.
 */
#ifndef WEIR_CORE_CONTROL_WATCHED_FILES_H
#define WEIR_CORE_CONTROL_WATCHED_FILES_H

#include "config/model.h"
#include "core/base/err.h"

/* *out is malloc'ed; the spans borrow from the models. Names may repeat. */
MUST_USE enum err watched_files(const struct model_static *settings,
                                const struct model_dynamic *model, struct span **out,
                                size_t *count);

#endif
