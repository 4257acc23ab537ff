/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One reload: read the files, build a snapshot aside, publish it, retire the
 * one before and destroy it once no worker claims it. Whatever is wrong with
 * the files leaves the running configuration as it is and is logged once: the
 * same files are not complained about again. Files that have lost all their
 * contents count as wrong: somebody may be writing them. Files that say the same
 * as before are not parsed again; then only changed certificates are read.
 *
 * Control thread, but for reload_status.
 */
#ifndef WEIR_CORE_CONTROL_RELOAD_H
#define WEIR_CORE_CONTROL_RELOAD_H

#include "core/control/cert_store.h"
#include "core/control/control.h"

struct reload;

enum reload_result {
    RELOAD_PUBLISHED,
    RELOAD_UNCHANGED, /* nothing differs from what runs, or from what was refused */
    RELOAD_FAILED,
};

/* obtained: see cert_store_add_obtained. Publishes the first snapshot: of the
 * files, or without any router when they are wrong. Fails only for want of memory
 * or a broken TLS library. */
MUST_USE enum err reload_create(const struct control_settings *settings,
                                const struct obtained_certs *obtained, struct reload **out,
                                struct err_text *why);
/* Every worker has ended. NULL is fine. */
void reload_destroy(struct reload *reload);

/* all: certificates are read again although no change was seen. */
enum reload_result reload_run(struct reload *reload, bool all);

/* The same configuration with the certificates that have been obtained since. */
enum reload_result reload_republish(struct reload *reload);

/* When a certificate expires or becomes valid next (Unix time, INT64_MAX: never);
 * once that has come, reload_revalidate publishes the same configuration with
 * the certificates that are to be served from now on. */
int64_t reload_validity_change_s(const struct reload *reload);
enum reload_result reload_revalidate(struct reload *reload);

/* The watcher's descriptor, or -1; reload_drain when it is readable: true when
 * something watched has changed. */
int reload_fd(const struct reload *reload);
bool reload_drain(struct reload *reload);

const struct snapshot *reload_current(const struct reload *reload);
/* Destroys the retired snapshots that nobody claims; true while some are left. */
bool reload_reap(struct reload *reload);

/* Any thread. */
void reload_status(const struct reload *reload, struct control_status *out);

#endif
