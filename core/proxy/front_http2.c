/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The connection that streams share. Whatever happens to it, in whatever order, ends
 * in one task at the end of the turn: it writes what is queued, wakes streams that
 * waited for room, and settles what the connection waits for next, or that it is over.
 */
#include "core/proxy/front_http2_private.h"

#include "core/base/clock.h"
#include "core/base/log.h"

/* ---- ends ---- */

/* Its streams end here, and their exchanges. Not from inside the session. */
static void end_session(struct client *client)
{
    struct h2_session *session = client->http2.session;
    client->http2.closing = true;
    client->http2.session = NULL;
    client->idle = false;
    h2_session_destroy(session);
}

static void close_connection(struct client *client, bool linger)
{
    end_session(client);
    conn_close_after_flush(&client->conn, linger);
}

static void on_closed(struct conn *conn)
{
    struct client *client = client_of(conn);
    end_session(client);
    worker_task_cancel(&client->http2.task);
    client_closed(conn);
}

static void shut(struct client *client)
{
    struct front_http2 *front = &client->http2;
    if (front->shut)
        return;
    front->shut = true;
    h2_session_shutdown(front->session);
}

void front_http2_drain(struct client *client)
{
    if (client->http2.closing)
        return;
    shut(client);
    front_http2_schedule(client);
}

/* ---- what the connection waits for ---- */

static int64_t first_timeout_ms(const struct client *client)
{
    int64_t timeout = client->conn.worker->settings->weir.header_timeout;
    if (timeout == 0)
        timeout = client_entry(client)->read_timeout;
    return timeout / NS_PER_MS;
}

static int64_t watch_timeout_ms(const struct client *client, enum front_http2_watch watch)
{
    switch (watch) {
    case FRONT_HTTP2_IDLE:
        return client_entry(client)->idle_timeout / NS_PER_MS;
    case FRONT_HTTP2_BUSY: /* looked at twice before the verdict */
        return (client->conn.worker->settings->weir.send_timeout / NS_PER_MS + 1) / 2;
    default:
        return first_timeout_ms(client);
    }
}

static void watch_for(struct client *client, enum front_http2_watch watch)
{
    if (client->http2.watch == watch)
        return;
    client->http2.watch = watch;
    conn_set_timeout(&client->conn, watch_timeout_ms(client, watch));
}

/* From the last request on, though it may have come and gone within a turn. */
static void watch_idle(struct client *client)
{
    struct front_http2 *front = &client->http2;
    if (front->requests_watched != front->requests)
        front->watch = FRONT_HTTP2_FIRST;
    front->requests_watched = front->requests;
    watch_for(client, FRONT_HTTP2_IDLE);
}

static void settle_watch(struct client *client)
{
    struct front_http2 *front = &client->http2;
    bool streams = h2_session_streams(front->session) > 0;
    client->idle = !streams;
    if (h2_session_in_head(front->session))
        watch_for(client, FRONT_HTTP2_HEAD);
    else if (streams)
        watch_for(client, FRONT_HTTP2_BUSY);
    else if (front->requests > 0)
        watch_idle(client);
}

static bool reset_stalled(struct h2_stream *h2, void *context)
{
    bool *any = context;
    if (front_stream_is_stalled(front_stream_of(h2))) {
        *any = true;
        h2_reset(h2, H2_CANCEL);
    }
    return true;
}

/* Half of sendTimeout has passed with streams open. Who takes nothing of the whole
 * connection is conn_reader.c's. */
static void look_for_stalls(struct client *client)
{
    bool any = false;
    h2_session_each(client->http2.session, reset_stalled, &any);
    if (any)
        limit_report(client, LIMIT_OF_HTTP2_WINDOW_STALL);
    conn_set_timeout(&client->conn, watch_timeout_ms(client, FRONT_HTTP2_BUSY));
    front_http2_schedule(client);
}

static void on_timeout(struct client *client)
{
    struct front_http2 *front = &client->http2;
    switch (front->watch) {
    case FRONT_HTTP2_BUSY:
        look_for_stalls(client);
        return;
    case FRONT_HTTP2_HEAD:
        limit_report(client, LIMIT_OF_SLOW_HEADERS);
        h2_session_end(front->session, H2_ENHANCE_YOUR_CALM);
        break;
    default:
        h2_session_end(front->session, H2_NO_ERROR);
    }
    front_http2_schedule(client);
}

/* ---- the task ---- */

/* RFC 9113 §6.8, for our own reasons. */
static bool is_worn(const struct client *client)
{
    const struct model_entry_point *entry = client_entry(client);
    const struct worker *worker = client->conn.worker;
    const struct front_http2 *front = &client->http2;
    int64_t age_ms = worker->now_ms - front->opened_ms;
    return worker->draining ||
           (worker->full && front->requests > 0 && h2_session_streams(front->session) == 0) ||
           (entry->keep_alive_max_requests > 0 &&
            front->requests >= (uint64_t)entry->keep_alive_max_requests) ||
           (entry->keep_alive_max_time > 0 &&
            age_ms >= entry->keep_alive_max_time / NS_PER_MS);
}

static void on_task(struct worker_task *task)
{
    struct front_http2 *front = container_of(task, struct front_http2, task);
    struct client *client = container_of(front, struct client, http2);
    if (front->closing)
        return;
    front_stream_start_all(client);
    if (is_worn(client))
        shut(client);
    enum err error = h2_session_output(front->session);
    bool over = h2_session_is_over(front->session);
    if (error != ERR_OK || over) {
        const char *why = h2_session_failure(front->session);
        if (why[0] != '\0')
            log_debug("HTTP/2 connection failed", "client", client->peer_text, "error", why);
        close_connection(client, true);
        return;
    }
    if (front->shut && h2_session_streams(front->session) == 0 &&
        h2_session_queued(front->session) == 0 && !conn_is_congested(&client->conn)) {
        close_connection(client, true);
        return;
    }
    settle_watch(client);
}

void front_http2_schedule(struct client *client)
{
    if (!client->http2.closing)
        worker_defer(client->conn.worker, &client->http2.task);
}

/* ---- the session ---- */

static void on_limit(struct h2_session *session, enum h2_limit limit)
{
    static const enum limit limits[H2_LIMITS] = {
        [H2_LIMIT_RESETS] = LIMIT_OF_HTTP2_RESETS,
        [H2_LIMIT_CONTINUATIONS] = LIMIT_OF_HTTP2_CONTINUATIONS,
        [H2_LIMIT_SETTINGS] = LIMIT_OF_HTTP2_SETTINGS,
        [H2_LIMIT_PINGS] = LIMIT_OF_HTTP2_PINGS,
        [H2_LIMIT_EMPTY_FRAMES] = LIMIT_OF_HTTP2_EMPTY_DATA,
        [H2_LIMIT_HEADER_BYTES] = LIMIT_OF_HTTP2_HEADER_BYTES,
        [H2_LIMIT_ANSWERS] = LIMIT_OF_HTTP2_CONTROL_FRAMES,
    };
    limit_report(h2_session_owner(session), limits[limit]);
}

static enum err write_out(struct h2_session *session, struct span bytes)
{
    struct client *client = h2_session_owner(session);
    return conn_write(&client->conn, bytes);
}

static bool may_write(struct h2_session *session)
{
    struct client *client = h2_session_owner(session);
    return !conn_is_congested(&client->conn);
}

static const struct h2_handler session_handler = {
    .on_stream = front_stream_begin,
    .on_head = front_stream_head,
    .on_data = front_stream_data,
    .on_end = front_stream_end,
    .on_closed = front_stream_closed,
    .on_drained = front_stream_drained,
    .on_limit = on_limit,
    .write = write_out,
    .may_write = may_write,
};

static void read_settings(const struct client *client, struct h2_settings *settings)
{
    const struct model_entry_point *entry = client_entry(client);
    const struct model_weir *weir = &client->conn.worker->settings->weir;
    int64_t header_bytes = entry->max_header_bytes < weir->http2_header_bytes
                               ? entry->max_header_bytes
                               : weir->http2_header_bytes;
    *settings = (struct h2_settings){
        .max_concurrent_streams = (uint32_t)entry->http2_max_concurrent_streams,
        .stream_window = FRONT_HTTP2_STREAM_WINDOW,
        .connection_window = FRONT_HTTP2_CONNECTION_WINDOW,
        .decoder_table = (uint32_t)entry->http2_decoder_table,
        .encoder_table = (uint32_t)entry->http2_encoder_table,
        .header_bytes = (size_t)header_bytes,
        .header_count = (size_t)weir->header_count,
        .extended_connect = true,
        .limits = {
            [H2_LIMIT_RESETS] = (uint32_t)weir->http2_resets_per_second,
            [H2_LIMIT_CONTINUATIONS] = (uint32_t)weir->http2_continuations,
            [H2_LIMIT_SETTINGS] = (uint32_t)weir->http2_settings_per_second,
            [H2_LIMIT_PINGS] = (uint32_t)weir->http2_pings_per_second,
            [H2_LIMIT_EMPTY_FRAMES] = (uint32_t)weir->http2_empty_data_per_second,
            [H2_LIMIT_ANSWERS] = (uint32_t)weir->http2_control_frames,
        },
    };
}

/* ---- events of the connection ---- */

static void on_data(struct conn *conn, struct span data)
{
    struct client *client = client_of(conn);
    if (client->http2.closing)
        return;
    /* What is wrong with it, the task sees and says. */
    (void)!h2_session_receive(client->http2.session, data, conn->worker->now_ms);
    front_http2_schedule(client);
}

/* Like HTTP/1's: who has ended its side is taken to have gone. */
static void on_end(struct conn *conn)
{
    close_connection(client_of(conn), false);
}

static void on_drained(struct conn *conn)
{
    front_http2_schedule(client_of(conn));
}

static void on_failed(struct conn *conn, enum err error, const struct err_text *why)
{
    struct client *client = client_of(conn);
    if (error == ERR_TIMEOUT && !client->http2.closing) {
        on_timeout(client);
        return;
    }
    if (why->text[0] != '\0')
        log_debug("connection failed", "client", client->peer_text, "error", why->text);
    close_connection(client, false);
}

static const struct conn_handler front_handler = {
    .on_data = on_data,
    .on_end = on_end,
    .on_drained = on_drained,
    .on_failed = on_failed,
    .on_closed = on_closed,
};

void front_http2_start(struct client *client, struct span first)
{
    struct front_http2 *front = &client->http2;
    struct h2_settings settings;
    client_arrived(client);
    client->side = CLIENT_HTTP2;
    *front = (struct front_http2){.opened_ms = client->conn.worker->now_ms};
    front->task.run = on_task;
    list_init(&front->task.link);
    list_init(&front->starting);
    client->conn.handler = &front_handler;
    client->idle = true;
    read_settings(client, &settings);
    front->session = h2_session_create_server(&settings, &session_handler, client);
    if (front->session == NULL) {
        close_connection(client, false);
        return;
    }
    conn_set_timeout(&client->conn, watch_timeout_ms(client, FRONT_HTTP2_FIRST));
    if (first.len > 0)
        on_data(&client->conn, first);
    front_http2_schedule(client);
}
