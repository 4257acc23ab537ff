/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who looks for room looks at a part of the clients only; those that it has seen go
 * to the end of the list, so that the next look is at others.
 */
#include "core/proxy/client_room.h"

#include "core/proxy/client.h"

#define ROOM_PART 32 /* of the limit: clients ended at once */
#define ROOM_MOST 32
#define SEEN 1024 /* clients, looked at at once */
#define YOUNG_MS 500

/* Its handshake, or its first request, may still be on its way. */
static bool is_young(const struct client *client)
{
    return client->conn.worker->now_ms - client->accepted_ms < YOUNG_MS;
}

static size_t end_arriving(struct worker *worker, size_t room)
{
    size_t ended = 0;
    for (; ended < room && !list_empty(&worker->arriving); ended++) {
        struct client *oldest =
            container_of(worker->arriving.next, struct client, arriving_link);
        if (is_young(oldest))
            break;
        client_arrived(oldest);
        conn_close(&oldest->conn);
    }
    return ended;
}

static void end_idle_client(struct client *client)
{
    client->idle = false;
    if (client->side == CLIENT_HTTP2)
        front_http2_drain(client);
    else
        conn_close_after_flush(&client->conn, false);
}

static size_t end_idle(struct worker *worker, size_t room)
{
    size_t ended = 0, most = worker->client_count < SEEN ? worker->client_count : SEEN;
    for (size_t seen = 0; seen < most && ended < room; seen++) {
        struct list *node = list_pop_front(&worker->clients);
        struct client *client = container_of(node, struct client, link);
        list_push_back(&worker->clients, node);
        if (client->idle && !is_young(client)) {
            end_idle_client(client);
            ended++;
        }
    }
    return ended;
}

void client_make_room(struct worker *worker)
{
    size_t room = worker->client_limit / ROOM_PART + 1;
    if (room > ROOM_MOST)
        room = ROOM_MOST;
    size_t ended =
        list_empty(&worker->arriving) ? end_idle(worker, room) : end_arriving(worker, room);
    metric_add(&worker->metrics.connections_evicted, ended);
}
