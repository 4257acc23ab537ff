/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * At the limit of connections those that do nothing make room for those that come.
 * Worker thread.
 */
#ifndef WEIR_CORE_PROXY_CLIENT_ROOM_H
#define WEIR_CORE_PROXY_CLIENT_ROOM_H

struct worker;

/* Ends some clients: those whose handshake is not over, or if there are none, those
 * between two requests; in both cases those that came first, and none that came just
 * now: so it is to be called again in a while. They are gone, and
 * worker->on_client_closed is called, in one of the next turns. */
void client_make_room(struct worker *worker);

#endif
