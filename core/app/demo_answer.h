/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One connection of the demonstration backend without I/O: bytes in, bytes out.
 * One thread.
 */
#ifndef WEIR_CORE_APP_DEMO_ANSWER_H
#define WEIR_CORE_APP_DEMO_ANSWER_H

#include "core/base/buf.h"
#include "core/http/h1.h"

#define DEMO_HEAD_BYTES (64 << 10)

struct demo_answer {
    struct buf input, output; /* the caller fills the one and sends the other */
    bool close;               /* when output is sent */
    /* Private. */
    struct arena arena; /* of the request */
    struct http_request request;
    struct h1_body body;
    uint64_t body_bytes;
    size_t scanned;
    bool in_body;
};

void demo_answer_init(struct demo_answer *answer);
void demo_answer_finish(struct demo_answer *answer);
/* Takes whole requests off input and appends their answers to output. An error
 * means that the connection is to be closed. */
MUST_USE enum err demo_answer_advance(struct demo_answer *answer);

#endif
