/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The lists between the threads are under a mutex, which neither holds while it
 * waits for anything. curl_multi_wakeup ends the thread's wait, an eventfd the
 * owner's.
 */
#include "core/control/fetch.h"

#include "core/base/clock.h"
#include "core/control/fetch_name.h"

#include <assert.h>
#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define WAIT_MS 60000
static_assert(sizeof(((struct fetch_job *)NULL)->error) >= CURL_ERROR_SIZE,
              "libcurl writes the error itself");

struct fetch {
    pthread_t thread;
    bool started;
    CURLM *multi;
    int event;
    size_t running;        /* the thread's */
    struct list under_way; /* the thread's */
    pthread_mutex_t lock;
    struct list wanted, done;
    bool stopping;
};

/* ---- on the thread ---- */

static int64_t now_ms(void)
{
    return clock_monotonic_ns() / NS_PER_MS;
}

static size_t on_bytes(char *bytes, size_t size, size_t count, void *argument)
{
    struct fetch_job *job = argument;
    enum err error = buf_append(&job->response, span_make(bytes, size * count));
    return error == ERR_OK ? size * count : 0; /* curl fails the transfer */
}

/* Not a 100 Continue. */
static bool is_final(const struct fetch_job *job)
{
    long status = 0;
    (void)curl_easy_getinfo(job->easy, CURLINFO_RESPONSE_CODE, &status);
    return status >= 200;
}

static size_t on_head(char *bytes, size_t size, size_t count, void *argument)
{
    struct fetch_job *job = argument;
    struct span line = span_make(bytes, size * count), name, value;
    while (line.len > 0 && (line.ptr[line.len - 1] == '\r' || line.ptr[line.len - 1] == '\n'))
        line.len--;
    value = span_split(line, ':', &name);
    if (job->on_field != NULL && value.ptr != NULL)
        job->on_field(job, name, span_trim(value));
    if (line.len == 0)
        job->head_seen = is_final(job);
    return size * count;
}

static bool set_method(CURL *easy, struct fetch_job *job)
{
    struct span body = buf_span(&job->request);
    if (job->method == FETCH_HEAD)
        return curl_easy_setopt(easy, CURLOPT_NOBODY, 1L) == CURLE_OK;
    if (job->method == FETCH_GET)
        return true;
    return curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body.ptr != NULL ? body.ptr : "") ==
               CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)body.len) == CURLE_OK;
}

static bool set_authorities(CURL *easy, const struct fetch_job *job)
{
    struct curl_blob blob = {(void *)job->authorities.ptr, job->authorities.len, CURL_BLOB_NOCOPY};
    return blob.len == 0 || (curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &blob) == CURLE_OK &&
                             curl_easy_setopt(easy, CURLOPT_CAPATH, NULL) == CURLE_OK);
}

static enum err set_url(CURL *easy, struct fetch_job *job)
{
    if (job->server_name != NULL)
        return fetch_name_apply(easy, job);
    return curl_easy_setopt(easy, CURLOPT_URL, job->url) == CURLE_OK ? ERR_OK : ERR_NOMEM;
}

/* False: libcurl has no memory. */
static bool set_options(CURL *easy, struct fetch_job *job)
{
    long timeout_ms = job->timeout_ms > 0 ? (long)job->timeout_ms : FETCH_TIMEOUT_MS;
    return curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_USERAGENT, "Weir/" WEIR_VERSION) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HTTPHEADER, job->headers) == CURLE_OK &&
           set_method(easy, job) && set_authorities(easy, job) &&
           curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_head) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADERDATA, job) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_bytes) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEDATA, job) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, job->error) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PRIVATE, job) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, (long)FETCH_CONNECT_S) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout_ms) == CURLE_OK;
}

static void finish(struct fetch *fetch, struct fetch_job *job)
{
    pthread_mutex_lock(&fetch->lock);
    list_push_back(&fetch->done, &job->link);
    pthread_mutex_unlock(&fetch->lock);
    (void)eventfd_write(fetch->event, 1);
}

static enum err set_up(CURL *easy, struct fetch_job *job)
{
    char type[128];
    snprintf(type, sizeof(type), "Content-Type: %s",
             job->content_type != NULL ? job->content_type : "");
    if (easy == NULL || (job->headers = curl_slist_append(NULL, type)) == NULL)
        return ERR_NOMEM;
    TRY(set_url(easy, job));
    return set_options(easy, job) ? ERR_OK : ERR_NOMEM;
}

/* Curl wants the lists alive as long as the transfer. */
static void release(struct fetch_job *job)
{
    curl_easy_cleanup(job->easy);
    curl_slist_free_all(job->headers);
    curl_slist_free_all(job->connect_to);
    job->easy = job->headers = job->connect_to = NULL;
}

static void begin(struct fetch *fetch, struct fetch_job *job)
{
    job->status = 0;
    job->error[0] = '\0';
    job->head_seen = false;
    job->headers = job->connect_to = NULL;
    job->easy = curl_easy_init();
    enum err error = set_up(job->easy, job);
    if (error == ERR_OK && curl_multi_add_handle(fetch->multi, job->easy) == CURLM_OK) {
        job->begun_ms = now_ms();
        list_push_back(&fetch->under_way, &job->link);
        fetch->running++;
        return;
    }
    snprintf(job->error, sizeof(job->error), "libcurl cannot begin: %s",
             error == ERR_INVALID ? "the URL or the server's name is none" : "out of memory");
    release(job);
    finish(fetch, job);
}

static struct fetch_job *next_job(struct fetch *fetch, bool *stopping)
{
    pthread_mutex_lock(&fetch->lock);
    *stopping = fetch->stopping;
    struct list *node = *stopping || fetch->running >= FETCH_AT_ONCE
                            ? NULL
                            : list_pop_front(&fetch->wanted);
    pthread_mutex_unlock(&fetch->lock);
    return node != NULL ? container_of(node, struct fetch_job, link) : NULL;
}

/* The transfer is over. */
static void end(struct fetch *fetch, struct fetch_job *job)
{
    curl_multi_remove_handle(fetch->multi, job->easy);
    release(job);
    list_remove(&job->link);
    fetch->running--;
    finish(fetch, job);
}

static void conclude(struct fetch_job *job, CURLcode result)
{
    long status = 0;
    curl_easy_getinfo(job->easy, CURLINFO_RESPONSE_CODE, &status);
    if (result != CURLE_OK && job->error[0] == '\0')
        snprintf(job->error, sizeof(job->error), "%s", curl_easy_strerror(result));
    if (result != CURLE_OK)
        return;
    job->error[0] = '\0'; /* curl may have noted what it overcame */
    if (status != 200 && !job->any_status)
        snprintf(job->error, sizeof(job->error), "status %ld", status);
    else
        job->status = (int)status;
}

static void end_done(struct fetch *fetch)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(fetch->multi, &left)) != NULL) {
        struct fetch_job *job = NULL;
        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&job);
        conclude(job, message->data.result);
        end(fetch, job);
    }
}

/* By when the response's head has to be there; INT64_MAX: it is, or the request has not been
 * sent yet. */
static int64_t head_deadline_ms(const struct fetch_job *job)
{
    curl_off_t sent_us = 0;
    if (job->head_timeout_ms == 0 || job->head_seen ||
        curl_easy_getinfo(job->easy, CURLINFO_PRETRANSFER_TIME_T, &sent_us) != CURLE_OK ||
        sent_us == 0)
        return INT64_MAX;
    return job->begun_ms + sent_us / 1000 + job->head_timeout_ms;
}

/* Ends those that are late; returns how long to wait for the next. */
static int end_late(struct fetch *fetch)
{
    int64_t now = now_ms(), wait_ms = WAIT_MS;
    struct list *next;
    for (struct list *node = fetch->under_way.next; node != &fetch->under_way; node = next) {
        struct fetch_job *job = container_of(node, struct fetch_job, link);
        int64_t deadline = head_deadline_ms(job);
        next = node->next;
        if (deadline <= now) {
            snprintf(job->error, sizeof(job->error), "no response within %g seconds",
                     (double)job->head_timeout_ms / MS_PER_S);
            end(fetch, job);
        } else if (deadline - now < wait_ms) {
            wait_ms = deadline - now;
        }
    }
    return (int)wait_ms;
}

static void *thread_main(void *argument)
{
    struct fetch *fetch = argument;
    bool stopping = false;
    pthread_setname_np(pthread_self(), "weir-fetch");
    while (!stopping) {
        struct fetch_job *job;
        int running;
        while ((job = next_job(fetch, &stopping)) != NULL)
            begin(fetch, job);
        curl_multi_perform(fetch->multi, &running);
        end_done(fetch);
        int wait_ms = end_late(fetch);
        if (!stopping)
            curl_multi_poll(fetch->multi, NULL, 0, wait_ms, NULL);
    }
    return NULL;
}

/* ---- on the owner's thread ---- */

static enum err start_thread(struct fetch *fetch, struct err_text *why)
{
    fetch->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (fetch->event < 0)
        return err_set(why, ERR_SYSTEM, "eventfd: %s", strerror(errno));
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK ||
        (fetch->multi = curl_multi_init()) == NULL)
        return err_set(why, ERR_NOMEM, "libcurl cannot be started");
    int error = pthread_create(&fetch->thread, NULL, thread_main, fetch);
    if (error != 0)
        return err_set(why, err_from_errno(error), "no thread for HTTP: %s", strerror(error));
    fetch->started = true;
    return ERR_OK;
}

enum err fetch_create(struct fetch **out, struct err_text *why)
{
    struct fetch *fetch = calloc(1, sizeof(*fetch));
    if (fetch == NULL)
        return err_set(why, ERR_NOMEM, "out of memory");
    pthread_mutex_init(&fetch->lock, NULL);
    list_init(&fetch->wanted);
    list_init(&fetch->done);
    list_init(&fetch->under_way);
    enum err error = start_thread(fetch, why);
    if (error != ERR_OK) {
        fetch_destroy(fetch);
        return error;
    }
    *out = fetch;
    return ERR_OK;
}

/* The thread has ended. */
static void abandon_transfers(struct fetch *fetch)
{
    list_for_each(node, &fetch->under_way) {
        struct fetch_job *job = container_of(node, struct fetch_job, link);
        curl_multi_remove_handle(fetch->multi, job->easy);
        release(job);
    }
}

void fetch_destroy(struct fetch *fetch)
{
    if (fetch == NULL)
        return;
    if (fetch->started) {
        pthread_mutex_lock(&fetch->lock);
        fetch->stopping = true;
        pthread_mutex_unlock(&fetch->lock);
        curl_multi_wakeup(fetch->multi);
        pthread_join(fetch->thread, NULL);
        abandon_transfers(fetch);
    }
    if (fetch->multi != NULL)
        curl_multi_cleanup(fetch->multi);
    if (fetch->event >= 0)
        close(fetch->event);
    pthread_mutex_destroy(&fetch->lock);
    free(fetch);
}

void fetch_start(struct fetch *fetch, struct fetch_job *job)
{
    pthread_mutex_lock(&fetch->lock);
    list_push_back(&fetch->wanted, &job->link);
    pthread_mutex_unlock(&fetch->lock);
    curl_multi_wakeup(fetch->multi);
}

int fetch_fd(const struct fetch *fetch)
{
    return fetch->event;
}

void fetch_take(struct fetch *fetch, struct list *done)
{
    eventfd_t ignored;
    (void)eventfd_read(fetch->event, &ignored);
    pthread_mutex_lock(&fetch->lock);
    struct list *node;
    while ((node = list_pop_front(&fetch->done)) != NULL)
        list_push_back(done, node);
    pthread_mutex_unlock(&fetch->lock);
}
