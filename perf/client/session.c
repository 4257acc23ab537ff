/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Blocking sockets with a time limit: wolfSSL does its own I/O on them.
 */
#include "perf/client/session.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEAD_BYTES 4096

static bool failed(struct session *session, const char *what, int code)
{
    snprintf(session->error, sizeof(session->error), "%s: %d", what, code);
    return false;
}

static bool open_socket(struct session *session, const struct target *target, in_addr_t source)
{
    int one = 1;
    struct timeval limit = {.tv_sec = SESSION_TIMEOUT_S};
    session->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (session->fd < 0)
        return failed(session, "socket: errno", errno);
    setsockopt(session->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    setsockopt(session->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(session->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    if (source != 0) {
        struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = source};
        setsockopt(session->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
        if (bind(session->fd, (struct sockaddr *)&from, sizeof(from)) != 0)
            return failed(session, "bind: errno", errno);
    }
    if (connect(session->fd, (const struct sockaddr *)&target->server, sizeof(target->server)) != 0)
        return failed(session, "connect: errno", errno);
    return true;
}

static bool open_tls(struct session *session, const struct target *target, const char *name,
                     WOLFSSL_SESSION *resume)
{
    int groups[] = {target->group};
    session->tls = wolfSSL_new(target->context);
    if (session->tls == NULL)
        return failed(session, "wolfSSL_new", 0);
    if (wolfSSL_UseSNI(session->tls, WOLFSSL_SNI_HOST_NAME, name, (word16)strlen(name)) !=
            WOLFSSL_SUCCESS ||
        wolfSSL_set_groups(session->tls, groups, 1) != WOLFSSL_SUCCESS ||
        wolfSSL_UseKeyShare(session->tls, (word16)target->group) != WOLFSSL_SUCCESS ||
        wolfSSL_set_fd(session->tls, session->fd) != WOLFSSL_SUCCESS)
        return failed(session, "TLS settings", 0);
    if (resume != NULL && wolfSSL_set_session(session->tls, resume) != WOLFSSL_SUCCESS)
        return failed(session, "wolfSSL_set_session", 0);
    int result = wolfSSL_connect(session->tls);
    if (result != WOLFSSL_SUCCESS)
        return failed(session, "handshake", wolfSSL_get_error(session->tls, result));
    return true;
}

bool session_open(struct session *session, const struct target *target, in_addr_t source,
                  const char *name, WOLFSSL_SESSION *resume)
{
    *session = (struct session){.fd = -1};
    if (open_socket(session, target, source) && open_tls(session, target, name, resume))
        return true;
    session_close(session);
    return false;
}

static bool send_request(struct session *session, const struct target *target, bool last)
{
    char request[1024];
    int length = snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: %s\r\n%s\r\n",
                          target->path, target->name, last ? "Connection: close\r\n" : "");
    int sent = wolfSSL_write(session->tls, request, length);
    if (sent != length)
        return failed(session, "write", wolfSSL_get_error(session->tls, sent));
    return true;
}

/* The body's length if the head is a good one, else -1; *head_bytes is where the body begins. */
static long read_length(const char *head, size_t *head_bytes)
{
    const char *end = strstr(head, "\r\n\r\n");
    const char *field = strcasestr(head, "\r\ncontent-length:");
    if (end == NULL || field == NULL || strncmp(head, "HTTP/1.1 200", 12) != 0)
        return -1;
    *head_bytes = (size_t)(end + 4 - head);
    return strtol(field + strlen("\r\ncontent-length:"), NULL, 10);
}

static bool read_head(struct session *session, size_t *body_seen)
{
    char head[HEAD_BYTES];
    size_t length = 0, head_bytes;
    for (;;) {
        int got = wolfSSL_read(session->tls, head + length, (int)(sizeof(head) - 1 - length));
        if (got <= 0)
            return failed(session, "read", wolfSSL_get_error(session->tls, got));
        length += (size_t)got;
        head[length] = '\0';
        if (strstr(head, "\r\n\r\n") != NULL)
            break;
        if (length == sizeof(head) - 1)
            return failed(session, "the answer's head is too long", (int)length);
    }
    if (read_length(head, &head_bytes) < 0) {
        snprintf(session->error, sizeof(session->error), "not a 200 with a length: %.80s", head);
        return false;
    }
    *body_seen = length - head_bytes;
    return true;
}

bool session_ask(struct session *session, const struct target *target, bool last)
{
    char body[16384];
    size_t seen;
    if (!send_request(session, target, last) || !read_head(session, &seen))
        return false;
    while (seen < target->answer_bytes) {
        int got = wolfSSL_read(session->tls, body, sizeof(body));
        if (got <= 0)
            return failed(session, "read of the body", wolfSSL_get_error(session->tls, got));
        seen += (size_t)got;
    }
    if (seen != target->answer_bytes)
        return failed(session, "too long a body", (int)seen);
    return true;
}

void session_close(struct session *session)
{
    wolfSSL_free(session->tls);
    if (session->fd >= 0)
        close(session->fd);
    session->tls = NULL;
    session->fd = -1;
}
