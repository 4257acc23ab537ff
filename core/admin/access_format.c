/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The generic format is the common one without Traefik's additions.
 */
#include "core/admin/access_format.h"

#include "core/admin/access_common.h"
#include "core/admin/access_json.h"

void access_format_init(struct access_format *format, const struct model_access_log *settings)
{
    format->format = settings->format;
    access_fields_init(&format->fields, settings);
}

enum err access_format_line(const struct access_format *format,
                            const struct access_record *record, const struct access_facts *facts,
                            struct buf *out)
{
    if (format->format == LOG_FORMAT_JSON)
        return access_write_json(&format->fields, record, facts, out);
    bool additions = format->format == LOG_FORMAT_COMMON;
    return access_write_common(&format->fields, additions, record, facts, out);
}
