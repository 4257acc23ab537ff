/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Counts of what is cheap for the peer and dear for us. The heads of frames are read
 * here once more, for nghttp2 does not tell of those that it ignores.
 * A stream that we have to reset for the peer's fault counts like one that it
 * resets itself: both let it open more than it may.
 */
#include "core/http/h2_private.h"

/* WINDOW_UPDATEs that a peer may send: for each DATA frame one for the stream and one for
 * the connection, and for so many bytes one more, of a peer that takes them in pieces;
 * so many in advance. Where the peer lets only crumbs through, it has none for them. */
#define UPDATES_OF_FRAME 2
#define UPDATE_BYTES 256
#define UPDATES_OWED_MAX ((size_t)1 << 16)
/* What a head for a stream that is over may have, to count once. */
#define LATE_HEAD_BYTES 512

struct h2_frame_head {
    uint32_t length;
    uint8_t type, flags;
    int32_t stream;
};

void h2_exceeded(struct h2_session *session, enum h2_limit limit)
{
    if (session->ended)
        return;
    h2_session_end(session, H2_ENHANCE_YOUR_CALM);
    session->handler->on_limit(session, limit);
}

/* One more; the session ends when they are too many. */
static void count(struct h2_session *session, enum h2_limit limit)
{
    if (rate_exceeded(&session->rates[limit], session->settings.limits[limit], session->now_ms))
        h2_exceeded(session, limit);
}

static void count_continuation(struct h2_session *session)
{
    uint32_t most = session->settings.limits[H2_LIMIT_CONTINUATIONS];
    if (++session->continuations > most && most > 0)
        h2_exceeded(session, H2_LIMIT_CONTINUATIONS);
}

/* ---- frames that do nothing ---- */

/* A head for a stream that is over: decoded, and dropped. */
static bool comes_too_late(const struct h2_session *session, const struct h2_frame_head *frame)
{
    int32_t last = nghttp2_session_get_last_proc_stream_id(session->ng);
    return session->server && frame->stream > 0 && frame->stream <= last &&
           nghttp2_session_get_stream_user_data(session->ng, frame->stream) == NULL;
}

/* One that opens a window for what was sent: what else it is good for, few need. */
static bool is_owed(struct h2_session *session)
{
    if (session->updates_owed == 0)
        return false;
    session->updates_owed--;
    return true;
}

static bool does_nothing(struct h2_session *session, const struct h2_frame_head *frame)
{
    switch (frame->type) {
    case NGHTTP2_DATA:
        return frame->length == 0 && !(frame->flags & NGHTTP2_FLAG_END_STREAM);
    case NGHTTP2_HEADERS:
        session->late = comes_too_late(session, frame);
        return session->late;
    case NGHTTP2_CONTINUATION:
        return session->late;
    case NGHTTP2_WINDOW_UPDATE:
        return !is_owed(session);
    default: /* PRIORITY_UPDATE, and what we do not know */
        return frame->type == NGHTTP2_PRIORITY || frame->type > NGHTTP2_CONTINUATION;
    }
}

void h2_owe_updates(struct h2_session *session, size_t count)
{
    session->updates_owed += count;
    if (session->updates_owed > UPDATES_OWED_MAX)
        session->updates_owed = UPDATES_OWED_MAX;
}

void h2_owe_updates_for(struct h2_session *session, size_t sent, bool all)
{
    h2_owe_updates(session, sent / UPDATE_BYTES + (all ? UPDATES_OF_FRAME : 0));
}

/* A head costs the more the longer it is, decoded though it is for nobody. */
static void count_useless(struct h2_session *session, const struct h2_frame_head *frame)
{
    bool is_head = frame->type == NGHTTP2_HEADERS || frame->type == NGHTTP2_CONTINUATION;
    uint32_t times = 1 + (is_head ? frame->length / LATE_HEAD_BYTES : 0);
    for (; times > 0 && !session->ended; times--)
        count(session, H2_LIMIT_EMPTY_FRAMES);
}

/* ---- frames ---- */

static void count_frame(struct h2_session *session, const struct h2_frame_head *frame)
{
    bool ack = frame->flags & NGHTTP2_FLAG_ACK;
    if (frame->type == NGHTTP2_CONTINUATION)
        count_continuation(session);
    else
        session->continuations = 0;
    if (frame->type == NGHTTP2_SETTINGS && !ack)
        count(session, H2_LIMIT_SETTINGS);
    else if (frame->type == NGHTTP2_PING && !ack)
        count(session, H2_LIMIT_PINGS);
    else if (does_nothing(session, frame))
        count_useless(session, frame);
}

static void read_head(struct h2_session *session)
{
    const uint8_t *head = session->head;
    struct h2_frame_head frame = {
        .length = (uint32_t)head[0] << 16 | (uint32_t)head[1] << 8 | head[2],
        .type = head[3],
        .flags = head[4],
        .stream = (int32_t)((uint32_t)(head[5] & 0x7f) << 24 | (uint32_t)head[6] << 16 |
                            (uint32_t)head[7] << 8 | head[8]),
    };
    session->head_len = 0;
    session->passing = frame.length;
    count_frame(session, &frame);
}

void h2_count_frames(struct h2_session *session, struct span bytes)
{
    while (bytes.len > 0 && !session->ended) {
        bool in_head = session->passing == 0;
        size_t rest = in_head ? sizeof(session->head) - session->head_len : session->passing;
        size_t take = rest < bytes.len ? rest : bytes.len;
        if (in_head) {
            memcpy(session->head + session->head_len, bytes.ptr, take);
            session->head_len += take;
        } else {
            session->passing -= take;
        }
        bytes = span_skip(bytes, take);
        if (session->head_len == sizeof(session->head))
            read_head(session);
    }
}

void h2_count_reset(struct h2_session *session, uint32_t error_code, bool ours)
{
    if (ours && (error_code == H2_NO_ERROR || error_code == H2_CANCEL ||
                 error_code == H2_INTERNAL_ERROR))
        return;
    count(session, H2_LIMIT_RESETS);
}
