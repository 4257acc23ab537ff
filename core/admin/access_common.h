/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The common log format, with Traefik's additions or without. A field that is
 * not kept is a "-". Worker thread; allocates nothing.
 */
#ifndef WEIR_CORE_ADMIN_ACCESS_COMMON_H
#define WEIR_CORE_ADMIN_ACCESS_COMMON_H

#include "core/admin/access_fields.h"
#include "core/base/buf.h"

/* One line with its line feed. ERR_LIMIT when it does not fit into `out`. */
MUST_USE enum err access_write_common(const struct access_fields *fields, bool additions,
                                      const struct access_record *record,
                                      const struct access_facts *facts, struct buf *out);

#endif
