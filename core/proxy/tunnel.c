/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Both directions begin by copying, so that nothing that was read before is
 * lost. Where splicing is allowed, or a stream has begun towards TLS that the
 * kernel takes, a direction then gives its receive up and, once the bytes that
 * had come are flushed, hands over to a pump. An end of one side becomes a FIN
 * for the other; when both have ended, or one failed, the tunnel gives the
 * connections back to their handlers and closes them.
 */
#include "core/proxy/tunnel.h"

#include "core/proxy/pump.h"

#include <stdlib.h>

struct direction {
    struct tunnel *tunnel;
    struct conn *from, *to;
    struct pump *pump;
    uint64_t bytes;
    bool asked;    /* whether TLS towards `to` can be spliced into */
    bool released; /* from's receive is given up for splicing */
    bool ended;
};

struct tunnel {
    struct worker *worker;
    struct direction to_b, to_a;
    const struct conn_handler *a_handler, *b_handler;
    struct tunnel_settings settings;
    struct timer idle;
    tunnel_on_end *on_end;
    void *owner;
};

static struct direction *direction_from(struct conn *conn)
{
    struct tunnel *tunnel = conn->tunnel;
    return tunnel->to_b.from == conn ? &tunnel->to_b : &tunnel->to_a;
}

static struct direction *direction_to(struct conn *conn)
{
    struct tunnel *tunnel = conn->tunnel;
    return tunnel->to_b.to == conn ? &tunnel->to_b : &tunnel->to_a;
}

static void end_tunnel(struct tunnel *tunnel, enum err error)
{
    struct conn *a = tunnel->to_b.from, *b = tunnel->to_b.to;
    if (tunnel->to_b.pump != NULL)
        pump_stop(tunnel->to_b.pump);
    if (tunnel->to_a.pump != NULL)
        pump_stop(tunnel->to_a.pump);
    timer_cancel(&tunnel->worker->wheel, &tunnel->idle);
    a->handler = tunnel->a_handler;
    b->handler = tunnel->b_handler;
    a->tunnel = b->tunnel = NULL;
    a->release_done = b->release_done = NULL;
    uint64_t to_b = tunnel->to_b.bytes, to_a = tunnel->to_a.bytes;
    tunnel_on_end *on_end = tunnel->on_end;
    void *owner = tunnel->owner;
    free(tunnel);
    on_end(owner, to_b, to_a, error);
    if (error == ERR_RESET) {
        conn_abort(a);
        conn_abort(b);
    } else {
        conn_close_after_flush(a, false);
        conn_close_after_flush(b, false);
    }
}

/* Silence: since the last byte either way, or since one side has ended. */
static void touch(struct tunnel *tunnel)
{
    const struct tunnel_settings *settings = &tunnel->settings;
    bool half_closed = tunnel->to_a.ended || tunnel->to_b.ended;
    int64_t limit = settings->idle_timeout_ms;
    if (half_closed && settings->termination_delay_ms > 0)
        limit = settings->termination_delay_ms;
    if (limit > 0)
        timer_set(&tunnel->worker->wheel, &tunnel->idle, tunnel->worker->now_ms + limit);
}

static void on_idle(struct timer *timer)
{
    end_tunnel(container_of(timer, struct tunnel, idle), ERR_TIMEOUT);
}

static void direction_ended(struct direction *direction)
{
    struct tunnel *tunnel = direction->tunnel;
    if (direction->ended)
        return;
    direction->ended = true;
    if (tunnel->to_a.ended && tunnel->to_b.ended) {
        end_tunnel(tunnel, ERR_OK);
        return;
    }
    conn_end_output(direction->to);
    touch(tunnel);
}

/* ---- splicing ---- */

static void pump_on_progress(void *owner, size_t bytes)
{
    struct direction *direction = owner;
    direction->bytes += bytes;
    direction->to->bytes_out += bytes;
    touch(direction->tunnel);
}

static void pump_on_end(void *owner, enum err error)
{
    struct direction *direction = owner;
    if (error != ERR_OK) {
        end_tunnel(direction->tunnel, error);
        return;
    }
    pump_stop(direction->pump);
    direction->pump = NULL;
    direction_ended(direction);
}

static const struct pump_events pump_events = {pump_on_progress, pump_on_end};

static void start_pump(struct direction *direction)
{
    if (!direction->released || direction->ended || direction->pump != NULL ||
        !conn_is_flushed(direction->to))
        return;
    if (conn_open_to_splice(direction->to) != ERR_OK) {
        direction->released = false;
        conn_retake_receive(direction->from);
        return;
    }
    direction->pump = pump_start(direction->tunnel->worker, direction->from->fd,
                                 direction->to->fd, PUMP_ALL, &pump_events, direction);
    if (direction->pump == NULL)
        end_tunnel(direction->tunnel, ERR_NOMEM);
}

static void on_released(struct conn *conn)
{
    struct direction *direction = direction_from(conn);
    direction->released = true;
    start_pump(direction);
}

/* ---- copying ---- */

/* Towards TLS that the kernel could seal, once so much has gone that it is a stream. */
static void consider_splicing(struct direction *direction)
{
    uint64_t least = (uint64_t)direction->tunnel->worker->settings->weir.ktls_min_bytes;
    if (direction->asked || direction->bytes < least || direction->from->tls != NULL ||
        direction->to->tls == NULL)
        return;
    direction->asked = true;
    if (conn_takes_splice(direction->to))
        conn_release_receive(direction->from, on_released);
}

static bool is_sifted(const struct direction *direction)
{
    const struct tunnel *tunnel = direction->tunnel;
    return tunnel->settings.sift != NULL && direction == &tunnel->to_b;
}

/* Whether *data is to go on now. */
static bool sift(struct direction *direction, struct span *data)
{
    struct tunnel_settings *settings = &direction->tunnel->settings;
    enum err error = settings->sift(direction->from, data);
    if (error == ERR_OK) {
        settings->sift = NULL;
        if (settings->may_splice)
            conn_release_receive(direction->from, on_released);
    } else if (error != ERR_AGAIN) {
        end_tunnel(direction->tunnel, error);
    }
    return error == ERR_OK;
}

static void on_data(struct conn *conn, struct span data)
{
    struct direction *direction = direction_from(conn);
    if (direction->to->output_ended)
        return;
    if (is_sifted(direction) && !sift(direction, &data))
        return;
    direction->bytes += data.len;
    enum err error = conn_write(direction->to, data);
    if (error != ERR_OK) {
        end_tunnel(direction->tunnel, error);
        return;
    }
    touch(direction->tunnel);
    if (conn_is_congested(direction->to))
        conn_pause(conn);
    consider_splicing(direction);
}

static void on_end(struct conn *conn)
{
    struct direction *direction = direction_from(conn);
    struct span nothing = SPAN_EMPTY;
    if (!is_sifted(direction) || sift(direction, &nothing))
        direction_ended(direction);
}

static void on_drained(struct conn *conn)
{
    struct direction *direction = direction_to(conn);
    if (!direction->released)
        conn_resume(direction->from);
}

static void on_flushed(struct conn *conn)
{
    start_pump(direction_to(conn));
}

static void on_failed(struct conn *conn, enum err error, const struct err_text *why)
{
    (void)why;
    end_tunnel(conn->tunnel, error);
}

static const struct conn_handler tunnel_handler = {
    .on_data = on_data,
    .on_end = on_end,
    .on_drained = on_drained,
    .on_flushed = on_flushed,
    .on_failed = on_failed,
};

static void join(struct tunnel *tunnel, struct direction *direction, struct conn *from,
                 struct conn *to)
{
    direction->tunnel = tunnel;
    direction->from = from;
    direction->to = to;
    from->tunnel = tunnel;
    from->handler = &tunnel_handler;
    conn_set_timeout(from, 0);
}

static void set_going(struct tunnel *tunnel, struct direction *direction)
{
    struct conn *from = direction->from;
    if (from->end_delivered) { /* it had ended before the tunnel existed */
        direction->ended = true;
        conn_end_output(direction->to);
    } else if (tunnel->settings.may_splice && !is_sifted(direction)) {
        conn_release_receive(from, on_released);
    } else {
        conn_start(from);
        conn_resume(from);
    }
}

enum err tunnel_start(struct conn *a, struct conn *b, struct span first_to_b,
                      struct span first_to_a, const struct tunnel_settings *settings,
                      tunnel_on_end *on_end_of_tunnel, void *owner)
{
    struct tunnel *tunnel = calloc(1, sizeof(*tunnel));
    if (tunnel == NULL)
        return ERR_NOMEM;
    tunnel->worker = a->worker;
    tunnel->settings = *settings;
    tunnel->on_end = on_end_of_tunnel;
    tunnel->owner = owner;
    timer_init(&tunnel->idle, on_idle);
    enum err error = conn_write(b, first_to_b);
    if (error == ERR_OK)
        error = conn_write(a, first_to_a);
    if (error != ERR_OK) {
        free(tunnel);
        return error;
    }
    tunnel->to_b.bytes = first_to_b.len;
    tunnel->to_a.bytes = first_to_a.len;
    tunnel->a_handler = a->handler;
    tunnel->b_handler = b->handler;
    join(tunnel, &tunnel->to_b, a, b);
    join(tunnel, &tunnel->to_a, b, a);
    set_going(tunnel, &tunnel->to_b);
    set_going(tunnel, &tunnel->to_a);
    touch(tunnel);
    if (tunnel->to_a.ended && tunnel->to_b.ended) /* but not from inside the caller */
        timer_set(&tunnel->worker->wheel, &tunnel->idle, tunnel->worker->now_ms + 1);
    return ERR_OK;
}
