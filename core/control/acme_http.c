/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The fields that ACME needs are kept as they come.
 */
#include "core/control/acme_http.h"

#include <curl/curl.h>
#include <stdio.h>
#include <time.h>

#define LINKS_MAX (16 << 10)

static void keep(char *to, size_t size, struct span value)
{
    if (value.len < size) {
        memcpy(to, value.ptr, value.len);
        to[value.len] = '\0';
    }
}

/* Seconds, or a date (RFC 9110 §10.2.3). */
static int64_t read_retry_after(struct span value)
{
    uint64_t seconds;
    char text[64] = "";
    if (span_to_u64(value, &seconds))
        return seconds < INT32_MAX ? (int64_t)seconds : INT32_MAX;
    keep(text, sizeof(text), value);
    time_t then = curl_getdate(text, NULL), now = time(NULL);
    return then < 0 ? -1 : then > now ? then - now : 0;
}

/* One a line; what is too much is left out. */
static void keep_link(struct buf *links, struct span value)
{
    char *to;
    if (buf_reserve(links, value.len + 1, &to) != ERR_OK)
        return;
    memcpy(to, value.ptr, value.len);
    to[value.len] = '\n';
    buf_commit(links, value.len + 1);
}

static void on_field(struct fetch_job *job, struct span name, struct span value)
{
    struct acme_http *http = container_of(job, struct acme_http, job);
    if (span_equal_nocase(name, SPAN("Replay-Nonce")))
        keep(http->nonce, sizeof(http->nonce), value);
    else if (span_equal_nocase(name, SPAN("Location")))
        keep(http->location, sizeof(http->location), value);
    else if (span_equal_nocase(name, SPAN("Retry-After")))
        http->retry_after_s = read_retry_after(value);
    else if (span_equal_nocase(name, SPAN("Link")))
        keep_link(&http->links, value);
}

void acme_http_init(struct acme_http *http,
                    void (*done)(struct acme_http *http, const struct acme_response *response))
{
    *http = (struct acme_http){.done = done};
    list_init(&http->job.link);
    buf_init(&http->job.request, ACME_BODY_MAX);
    buf_init(&http->job.response, ACME_BODY_MAX);
    buf_init(&http->links, LINKS_MAX);
    http->job.content_type = "application/jose+json";
    http->job.any_status = true;
    http->job.on_field = on_field;
}

void acme_http_finish(struct acme_http *http)
{
    buf_finish(&http->job.request);
    buf_finish(&http->job.response);
    buf_finish(&http->links);
}

void acme_http_send(struct acme_http *http, struct fetch *fetch,
                    const struct acme_request *request, const struct acme_ca *ca)
{
    static const enum fetch_method methods[] = {
        [ACME_GET] = FETCH_GET, [ACME_HEAD] = FETCH_HEAD, [ACME_POST] = FETCH_POST};
    struct fetch_job *job = &http->job;
    buf_clear(&job->request);
    buf_clear(&job->response);
    buf_clear(&http->links);
    http->nonce[0] = http->location[0] = '\0';
    http->retry_after_s = -1;
    job->method = methods[request->method];
    snprintf(http->url, sizeof(http->url), "%s", request->url);
    job->url = http->url;
    job->authorities = ca->authorities;
    job->server_name = ca->server_name;
    job->timeout_ms = ca->timeout_ms;
    job->head_timeout_ms = ca->head_timeout_ms;
    http->busy = true;
    if (buf_append(&job->request, request->body) != ERR_OK)
        buf_clear(&job->request); /* the CA refuses it */
    fetch_start(fetch, job);
}

void acme_http_take(struct fetch *fetch)
{
    struct list done, *node;
    list_init(&done);
    fetch_take(fetch, &done);
    while ((node = list_pop_front(&done)) != NULL) {
        struct fetch_job *job = container_of(node, struct fetch_job, link);
        struct acme_http *http = container_of(job, struct acme_http, job);
        struct acme_response response = {
            .status = job->status,
            .error = job->error[0] != '\0' ? job->error : NULL,
            .body = buf_span(&job->response),
            .nonce = span_cstr(http->nonce),
            .location = span_cstr(http->location),
            .links = buf_span(&http->links),
            .retry_after_s = http->retry_after_s,
        };
        http->busy = false;
        http->done(http, &response);
    }
}
