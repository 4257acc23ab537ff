/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * /api/counters: every counter of the workers, added up, and how
 * often each limit was hit. Not in Traefik.
 */
#include "core/admin/api_objects.h"

#include "core/proxy/worker.h"

void api_write_counters(struct json *json, struct worker *const *workers, size_t count)
{
    json_begin_object(json);
#define WRITE_COUNTER(name)                                       \
    {                                                             \
        uint64_t sum = 0;                                         \
        for (size_t i = 0; i < count; i++)                        \
            sum += metric_read(&workers[i]->metrics.name);        \
        json_field_uint(json, #name, sum);                        \
    }
    WORKER_METRIC_LIST(WRITE_COUNTER)
#undef WRITE_COUNTER
    json_write_key(json, SPAN("limits"));
    json_begin_object(json);
    for (int limit = 0; limit < LIMIT_COUNT; limit++) {
        uint64_t sum = 0;
        for (size_t i = 0; i < count; i++)
            sum += metric_read(&workers[i]->limits.hits[limit]);
        json_field_uint(json, limit_name((enum limit)limit), sum);
    }
    json_end_object(json);
    json_end_object(json);
}
