/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Counts of what is cheap for the peer and dear for us.
 * A stream that we have to reset for the peer's fault counts like one that it
 * resets itself: both let it open more than it may.
 */
#include "core/http/h2_private.h"

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

static bool carries_nothing(const nghttp2_frame_hd *header)
{
    bool empty = header->length == 0 && !(header->flags & NGHTTP2_FLAG_END_STREAM);
    return (header->type == NGHTTP2_DATA && empty) || header->type == NGHTTP2_PRIORITY ||
           header->type == NGHTTP2_PRIORITY_UPDATE;
}

void h2_count_frame(struct h2_session *session, const nghttp2_frame_hd *header)
{
    bool ack = header->flags & NGHTTP2_FLAG_ACK;
    if (header->type == NGHTTP2_CONTINUATION)
        count_continuation(session);
    else
        session->continuations = 0;
    if (header->type == NGHTTP2_SETTINGS && !ack)
        count(session, H2_LIMIT_SETTINGS);
    else if (header->type == NGHTTP2_PING && !ack)
        count(session, H2_LIMIT_PINGS);
    else if (carries_nothing(header))
        count(session, H2_LIMIT_EMPTY_FRAMES);
}

void h2_count_reset(struct h2_session *session, uint32_t error_code, bool ours)
{
    if (ours && (error_code == H2_NO_ERROR || error_code == H2_CANCEL ||
                 error_code == H2_INTERNAL_ERROR))
        return;
    count(session, H2_LIMIT_RESETS);
}
