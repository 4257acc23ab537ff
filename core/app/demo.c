/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One poll loop over the listening socket, an eventfd that ends it, and the
 * connections. Nothing here is fast; it shall be small and correct.
 */
#include "core/app/demo.h"

#include "core/app/demo_answer.h"
#include "core/base/log.h"
#include "io/sock.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define DEMO_CONNECTIONS 1024
#define DEMO_READ_BYTES 16384
#define SLOT_STOP 0
#define SLOT_LISTEN 1
#define SLOTS_FIXED 2

struct demo {
    pthread_t thread;
    uint16_t port;
    int stop; /* eventfd; the slots belong to the thread */
    size_t count; /* connections */
    struct pollfd slots[SLOTS_FIXED + DEMO_CONNECTIONS];
    struct demo_answer *answers[DEMO_CONNECTIONS]; /* of the slots behind the fixed ones */
};

/* ---- connections ---- */

static void add_connection(struct demo *demo, int fd)
{
    struct demo_answer *answer =
        demo->count < DEMO_CONNECTIONS ? malloc(sizeof(*answer)) : NULL;
    if (answer == NULL) {
        close(fd);
        return;
    }
    demo_answer_init(answer);
    demo->answers[demo->count] = answer;
    demo->slots[SLOTS_FIXED + demo->count] = (struct pollfd){.fd = fd, .events = POLLIN};
    demo->count++;
}

/* The last one takes its place. */
static void drop_connection(struct demo *demo, size_t i)
{
    close(demo->slots[SLOTS_FIXED + i].fd);
    demo_answer_finish(demo->answers[i]);
    free(demo->answers[i]);
    demo->count--;
    demo->slots[SLOTS_FIXED + i] = demo->slots[SLOTS_FIXED + demo->count];
    demo->answers[i] = demo->answers[demo->count];
}

static bool receive(struct demo_answer *answer, int fd)
{
    char *where;
    if (buf_reserve(&answer->input, DEMO_READ_BYTES, &where) != ERR_OK)
        return false;
    ssize_t n = recv(fd, where, DEMO_READ_BYTES, MSG_DONTWAIT);
    if (n <= 0)
        return n < 0 && (errno == EAGAIN || errno == EINTR);
    buf_commit(&answer->input, (size_t)n);
    return demo_answer_advance(answer) == ERR_OK;
}

static bool flush(struct demo_answer *answer, struct pollfd *slot)
{
    struct span rest = buf_span(&answer->output);
    if (rest.len > 0) {
        ssize_t n = send(slot->fd, rest.ptr, rest.len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return false;
        if (n > 0)
            buf_consume(&answer->output, (size_t)n);
    }
    bool unsent = buf_len(&answer->output) > 0;
    slot->events = unsent ? POLLOUT : POLLIN;
    return unsent || !answer->close;
}

static bool serve(struct demo *demo, size_t i)
{
    struct pollfd *slot = &demo->slots[SLOTS_FIXED + i];
    struct demo_answer *answer = demo->answers[i];
    if (slot->revents == 0)
        return true;
    if ((slot->events & POLLIN) && !receive(answer, slot->fd))
        return false;
    return flush(answer, slot);
}

/* ---- the thread ---- */

static void accept_all(struct demo *demo)
{
    for (;;) {
        int fd = accept4(demo->slots[SLOT_LISTEN].fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return;
        add_connection(demo, fd);
    }
}

static void *run(void *argument)
{
    struct demo *demo = argument;
    while (demo->slots[SLOT_STOP].revents == 0) {
        if (poll(demo->slots, SLOTS_FIXED + demo->count, -1) < 0)
            continue;
        for (size_t i = demo->count; i-- > 0;) {
            if (!serve(demo, i))
                drop_connection(demo, i);
        }
        if (demo->slots[SLOT_LISTEN].revents != 0)
            accept_all(demo);
    }
    while (demo->count > 0)
        drop_connection(demo, demo->count - 1);
    return NULL;
}

/* ---- life ---- */

static void destroy(struct demo *demo)
{
    for (size_t i = 0; i < SLOTS_FIXED; i++) {
        if (demo->slots[i].fd >= 0)
            close(demo->slots[i].fd);
    }
    free(demo);
}

static enum err start(struct demo *demo, struct err_text *why)
{
    struct sock_listen_options options = {.reuse_port = false};
    struct sock_address address;
    int fd;
    TRY(sock_listen(SPAN("127.0.0.1"), 0, &options, &fd, why));
    demo->slots[SLOT_LISTEN] = (struct pollfd){.fd = fd, .events = POLLIN};
    enum err error = sock_local(fd, &address);
    if (error != ERR_OK)
        return err_set(why, error, "getsockname: %s", err_message(error));
    demo->port = sock_address_port(&address);
    fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (fd < 0)
        return err_set(why, err_from_errno(errno), "eventfd: %s", strerror(errno));
    demo->stop = fd;
    demo->slots[SLOT_STOP] = (struct pollfd){.fd = fd, .events = POLLIN};
    int failed = pthread_create(&demo->thread, NULL, run, demo);
    if (failed != 0)
        return err_set(why, err_from_errno(failed), "no thread: %s", strerror(failed));
    return ERR_OK;
}

enum err demo_start(struct demo **out, struct err_text *why)
{
    struct demo *demo = calloc(1, sizeof(*demo));
    if (demo == NULL)
        return err_set(why, ERR_NOMEM, "out of memory");
    demo->slots[SLOT_STOP].fd = demo->slots[SLOT_LISTEN].fd = -1;
    enum err error = start(demo, why);
    if (error != ERR_OK) {
        err_prefix(why, "the demonstration backend");
        destroy(demo);
        return error;
    }
    *out = demo;
    return ERR_OK;
}

void demo_stop(struct demo *demo)
{
    if (demo == NULL)
        return;
    if (eventfd_write(demo->stop, 1) == 0)
        pthread_join(demo->thread, NULL);
    destroy(demo);
}

uint16_t demo_port(const struct demo *demo)
{
    return demo->port;
}
