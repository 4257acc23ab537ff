/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The parts of harness.h. A child has the deadline as an alarm, so that it ends
 * whatever happens; it leaves by _exit, past the reports of the sanitizers.
 */
#include "harness.h"

#include "core/base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void on_probe(struct op *op, int32_t result, uint32_t flags)
{
    struct probe *probe = container_of(op, struct probe, op);
    probe->calls++;
    probe->result = result;
    probe->flags = flags;
    if (result > 0)
        probe->total += result;
}

void probe_init(struct probe *probe)
{
    memset(probe, 0, sizeof(*probe));
    op_init(&probe->op, on_probe);
}

int64_t harness_now_ms(void)
{
    return clock_monotonic_ns() / NS_PER_MS;
}

struct ring *harness_ring(unsigned entries)
{
    struct err_text why = {{0}};
    struct ring *ring = malloc(sizeof(*ring));
    assert_non_null(ring);
    if (ring_init(ring, entries, &why) != ERR_OK) {
        free(ring);
        fail_msg("%s", why.text);
    }
    return ring;
}

void harness_ring_free(struct ring *ring)
{
    ring_finish(ring);
    free(ring);
}

void harness_recv(struct ring *ring, struct op *op, int fd, void *data, size_t len)
{
    struct io_uring_sqe *entry = io_uring_get_sqe(&ring->uring);
    assert_non_null(entry);
    io_uring_prep_recv(entry, fd, data, len, 0);
    entry->user_data = (uint64_t)(uintptr_t)op;
    op->pending++;
}

int harness_listen(struct sock_address *address)
{
    struct sock_listen_options options = {.backlog = 1024};
    struct err_text why = {{0}};
    int fd = -1;
    assert_ok(sock_listen(SPAN("127.0.0.1"), 0, &options, &fd, &why));
    assert_ok(sock_local(fd, address));
    return fd;
}

int harness_connect(const struct sock_address *address)
{
    int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, &address->any, address->len), 0);
    return fd;
}

void harness_tcp_pair(int ends[2])
{
    struct sock_address address;
    int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_ok(sock_address_parse(SPAN("127.0.0.1"), 0, &address));
    assert_int_equal(bind(listening, &address.any, address.len), 0);
    assert_int_equal(listen(listening, 1), 0);
    assert_ok(sock_local(listening, &address));
    assert_ok(sock_stream(&address, &ends[0]));
    assert_int_equal(connect(ends[0], &address.any, address.len), -1);
    assert_int_equal(errno, EINPROGRESS);
    ends[1] = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    assert_true(ends[1] >= 0);
    close(listening);
}

void harness_unix_pair(int ends[2])
{
    int type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
    assert_int_equal(socketpair(AF_UNIX, type, 0, ends), 0);
}

/* Repeats after 2^32 bytes only, so that swapped blocks are seen. */
char harness_pattern(size_t i)
{
    uint32_t word = (uint32_t)(i / 4) * 2654435761u;
    return (char)(word >> (i % 4 * 8));
}

void harness_fill_pattern(char *data, size_t len, size_t from)
{
    for (size_t i = 0; i < len; i++)
        data[i] = harness_pattern(from + i);
}

void harness_check_pattern(const char *data, size_t len, size_t from)
{
    for (size_t i = 0; i < len; i++) {
        if (data[i] != harness_pattern(from + i))
            fail_msg("byte %zu differs", from + i);
    }
}

int harness_in_child(int (*body)(char text[512]), char text[512])
{
    int back[2], status;
    assert_int_equal(pipe(back), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        char said[512] = {0};
        alarm(HARNESS_DEADLINE_MS / 1000);
        int result = body(said);
        if (write(back[1], said, sizeof(said)) != (ssize_t)sizeof(said))
            _exit(101);
        _exit(result);
    }
    close(back[1]);
    memset(text, 0, 512);
    ssize_t len = read(back[0], text, 511);
    close(back[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_true(len > 0);
    return WEXITSTATUS(status);
}
