/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Counts of what is cheap for the peer and dear for us, in windows of one second.
 * A stream that we have to reset for the peer's fault counts like one that it
 * resets itself: both let it open more than it may.
 */
#include "core/http/h2_private.h"

#define WINDOW_MS 1000

void h2_exceeded(struct h2_session *session, enum h2_limit limit)
{
    if (session->ended)
        return;
    h2_session_end(session, H2_ENHANCE_YOUR_CALM);
    session->handler->on_limit(session, limit);
}

void h2_count(struct h2_session *session, enum h2_limit limit)
{
    uint32_t most = session->settings.limits[limit];
    if (session->now_ms - session->second_ms >= WINDOW_MS) {
        uint32_t of_this_head = session->counts[H2_LIMIT_CONTINUATIONS];
        memset(session->counts, 0, sizeof(session->counts));
        session->counts[H2_LIMIT_CONTINUATIONS] = of_this_head;
        session->second_ms = session->now_ms;
    }
    if (++session->counts[limit] > most && most > 0)
        h2_exceeded(session, limit);
}

static bool carries_nothing(const nghttp2_frame_hd *header)
{
    switch (header->type) {
    case NGHTTP2_DATA:
        return header->length == 0 && !(header->flags & NGHTTP2_FLAG_END_STREAM);
    case NGHTTP2_HEADERS:
    case NGHTTP2_RST_STREAM:
    case NGHTTP2_SETTINGS:
    case NGHTTP2_PUSH_PROMISE:
    case NGHTTP2_PING:
    case NGHTTP2_GOAWAY:
    case NGHTTP2_WINDOW_UPDATE:
    case NGHTTP2_CONTINUATION:
        return false;
    default:
        return true;
    }
}

void h2_count_frame(struct h2_session *session, const nghttp2_frame_hd *header)
{
    bool ack = header->flags & NGHTTP2_FLAG_ACK;
    if (header->type == NGHTTP2_CONTINUATION)
        h2_count(session, H2_LIMIT_CONTINUATIONS);
    else
        session->counts[H2_LIMIT_CONTINUATIONS] = 0;
    if (header->type == NGHTTP2_SETTINGS && !ack)
        h2_count(session, H2_LIMIT_SETTINGS);
    else if (header->type == NGHTTP2_PING && !ack)
        h2_count(session, H2_LIMIT_PINGS);
    else if (carries_nothing(header))
        h2_count(session, H2_LIMIT_EMPTY_FRAMES);
}

void h2_count_reset(struct h2_session *session, uint32_t error_code, bool ours)
{
    if (ours && (error_code == H2_NO_ERROR || error_code == H2_CANCEL ||
                 error_code == H2_INTERNAL_ERROR))
        return;
    h2_count(session, H2_LIMIT_RESETS);
}
