/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From a finished exchange to a line, in the format that the settings choose.
 * What is kept of it was settled once when the log was opened. Formatting is for
 * the worker's thread and allocates nothing.
 */
#ifndef WEIR_CORE_ADMIN_ACCESS_FORMAT_H
#define WEIR_CORE_ADMIN_ACCESS_FORMAT_H

#include "core/admin/access_fields.h"
#include "core/base/buf.h"

struct access_format {
    enum log_format_choice format;
    struct access_fields fields;
};

void access_format_init(struct access_format *format, const struct model_access_log *settings);

/* One line with its line feed. ERR_LIMIT when it does not fit into `out`. */
MUST_USE enum err access_format_line(const struct access_format *format,
                                     const struct access_record *record,
                                     const struct access_facts *facts, struct buf *out);

#endif
