/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A session's life, and bytes in and out of it. The windows are nghttp2's, but it
 * opens them only as we say that something was consumed.
 */
#include "core/http/h2_private.h"

#include <stdlib.h>

#define SETTINGS_MAX 8
#define HANDLED_WINDOW 65535 /* what a connection's window begins with, RFC 9113 §6.9.2 */

/* ---- beginning ---- */

static nghttp2_option *make_options(const struct h2_settings *settings)
{
    nghttp2_option *option;
    if (nghttp2_option_new(&option) != 0)
        return NULL;
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_no_closed_streams(option, 1);
    nghttp2_option_set_max_deflate_dynamic_table_size(option, settings->encoder_table);
    if (settings->limits[H2_LIMIT_ANSWERS] > 0)
        nghttp2_option_set_max_outbound_ack(option, settings->limits[H2_LIMIT_ANSWERS]);
    nghttp2_option_set_builtin_recv_extension_type(option, NGHTTP2_PRIORITY_UPDATE);
    /* Newer ones count by themselves, to limits of their own. */
#ifdef WEIR_NGHTTP2_COUNTS_RESETS
    nghttp2_option_set_stream_reset_rate_limit(option, UINT32_MAX, UINT32_MAX);
#endif
#ifdef WEIR_NGHTTP2_COUNTS_CONTINUATIONS
    nghttp2_option_set_max_continuations(option, SIZE_MAX);
#endif
    return option;
}

static int submit_settings(struct h2_session *session)
{
    const struct h2_settings *settings = &session->settings;
    nghttp2_settings_entry entries[SETTINGS_MAX];
    size_t n = 0;
    if (session->server) {
        entries[n++] = (nghttp2_settings_entry){NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS,
                                                settings->max_concurrent_streams};
        entries[n++] = (nghttp2_settings_entry){NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1};
    } else {
        entries[n++] = (nghttp2_settings_entry){NGHTTP2_SETTINGS_ENABLE_PUSH, 0};
    }
    entries[n++] = (nghttp2_settings_entry){NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE,
                                            settings->stream_window};
    entries[n++] = (nghttp2_settings_entry){NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE,
                                            (uint32_t)settings->header_bytes};
    if (settings->decoder_table != NGHTTP2_DEFAULT_HEADER_TABLE_SIZE)
        entries[n++] = (nghttp2_settings_entry){NGHTTP2_SETTINGS_HEADER_TABLE_SIZE,
                                                settings->decoder_table};
    if (settings->extended_connect)
        entries[n++] = (nghttp2_settings_entry){NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1};
    int error = nghttp2_submit_settings(session->ng, NGHTTP2_FLAG_NONE, entries, n);
    if (error == 0 && settings->connection_window > HANDLED_WINDOW)
        error = nghttp2_session_set_local_window_size(session->ng, NGHTTP2_FLAG_NONE, 0,
                                                      (int32_t)settings->connection_window);
    return error;
}

static int make_session(struct h2_session *session)
{
    nghttp2_session_callbacks *callbacks;
    nghttp2_option *option = make_options(&session->settings);
    if (option == NULL)
        return NGHTTP2_ERR_NOMEM;
    int error = nghttp2_session_callbacks_new(&callbacks);
    if (error == 0) {
        h2_receive_callbacks(callbacks);
        h2_send_callbacks(callbacks);
        error = session->server
                    ? nghttp2_session_server_new2(&session->ng, callbacks, session, option)
                    : nghttp2_session_client_new2(&session->ng, callbacks, session, option);
        nghttp2_session_callbacks_del(callbacks);
    }
    nghttp2_option_del(option);
    return error != 0 ? error : submit_settings(session);
}

static struct h2_session *create(const struct h2_settings *settings,
                                 const struct h2_handler *handler, void *owner, bool server)
{
    struct h2_session *session = calloc(1, sizeof(*session));
    if (session == NULL)
        return NULL;
    session->settings = *settings;
    session->handler = handler;
    session->owner = owner;
    session->server = server;
    session->passing = server ? H2_PREFACE.len : 0;
    h2_owe_updates(session, H2_UPDATES_OF_STREAM);
    list_init(&session->streams);
    if (make_session(session) == 0)
        return session;
    nghttp2_session_del(session->ng);
    free(session);
    return NULL;
}

struct h2_session *h2_session_create_server(const struct h2_settings *settings,
                                            const struct h2_handler *handler, void *owner)
{
    return create(settings, handler, owner, true);
}

struct h2_session *h2_session_create_client(const struct h2_settings *settings,
                                            const struct h2_handler *handler, void *owner)
{
    return create(settings, handler, owner, false);
}

void h2_session_destroy(struct h2_session *session)
{
    if (session == NULL)
        return;
    session->ended = true;
    while (!list_empty(&session->streams))
        h2_close(container_of(session->streams.next, struct h2_stream, link), H2_CANCEL);
    nghttp2_session_del(session->ng);
    free(session);
}

void *h2_session_owner(const struct h2_session *session)
{
    return session->owner;
}

/* ---- in and out ---- */

static enum err fail(struct h2_session *session, ssize_t error)
{
    session->failed = true;
    if (session->failure.text[0] == '\0' && !session->ended)
        (void)!err_set(&session->failure, ERR_PROTOCOL, "%s", nghttp2_strerror((int)error));
    return error == NGHTTP2_ERR_NOMEM ? ERR_NOMEM : ERR_PROTOCOL;
}

enum err h2_session_receive(struct h2_session *session, struct span bytes, int64_t now_ms)
{
    session->now_ms = now_ms;
    h2_count_frames(session, bytes);
    if (session->ended || session->failed)
        return ERR_OK;
    ssize_t taken = nghttp2_session_mem_recv(session->ng, (const uint8_t *)bytes.ptr, bytes.len);
    if (taken >= 0)
        return ERR_OK;
    if (taken == NGHTTP2_ERR_FLOODED)
        h2_exceeded(session, H2_LIMIT_ANSWERS);
    else if (session->head_stream != 0 && session->continued)
        h2_exceeded(session, H2_LIMIT_CONTINUATIONS);
    return fail(session, taken);
}

enum err h2_session_output(struct h2_session *session)
{
    while (session->handler->may_write(session)) {
        const uint8_t *bytes;
        ssize_t len = nghttp2_session_mem_send(session->ng, &bytes);
        if (len < 0)
            return fail(session, len);
        if (len == 0)
            return ERR_OK;
        TRY(session->handler->write(session, span_make(bytes, (size_t)len)));
    }
    return ERR_OK;
}

bool h2_session_is_over(const struct h2_session *session)
{
    return session->failed || (!nghttp2_session_want_read(session->ng) &&
                               !nghttp2_session_want_write(session->ng));
}

bool h2_session_in_head(const struct h2_session *session)
{
    return session->head_stream != 0;
}

size_t h2_session_streams(const struct h2_session *session)
{
    return session->stream_count;
}

size_t h2_session_queued(const struct h2_session *session)
{
    return session->queued;
}

void h2_session_each(struct h2_session *session,
                     bool (*visit)(struct h2_stream *stream, void *context), void *context)
{
    list_for_each(node, &session->streams) {
        if (!visit(container_of(node, struct h2_stream, link), context))
            return;
    }
}

const char *h2_session_failure(const struct h2_session *session)
{
    return session->failure.text;
}

/* ---- the end ---- */

void h2_session_shutdown(struct h2_session *session)
{
    if (session->ended || session->failed)
        return;
    int32_t last = nghttp2_session_get_last_proc_stream_id(session->ng);
    (void)!nghttp2_submit_goaway(session->ng, NGHTTP2_FLAG_NONE, last, NGHTTP2_NO_ERROR, NULL, 0);
}

/* ---- a client's session ---- */

size_t h2_session_free_slots(const struct h2_session *session)
{
    uint32_t most = nghttp2_session_get_remote_settings(
        session->ng, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
    return session->stream_count < most ? most - session->stream_count : 0;
}

bool h2_session_takes_requests(const struct h2_session *session)
{
    return !session->ended && !session->failed &&
           nghttp2_session_check_request_allowed(session->ng) != 0;
}

bool h2_session_is_settled(const struct h2_session *session)
{
    return session->settled;
}

enum err h2_session_ping(struct h2_session *session)
{
    return nghttp2_submit_ping(session->ng, NGHTTP2_FLAG_NONE, NULL) == 0 ? ERR_OK : ERR_NOMEM;
}
