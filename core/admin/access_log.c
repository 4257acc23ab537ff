/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The thread sleeps on an eventfd, with a time limit: lines appear within a
 * moment without costing the workers a system call each; a worker wakes it only
 * when its queue is half full. One writev takes what one queue holds, whole
 * lines always.
 */
#include "core/admin/access_log.h"

#include "core/admin/access_format.h"
#include "core/admin/access_ring.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/metric.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define BUSY_WAIT_MS 50   /* between looks while there is traffic */
#define QUIET_WAIT_MS 250 /* after a while without */
#define QUIET_AFTER 20    /* looks */
#define END_PATIENCE_S 3  /* for the last lines to be taken */

struct status_range {
    uint16_t first, last;
};

struct access_queue {
    struct access_ring ring;
    char line[ACCESS_LOG_LINE];
    uint64_t others; /* requests of the other workers, as of counted_ms */
    int64_t counted_ms;
};

struct access_log {
    const struct model_access_log *settings;
    struct access_format format;
    struct status_range *ranges;
    size_t range_count;
    bool filtered;
    struct access_queue *queues; /* one per worker */
    size_t queue_count;
    pthread_t thread;
    bool started;
    int fd; /* the thread's once it runs */
    int wake_fd;
    _Atomic bool stop, reopen;
    _Atomic int32_t utc_offset_s; /* told by the thread, now and then */
    bool failing;                 /* of the thread: said so already */
};

/* ---- the file ---- */

static enum err open_file(struct span path, int *out, struct err_text *why)
{
    if (path.len == 0) {
        *out = STDOUT_FILENO;
        return ERR_OK;
    }
    char name[4096];
    if (path.len >= sizeof(name))
        return err_set(why, ERR_INVALID, "accessLog.filePath is too long");
    memcpy(name, path.ptr, path.len);
    name[path.len] = '\0';
    /* Directories in front are made, as Traefik does. */
    for (char *slash = strchr(name + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(name, 0755) != 0 && errno != EEXIST)
            break; /* open says what is wrong */
        *slash = '/';
    }
    memcpy(name, path.ptr, path.len);
    int fd = open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (fd < 0)
        return err_set(why, err_from_errno(errno), "cannot open the access log %s: %s", name,
                       strerror(errno));
    *out = fd;
    return ERR_OK;
}

static void close_file(struct access_log *log)
{
    if (log->fd >= 0 && log->fd != STDOUT_FILENO)
        close(log->fd);
    log->fd = -1;
}

static void reopen_file(struct access_log *log)
{
    int fd;
    struct err_text why = {0};
    if (open_file(log->settings->file_path, &fd, &why) != ERR_OK) {
        log_error("the access log stays where it is", "error", why.text);
        return;
    }
    close_file(log);
    log->fd = fd;
}

static void report_failure(struct access_log *log)
{
    if (!log->failing)
        log_error("cannot write the access log; lines are lost", "error", strerror(errno));
    log->failing = true;
}

/* A full pipe or terminal is waited for, but not for ever. */
static bool wait_writable(int fd)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};
    return poll(&poll_fd, 1, 1000) > 0;
}

static void write_all(struct access_log *log, const struct span pieces[2])
{
    struct iovec vectors[2] = {{(char *)pieces[0].ptr, pieces[0].len},
                               {(char *)pieces[1].ptr, pieces[1].len}};
    struct iovec *at = vectors;
    while (at < vectors + 2) {
        ssize_t n = writev(log->fd, at, (int)(vectors + 2 - at));
        if (n < 0 && (errno == EINTR || (errno == EAGAIN && wait_writable(log->fd))))
            continue;
        if (n < 0) {
            report_failure(log);
            return;
        }
        log->failing = false;
        for (; at < vectors + 2 && (size_t)n >= at->iov_len; at++)
            n -= (ssize_t)at->iov_len;
        if (at < vectors + 2) {
            at->iov_base = (char *)at->iov_base + n;
            at->iov_len -= (size_t)n;
        }
    }
}

/* ---- the thread ---- */

static bool drain(struct access_log *log)
{
    bool any = false;
    for (size_t i = 0; i < log->queue_count; i++) {
        struct span pieces[2];
        size_t len = access_ring_peek(&log->queues[i].ring, pieces);
        if (len == 0)
            continue;
        any = true;
        write_all(log, pieces);
        access_ring_drop(&log->queues[i].ring, len);
    }
    return any;
}

static void note_utc_offset(struct access_log *log)
{
    time_t now = time(NULL);
    struct tm local;
    if (localtime_r(&now, &local) != NULL)
        atomic_store_explicit(&log->utc_offset_s, (int32_t)local.tm_gmtoff,
                              memory_order_relaxed);
}

static void wait_for_work(struct access_log *log, unsigned quiet)
{
    struct pollfd poll_fd = {.fd = log->wake_fd, .events = POLLIN};
    uint64_t count;
    if (poll(&poll_fd, 1, quiet < QUIET_AFTER ? BUSY_WAIT_MS : QUIET_WAIT_MS) > 0 &&
        read(log->wake_fd, &count, sizeof(count)) < 0)
        return; /* somebody else's wake-up; we look anyway */
}

static void *run(void *argument)
{
    struct access_log *log = argument;
    unsigned quiet = 0;
    pthread_setname_np(pthread_self(), "weir-accesslog");
    for (;;) {
        bool stop = atomic_load_explicit(&log->stop, memory_order_acquire);
        if (atomic_exchange_explicit(&log->reopen, false, memory_order_acquire)) {
            drain(log);
            reopen_file(log);
        }
        note_utc_offset(log);
        quiet = drain(log) ? 0 : quiet + 1;
        if (stop)
            return NULL;
        wait_for_work(log, quiet);
    }
}

static void wake(struct access_log *log)
{
    uint64_t one = 1;
    if (write(log->wake_fd, &one, sizeof(one)) < 0)
        return; /* the counter is full: it is awake anyway */
}

static enum err start_thread(struct access_log *log, struct err_text *why)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old);
    int failure = pthread_create(&log->thread, NULL, run, log);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (failure != 0)
        return err_set(why, ERR_SYSTEM, "cannot start the access log's thread: %s",
                       strerror(failure));
    log->started = true;
    return ERR_OK;
}

/* ---- filters ---- */

static enum err parse_range(struct span text, struct status_range *out)
{
    struct span first, last = span_split(text, '-', &first);
    uint64_t from, to;
    if (!span_to_u64(span_trim(first), &from))
        return ERR_INVALID;
    to = from;
    if (last.ptr != NULL && !span_to_u64(span_trim(last), &to))
        return ERR_INVALID;
    if (from < 100 || to > 999 || from > to)
        return ERR_INVALID;
    *out = (struct status_range){(uint16_t)from, (uint16_t)to};
    return ERR_OK;
}

static enum err parse_filters(struct access_log *log, struct err_text *why)
{
    const struct model_access_log *settings = log->settings;
    const struct span_list *codes = &settings->status_codes;
    log->ranges = calloc(codes->count + 1, sizeof(*log->ranges));
    if (log->ranges == NULL)
        return err_set(why, ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < codes->count; i++) {
        if (parse_range(codes->items[i], &log->ranges[i]) != ERR_OK)
            return err_set(why, ERR_INVALID,
                           "accessLog.filters.statusCodes: \"%.*s\" should be a status or a "
                           "range such as 400-499",
                           SPAN_ARG(span_first(codes->items[i], 64)));
        log->range_count++;
    }
    log->filtered = log->range_count > 0 || settings->filter_retry_attempts ||
                    settings->filter_min_duration > 0;
    return ERR_OK;
}

/* One fitting filter is enough, as in Traefik. */
static bool is_kept(const struct access_log *log, const struct access_record *record)
{
    const struct model_access_log *settings = log->settings;
    uint16_t status = access_status(record->exchange);
    if (!log->filtered)
        return true;
    for (size_t i = 0; i < log->range_count; i++)
        if (status >= log->ranges[i].first && status <= log->ranges[i].last)
            return true;
    if (settings->filter_retry_attempts && record->exchange->attempts > 1)
        return true;
    return settings->filter_min_duration > 0 &&
           record->duration_ns > settings->filter_min_duration;
}

/* ---- recording ---- */

/* The sum over the workers; the others' are read once per turn at most. */
static uint64_t count_requests(struct access_queue *queue, const struct worker *worker,
                               const struct control *control)
{
    if (control != NULL && queue->counted_ms != worker->now_ms) {
        size_t count;
        struct worker *const *workers = control_workers(control, &count);
        queue->counted_ms = worker->now_ms;
        queue->others = 0;
        for (size_t i = 0; i < count; i++)
            if (workers[i] != worker)
                queue->others += metric_read(&workers[i]->metrics.requests);
    }
    return queue->others + metric_read(&worker->metrics.requests);
}

void access_log_record(struct access_log *log, struct worker *worker,
                       const struct control *control, const struct access_record *record)
{
    struct access_queue *queue = &log->queues[worker->index];
    const struct route *route = record->exchange->route;
    if ((route != NULL && !route->model->access_logs) || !is_kept(log, record))
        return;
    struct access_facts facts = {
        .request_count = count_requests(queue, worker, control),
        .utc_offset_s = atomic_load_explicit(&log->utc_offset_s, memory_order_relaxed),
    };
    struct buf line;
    size_t filled = 0;
    buf_init_fixed(&line, queue->line, sizeof(queue->line));
    if (access_format_line(&log->format, record, &facts, &line) != ERR_OK ||
        !access_ring_put(&queue->ring, buf_span(&line), &filled)) {
        metric_add(&worker->metrics.access_log_dropped, 1);
        return;
    }
    size_t half = ACCESS_LOG_QUEUE / 2;
    if (filled >= half && filled - buf_len(&line) < half)
        wake(log);
}

void access_log_reopen(struct access_log *log)
{
    atomic_store_explicit(&log->reopen, true, memory_order_release);
    wake(log);
}

/* ---- life ---- */

static enum err make_queues(struct access_log *log, size_t count, struct err_text *why)
{
    log->queues = aligned_alloc(64, count * sizeof(*log->queues));
    if (log->queues == NULL)
        return err_set(why, ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < count; i++) {
        log->queues[i] = (struct access_queue){.counted_ms = -1};
        log->queue_count++;
        if (access_ring_init(&log->queues[i].ring, ACCESS_LOG_QUEUE) != ERR_OK)
            return err_set(why, ERR_NOMEM, "out of memory");
    }
    return ERR_OK;
}

static enum err set_up(struct access_log *log, size_t worker_count, struct err_text *why)
{
    access_format_init(&log->format, log->settings);
    TRY(parse_filters(log, why));
    TRY(make_queues(log, worker_count, why));
    TRY(open_file(log->settings->file_path, &log->fd, why));
    log->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (log->wake_fd < 0)
        return err_set(why, ERR_SYSTEM, "eventfd: %s", strerror(errno));
    note_utc_offset(log);
    return start_thread(log, why);
}

enum err access_log_create(const struct model_access_log *settings, size_t worker_count,
                           struct access_log **out, struct err_text *why)
{
    struct access_log *log = calloc(1, sizeof(*log));
    if (log == NULL)
        return err_set(why, ERR_NOMEM, "out of memory");
    log->settings = settings;
    log->fd = log->wake_fd = -1;
    enum err error = set_up(log, worker_count, why);
    if (error != ERR_OK) {
        access_log_destroy(log);
        return error;
    }
    *out = log;
    return ERR_OK;
}

/* False: the thread sits in a write that nobody takes, as to the pipe of a
 * collector that has stopped. */
static bool join_thread(struct access_log *log)
{
    struct timespec until;
    atomic_store_explicit(&log->stop, true, memory_order_release);
    wake(log);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += END_PATIENCE_S;
    return pthread_timedjoin_np(log->thread, NULL, &until) == 0;
}

void access_log_destroy(struct access_log *log)
{
    if (log == NULL)
        return;
    if (log->started && !join_thread(log)) {
        log_error("nobody takes what is written to the access log; its last lines are lost");
        return; /* the thread, which ends with the process, still uses all of it */
    }
    for (size_t i = 0; i < log->queue_count; i++)
        access_ring_finish(&log->queues[i].ring);
    close_file(log);
    if (log->wake_fd >= 0)
        close(log->wake_fd);
    free(log->queues);
    free(log->ranges);
    free(log);
}
