/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who waits for a handshake to begin, in lanes by client address. The lanes take
 * turns, each with one client: a crowd that comes from one address waits for itself,
 * and keeps everybody else for one handshake. Addresses that share a lane, by their
 * hash, wait for each other. Worker thread.
 */
#ifndef WEIR_CORE_PROXY_HELLO_LINE_H
#define WEIR_CORE_PROXY_HELLO_LINE_H

#include "core/base/list.h"

#include <stdbool.h>
#include <stdint.h>

#define HELLO_LANES 256

struct hello_line {
    struct list busy; /* lanes that may have somebody, the next one first */
    struct hello_lane {
        struct list link;
        struct list nodes;
    } lanes[HELLO_LANES];
};

void hello_line_init(struct hello_line *line);
/* A node leaves by list_remove when its client does. */
void hello_line_push(struct hello_line *line, struct list *node, uint64_t address_hash);
/* NULL: nobody waits. */
struct list *hello_line_pop(struct hello_line *line);
bool hello_line_empty(struct hello_line *line);

#endif
