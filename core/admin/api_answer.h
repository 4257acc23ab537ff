/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One request to the API: what it is answered from, its answer, and how the
 * API's parts end one. Control thread.
 */
#ifndef WEIR_CORE_ADMIN_API_ANSWER_H
#define WEIR_CORE_ADMIN_API_ANSWER_H

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/json.h"
#include "core/proxy/snapshot.h"

struct acme;

#define API_ANSWER_MAX (256u << 20) /* bytes */

struct api_source {
    const struct snapshot *snapshot;
    int64_t started_ns; /* wall clock */
    struct worker *const *workers; /* to add up their counters */
    size_t worker_count;
    const struct acme *acme; /* NULL: no resolver */
};

struct api_answer {
    uint16_t status;
    size_t next_page; /* 0: not a list */
    struct buf body;
};

struct api_request {
    const struct api_source *source;
    struct span query;
    struct api_answer *answer;
    struct arena arena; /* dies with the answer */
};

void api_answer_init(struct api_answer *answer);
void api_answer_finish(struct api_answer *answer);

/* {"message":"…"}, as Traefik's API says what is wrong. */
void api_refuse(struct api_answer *answer, uint16_t status, const char *message);
/* "KIND not found: NAME". */
void api_refuse_name(struct api_answer *answer, const char *kind, struct span name);
/* Ends with a line feed, as Go's encoder does. */
void api_complete(struct api_answer *answer, struct json *json);

#endif
