/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The second of the worker's clock is the window in which lines are counted.
 */
#include "core/proxy/limit.h"

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/proxy/client.h"
#include "core/proxy/limit_summary.h"

#include <inttypes.h>
#include <stdio.h>

static const char *const names[] = {
#define LIMIT_TEXT(name, text) text,
    LIMIT_LIST(LIMIT_TEXT)
#undef LIMIT_TEXT
};

const char *limit_name(enum limit limit)
{
    return names[limit];
}

static bool may_write(struct limit_lines *lines, int64_t now_ms)
{
    int64_t second = now_ms / MS_PER_S;
    if (lines->second != second) {
        lines->second = second;
        lines->written = 0;
    }
    if (lines->written < LIMIT_LINES_PER_SECOND) {
        lines->written++;
        return true;
    }
    lines->suppressed++;
    return false;
}

void limit_report(struct client *client, enum limit limit)
{
    struct worker *worker = client->conn.worker;
    struct limit_lines *lines = &worker->limits.lines[limit];
    metric_add(&worker->limits.hits[limit], 1);
    limit_summary_add(client, limit);
    if (!log_enabled(LOG_WARN) || !may_write(lines, worker->now_ms))
        return;
    struct span entry = client_entry(client)->object.name;
    if (lines->suppressed == 0) {
        log_warn("a client is over a limit", "limit", names[limit], "client", client->peer_text,
                 "entryPoint", entry.ptr);
        return;
    }
    char suppressed[24];
    snprintf(suppressed, sizeof(suppressed), "%" PRIu64, lines->suppressed);
    lines->suppressed = 0;
    log_warn("a client is over a limit", "limit", names[limit], "client", client->peer_text,
             "entryPoint", entry.ptr, "suppressed", suppressed);
}

void limit_report_conn(struct conn *conn, enum limit limit)
{
    if (conn->is_client)
        limit_report(client_of(conn), limit);
}
