/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The JSON format: the fields in the order of their names, as Traefik's
 * encoder sorts them, header fields and the log's own keys among them. Worker
 * thread; allocates nothing.
 */
#ifndef WEIR_CORE_ADMIN_ACCESS_JSON_H
#define WEIR_CORE_ADMIN_ACCESS_JSON_H

#include "core/admin/access_fields.h"
#include "core/base/buf.h"

/* One line with its line feed. ERR_LIMIT when it does not fit into `out`. */
MUST_USE enum err access_write_json(const struct access_fields *fields,
                                    const struct access_record *record,
                                    const struct access_facts *facts, struct buf *out);

#endif
