/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whether a client of that address is served: weir.limits.connectionsPerAddress.
 * To be asked once the client's address is the one that is believed. Worker thread.
 */
#ifndef WEIR_CORE_PROXY_CLIENT_ADMIT_H
#define WEIR_CORE_PROXY_CLIENT_ADMIT_H

#include <stdbool.h>

struct client;

/* Counts it. False: one too many; it is being closed, after a 429 where the entry
 * point serves nothing but plain HTTP. */
bool client_admit(struct client *client);

#endif
