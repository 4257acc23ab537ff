/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A lane whose clients have all gone stays among the busy ones until its turn comes.
 */
#include "core/proxy/hello_line.h"

void hello_line_init(struct hello_line *line)
{
    list_init(&line->busy);
    for (int i = 0; i < HELLO_LANES; i++) {
        list_init(&line->lanes[i].link);
        list_init(&line->lanes[i].nodes);
    }
}

void hello_line_push(struct hello_line *line, struct list *node, uint64_t address_hash)
{
    struct hello_lane *lane = &line->lanes[address_hash % HELLO_LANES];
    list_push_back(&lane->nodes, node);
    if (list_empty(&lane->link))
        list_push_back(&line->busy, &lane->link);
}

/* The lane whose turn it is, still among the busy ones. */
static struct hello_lane *next_lane(struct hello_line *line)
{
    while (!list_empty(&line->busy)) {
        struct hello_lane *lane = container_of(line->busy.next, struct hello_lane, link);
        if (!list_empty(&lane->nodes))
            return lane;
        list_remove(&lane->link);
    }
    return NULL;
}

struct list *hello_line_pop(struct hello_line *line)
{
    struct hello_lane *lane = next_lane(line);
    if (lane == NULL)
        return NULL;
    struct list *node = list_pop_front(&lane->nodes);
    list_remove(&lane->link);
    if (!list_empty(&lane->nodes))
        list_push_back(&line->busy, &lane->link);
    return node;
}

bool hello_line_empty(struct hello_line *line)
{
    return next_lane(line) == NULL;
}
