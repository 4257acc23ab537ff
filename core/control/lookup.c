/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The threads are detached and share one counted struct with the owner: the
 * last one out frees it. So the end of the process never waits for a name
 * server; a thread that is caught in getaddrinfo finds `stopping` afterwards.
 */
#include "core/control/lookup.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define GOODBYE_MS 200 /* for threads that are idle or nearly done */

struct lookup {
    pthread_mutex_t lock;
    pthread_cond_t wanted, left;
    struct list questions, answers;
    size_t threads, idle;
    bool stopping, abandoned; /* abandoned: the owner has gone */
    int event;
};

static void destroy_list(struct list *list)
{
    struct list *node;
    while ((node = list_pop_front(list)) != NULL)
        free(container_of(node, struct lookup_answer, link));
}

static void destroy(struct lookup *lookup)
{
    destroy_list(&lookup->questions);
    destroy_list(&lookup->answers);
    pthread_cond_destroy(&lookup->wanted);
    pthread_cond_destroy(&lookup->left);
    pthread_mutex_destroy(&lookup->lock);
    if (lookup->event >= 0)
        close(lookup->event);
    free(lookup);
}

/* ---- on the threads ---- */

static void copy_addresses(const struct addrinfo *found, struct server_addresses *out)
{
    for (; found != NULL && out->count < SERVER_ADDRESSES_MAX; found = found->ai_next) {
        if (found->ai_family != AF_INET && found->ai_family != AF_INET6)
            continue;
        memcpy(&out->items[out->count], found->ai_addr, found->ai_addrlen);
        out->lengths[out->count++] = found->ai_addrlen;
    }
}

static void resolve(struct lookup_answer *answer)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int error = getaddrinfo(answer->host, NULL, &hints, &found);
    if (error == 0) {
        copy_addresses(found, &answer->addresses);
        freeaddrinfo(found);
    }
    if (error != 0)
        answer->error = gai_strerror(error);
    else if (answer->addresses.count == 0)
        answer->error = "the name has no IP address";
}

/* Waits for a question; NULL: the end. Called and returns with the lock. */
static struct lookup_answer *next_question(struct lookup *lookup)
{
    lookup->idle++;
    while (list_empty(&lookup->questions) && !lookup->stopping)
        pthread_cond_wait(&lookup->wanted, &lookup->lock);
    lookup->idle--;
    if (lookup->stopping)
        return NULL;
    return container_of(list_pop_front(&lookup->questions), struct lookup_answer, link);
}

static void *thread_main(void *argument)
{
    struct lookup *lookup = argument;
    struct lookup_answer *answer;
    pthread_mutex_lock(&lookup->lock);
    while ((answer = next_question(lookup)) != NULL) {
        pthread_mutex_unlock(&lookup->lock);
        resolve(answer);
        pthread_mutex_lock(&lookup->lock);
        list_push_back(&lookup->answers, &answer->link);
        (void)eventfd_write(lookup->event, 1);
    }
    lookup->threads--;
    pthread_cond_signal(&lookup->left);
    bool last = lookup->threads == 0 && lookup->abandoned;
    pthread_mutex_unlock(&lookup->lock);
    if (last)
        destroy(lookup);
    return NULL;
}

/* ---- on the owner's thread ---- */

enum err lookup_create(struct lookup **out, struct err_text *why)
{
    struct lookup *lookup = calloc(1, sizeof(*lookup));
    if (lookup == NULL)
        return err_set(why, ERR_NOMEM, "out of memory");
    pthread_mutex_init(&lookup->lock, NULL);
    pthread_cond_init(&lookup->wanted, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&lookup->left, &monotonic);
    pthread_condattr_destroy(&monotonic);
    list_init(&lookup->questions);
    list_init(&lookup->answers);
    lookup->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (lookup->event < 0) {
        int saved = errno;
        destroy(lookup);
        return err_set(why, err_from_errno(saved), "eventfd: %s", strerror(saved));
    }
    *out = lookup;
    return ERR_OK;
}

void lookup_destroy(struct lookup *lookup)
{
    if (lookup == NULL)
        return;
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += GOODBYE_MS * 1000 * 1000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&lookup->lock);
    lookup->stopping = true;
    pthread_cond_broadcast(&lookup->wanted);
    while (lookup->threads > 0 &&
           pthread_cond_timedwait(&lookup->left, &lookup->lock, &until) == 0)
        continue;
    lookup->abandoned = lookup->threads > 0;
    bool mine = !lookup->abandoned;
    pthread_mutex_unlock(&lookup->lock);
    if (mine)
        destroy(lookup);
}

static bool start_thread(struct lookup *lookup)
{
    pthread_t thread;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    lookup->threads++;
    int error = pthread_create(&thread, &attributes, thread_main, lookup);
    if (error != 0)
        lookup->threads--;
    pthread_attr_destroy(&attributes);
    return error == 0;
}

enum err lookup_ask(struct lookup *lookup, struct span host)
{
    if (host.len == 0 || host.len > LIMIT_HOST_NAME)
        return ERR_LIMIT;
    struct lookup_answer *question = calloc(1, sizeof(*question));
    if (question == NULL)
        return ERR_NOMEM;
    memcpy(question->host, host.ptr, host.len);
    pthread_mutex_lock(&lookup->lock);
    if (lookup->idle == 0 && lookup->threads < LOOKUP_THREADS)
        (void)start_thread(lookup);
    bool somebody = lookup->threads > 0;
    if (somebody) {
        list_push_back(&lookup->questions, &question->link);
        pthread_cond_signal(&lookup->wanted);
    }
    pthread_mutex_unlock(&lookup->lock);
    if (!somebody)
        free(question);
    return somebody ? ERR_OK : ERR_SYSTEM;
}

int lookup_fd(const struct lookup *lookup)
{
    return lookup->event;
}

void lookup_take(struct lookup *lookup, struct list *answers)
{
    eventfd_t ignored;
    (void)eventfd_read(lookup->event, &ignored);
    pthread_mutex_lock(&lookup->lock);
    struct list *node;
    while ((node = list_pop_front(&lookup->answers)) != NULL)
        list_push_back(answers, node);
    pthread_mutex_unlock(&lookup->lock);
}
