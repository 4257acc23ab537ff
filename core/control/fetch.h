/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Asks an HTTP server and brings what it answers, on a thread of its own
 * (libcurl, several transfers at once), since the control thread may not wait.
 * The owner polls fetch_fd and takes what is done. All functions are for the
 * owner's thread.
 */
#ifndef WEIR_CORE_CONTROL_FETCH_H
#define WEIR_CORE_CONTROL_FETCH_H

#include "core/base/buf.h"
#include "core/base/list.h"

#define FETCH_AT_ONCE 16       /* transfers; the rest waits */
#define FETCH_TIMEOUT_MS 15000 /* of a whole transfer that names none */
#define FETCH_CONNECT_S 5

struct fetch;

enum fetch_method { FETCH_POST, FETCH_GET, FETCH_HEAD };

/* Embedded in the owner's struct, and not touched by it between start and done. */
struct fetch_job {
    struct list link; /* fetch's */
    enum fetch_method method;
    const char *url;
    const char *content_type; /* of a POST */
    struct span authorities;  /* PEM that https servers are verified by; empty: the system's */
    /* The name that https servers are asked for and verified by, in place of the URL's host,
     * which is still the one that is connected to and named in the request. NULL: the host. */
    const char *server_name;
    int64_t timeout_ms;       /* 0: FETCH_TIMEOUT_MS */
    int64_t head_timeout_ms;  /* from the request to the response's head; 0: none */
    bool any_status;          /* else all but 200 is an error */
    int status;               /* 0: no response */
    /* Called on the thread for each field of the response's head; may be NULL. */
    void (*on_field)(struct fetch_job *job, struct span name, struct span value);
    struct buf request, response; /* the response's maximum is the buf's */
    char error[256];              /* "": an answer is in `response` */
    /* The thread's, while it is under way. */
    void *easy, *headers, *connect_to; /* libcurl's */
    int64_t begun_ms;
    bool head_seen;
};

MUST_USE enum err fetch_create(struct fetch **out, struct err_text *why);
/* Waits for the thread, which gives up what it is doing; jobs stay the owner's.
 * NULL is fine. */
void fetch_destroy(struct fetch *fetch);
void fetch_start(struct fetch *fetch, struct fetch_job *job);
int fetch_fd(const struct fetch *fetch);
/* Moves the jobs that are done to the end of `done`. */
void fetch_take(struct fetch *fetch, struct list *done);

#endif
