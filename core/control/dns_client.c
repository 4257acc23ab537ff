/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sockets do not block; all waiting is in patience_wait, which ends early when
 * the owner's eventfd says so.
 */
#include "core/control/dns_client.h"

#include "core/base/clock.h"
#include "core/base/limits.h"
#include "tls/random.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

/* ---- waiting ---- */

int64_t patience_now_ms(void)
{
    return clock_monotonic_ns() / NS_PER_MS;
}

struct patience patience_at_most(struct patience patience, int64_t ms)
{
    int64_t until_ms = patience_now_ms() + ms;
    if (until_ms < patience.until_ms)
        patience.until_ms = until_ms;
    return patience;
}

enum err patience_wait(struct patience patience, int fd, short events)
{
    for (;;) {
        struct pollfd fds[2] = {{patience.stop_fd, POLLIN, 0}, {fd, events, 0}};
        int64_t left = patience.until_ms - patience_now_ms();
        int ready = poll(fds, 2, left <= 0 ? 0 : left < INT32_MAX ? (int)left : INT32_MAX);
        if (ready < 0 && errno != EINTR)
            return err_from_errno(errno);
        if (ready > 0 && fds[0].revents != 0)
            return ERR_CANCELED;
        if (ready > 0)
            return ERR_OK;
        if (left <= 0)
            return ERR_TIMEOUT;
    }
}

/* ---- servers ---- */

static void add_address(struct dns_servers *servers, const struct sockaddr *address,
                        socklen_t len, uint16_t port)
{
    if (servers->count == DNS_SERVERS_MAX || len > sizeof(servers->items[0].storage))
        return;
    struct sock_address *one = &servers->items[servers->count++];
    memset(one, 0, sizeof(*one));
    memcpy(&one->storage, address, len);
    one->len = len;
    sock_address_set_port(one, port);
}

void dns_servers_add_ip(struct dns_servers *servers, struct span bytes)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    if (bytes.len == sizeof(v4.sin_addr)) {
        memcpy(&v4.sin_addr, bytes.ptr, bytes.len);
        add_address(servers, (const struct sockaddr *)&v4, sizeof(v4), DNS_PORT);
    } else if (bytes.len == sizeof(v6.sin6_addr)) {
        memcpy(&v6.sin6_addr, bytes.ptr, bytes.len);
        add_address(servers, (const struct sockaddr *)&v6, sizeof(v6), DNS_PORT);
    }
}

static enum err look_up(struct dns_servers *servers, struct span host, uint16_t port,
                        struct err_text *why)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM};
    struct addrinfo *found = NULL;
    char name[LIMIT_HOST_NAME + 1];
    if (host.len == 0 || host.len > LIMIT_HOST_NAME)
        return err_set(why, ERR_SYNTAX, "\"%.*s\" is no name of a server", SPAN_ARG(host));
    snprintf(name, sizeof(name), "%.*s", SPAN_ARG(host));
    int error = getaddrinfo(name, NULL, &hints, &found);
    if (error != 0)
        return err_set(why, ERR_NOTFOUND, "the DNS server %s: %s", name, gai_strerror(error));
    for (struct addrinfo *one = found; one != NULL; one = one->ai_next)
        add_address(servers, one->ai_addr, one->ai_addrlen, port);
    freeaddrinfo(found);
    return ERR_OK;
}

enum err dns_servers_add(struct dns_servers *servers, struct span text, struct err_text *why)
{
    struct sock_address address;
    struct span host = text;
    uint16_t port = DNS_PORT;
    if (sock_address_parse(text, DNS_PORT, &address) == ERR_OK) {
        add_address(servers, &address.any, address.len, DNS_PORT);
        return ERR_OK;
    }
    if (span_find(text, ':', 0) >= 0 && sock_split_host_port(text, &host, &port) != ERR_OK)
        return err_set(why, ERR_SYNTAX,
                       "\"%.*s\" is no address of a DNS server; write host or host:port",
                       SPAN_ARG(text));
    if (sock_address_parse(host, port, &address) == ERR_OK) {
        add_address(servers, &address.any, address.len, port);
        return ERR_OK;
    }
    return look_up(servers, host, port, why);
}

enum err dns_servers_add_system(struct dns_servers *servers, struct err_text *why)
{
    char line[512];
    FILE *file = fopen("/etc/resolv.conf", "re");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        struct span text = span_trim(span_first(span_cstr(line), strcspn(line, "\r\n")));
        struct sock_address address;
        if (span_starts_with(text, SPAN("nameserver ")) ||
            span_starts_with(text, SPAN("nameserver\t"))) {
            text = span_trim(span_skip(text, sizeof("nameserver")));
            if (sock_address_parse(text, DNS_PORT, &address) == ERR_OK)
                add_address(servers, &address.any, address.len, DNS_PORT);
        }
    }
    if (file != NULL)
        fclose(file);
    return servers->count > 0 ? ERR_OK : dns_servers_add(servers, SPAN("127.0.0.1"), why);
}

/* ---- one exchange ---- */

enum err dns_random_id(uint16_t *id)
{
    unsigned char bytes[2];
    if (weir_random_block(bytes, sizeof(bytes)) != 0)
        return ERR_SYSTEM;
    *id = (uint16_t)(bytes[0] << 8 | bytes[1]);
    return ERR_OK;
}

/* Whether it answers what was asked; the question may be left out of an error. */
static bool answers(const struct dns_message *response, const struct dns_message *request)
{
    if (!response->is_response || response->id != request->id ||
        response->opcode != request->opcode)
        return false;
    if (!response->has_question)
        return response->rcode != DNS_NOERROR || request->opcode == DNS_UPDATE;
    return response->question_type == request->question_type &&
           response->question_class == request->question_class &&
           dns_name_equal(&response->question, &request->question);
}

static enum err open_socket(const struct sock_address *server, int type, int *fd)
{
    *fd = socket(server->any.sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (*fd < 0)
        return err_from_errno(errno);
    if (connect(*fd, &server->any, server->len) == 0 || errno == EINPROGRESS)
        return ERR_OK;
    enum err error = err_from_errno(errno);
    close(*fd);
    return error;
}

static enum err receive_udp(int fd, const struct dns_message *request, struct patience patience,
                            struct buf *response, struct dns_message *out)
{
    char *to;
    TRY(buf_reserve(response, DNS_MESSAGE_MAX, &to));
    for (;;) {
        TRY(patience_wait(patience, fd, POLLIN));
        ssize_t size = recv(fd, to, DNS_MESSAGE_MAX, 0);
        if (size < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (size < 0)
            return err_from_errno(errno);
        if (dns_message_read(span_make(to, (size_t)size), out) != ERR_OK || !answers(out, request))
            continue; /* a late or forged one */
        buf_commit(response, (size_t)size);
        return ERR_OK;
    }
}

static enum err ask_udp(const struct sock_address *server, struct span request_bytes,
                        const struct dns_message *request, struct patience patience,
                        struct buf *response, struct dns_message *out)
{
    int fd;
    TRY(open_socket(server, SOCK_DGRAM, &fd));
    enum err error = ERR_OK;
    if (send(fd, request_bytes.ptr, request_bytes.len, MSG_NOSIGNAL) < 0)
        error = err_from_errno(errno);
    if (error == ERR_OK)
        error = receive_udp(fd, request, patience, response, out);
    close(fd);
    return error;
}

static enum err send_all(int fd, struct span bytes, struct patience patience)
{
    while (bytes.len > 0) {
        TRY(patience_wait(patience, fd, POLLOUT));
        ssize_t sent = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN && errno != EINTR)
            return err_from_errno(errno);
        bytes = span_skip(bytes, sent > 0 ? (size_t)sent : 0);
    }
    return ERR_OK;
}

static enum err receive_all(int fd, char *to, size_t size, struct patience patience)
{
    while (size > 0) {
        TRY(patience_wait(patience, fd, POLLIN));
        ssize_t got = recv(fd, to, size, 0);
        if (got == 0)
            return ERR_CLOSED;
        if (got < 0 && errno != EAGAIN && errno != EINTR)
            return err_from_errno(errno);
        to += got > 0 ? got : 0;
        size -= got > 0 ? (size_t)got : 0;
    }
    return ERR_OK;
}

static enum err converse(int fd, struct span request_bytes, const struct dns_message *request,
                         struct patience patience, struct buf *response, struct dns_message *out)
{
    char head[2] = {(char)(request_bytes.len >> 8), (char)request_bytes.len}, *to;
    TRY(send_all(fd, span_make(head, 2), patience));
    TRY(send_all(fd, request_bytes, patience));
    TRY(receive_all(fd, head, 2, patience));
    size_t size = (size_t)(uint8_t)head[0] << 8 | (uint8_t)head[1];
    TRY(buf_reserve(response, size, &to));
    TRY(receive_all(fd, to, size, patience));
    TRY(dns_message_read(span_make(to, size), out));
    if (!answers(out, request))
        return ERR_PROTOCOL;
    buf_commit(response, size);
    return ERR_OK;
}

static enum err ask_tcp(const struct sock_address *server, struct span request_bytes,
                        const struct dns_message *request, struct patience patience,
                        struct buf *response, struct dns_message *out)
{
    int fd;
    TRY(open_socket(server, SOCK_STREAM, &fd));
    enum err error = converse(fd, request_bytes, request, patience, response, out);
    close(fd);
    return error;
}

enum err dns_exchange(const struct sock_address *server, struct buf *message, int64_t timeout_ms,
                      struct patience patience, struct dns_message *out, struct err_text *why)
{
    struct span bytes = buf_span(message);
    struct dns_message request, found;
    struct buf response;
    char where[SOCK_TEXT_SIZE];
    TRY(dns_message_read(bytes, &request));
    buf_init(&response, DNS_MESSAGE_MAX + 2);
    enum err error = ERR_TIMEOUT;
    for (int i = 0; i < DNS_UDP_TRIES && error == ERR_TIMEOUT; i++)
        error = ask_udp(server, bytes, &request, patience_at_most(patience, timeout_ms),
                        &response, &found);
    if (error == ERR_TIMEOUT || (error == ERR_OK && found.truncated)) {
        buf_clear(&response);
        error = ask_tcp(server, bytes, &request, patience_at_most(patience, timeout_ms),
                        &response, &found);
    }
    if (error != ERR_OK) {
        buf_finish(&response);
        sock_address_format(server, where);
        return err_set(why, error, "the DNS server %s: %s", where, err_message(error));
    }
    buf_finish(message);
    *message = response;
    found.bytes = buf_span(message);
    *out = found;
    return ERR_OK;
}

/* ---- questions ---- */

static enum err ask_one(const struct sock_address *server, const struct dns_name *name,
                        enum dns_type type, bool recursive, int64_t timeout_ms,
                        struct patience patience, struct buf *message, struct dns_message *out,
                        struct err_text *why)
{
    uint16_t id;
    char where[SOCK_TEXT_SIZE];
    buf_clear(message);
    TRY(dns_random_id(&id));
    TRY(dns_query_append(message, id, name, type, recursive, true));
    TRY(dns_exchange(server, message, timeout_ms, patience, out, why));
    if (out->rcode == DNS_NOERROR || out->rcode == DNS_NXDOMAIN)
        return ERR_OK;
    sock_address_format(server, where);
    return err_set(why, ERR_REFUSED, "the DNS server %s answers %s", where,
                   dns_rcode_name(out->rcode));
}

enum err dns_ask(const struct dns_servers *servers, const struct dns_name *name,
                 enum dns_type type, bool recursive, int64_t timeout_ms,
                 struct patience patience, struct buf *message, struct dns_message *out,
                 struct err_text *why)
{
    enum err error = err_set(why, ERR_NOTFOUND, "there is no DNS server to ask");
    for (size_t i = 0; i < servers->count && error != ERR_OK && error != ERR_CANCELED; i++)
        error = ask_one(&servers->items[i], name, type, recursive, timeout_ms, patience, message,
                        out, why);
    return error;
}

/* The owner of the answer's SOA record, unless a CNAME led there. */
static bool is_zone(const struct dns_message *response, struct dns_name *zone)
{
    struct dns_cursor cursor;
    struct dns_record record;
    bool found = false;
    dns_cursor_init(&cursor, response);
    while (dns_cursor_next(&cursor, response, &record) && record.section == DNS_ANSWER) {
        if (record.type == DNS_CNAME)
            return false;
        if (record.type == DNS_SOA && !found) {
            *zone = record.name;
            found = true;
        }
    }
    return found;
}

enum err dns_find_zone(const struct dns_servers *servers, const struct dns_name *name,
                       int64_t timeout_ms, struct patience patience, struct dns_name *zone,
                       struct err_text *why)
{
    struct dns_name at = *name, found;
    struct dns_message response;
    struct buf message;
    char text[DNS_NAME_TEXT];
    enum err error = ERR_NOTFOUND;
    dns_name_format(name, text);
    err_set(why, error, "no zone is found that %.300s is in", text);
    buf_init(&message, DNS_MESSAGE_MAX + 2);
    do {
        enum err asked = dns_ask(servers, &at, DNS_SOA, true, timeout_ms, patience, &message,
                                 &response, why);
        if (asked != ERR_OK) {
            error = asked;
            err_prefix(why, "the zone of %.200s", text);
            break;
        }
        if (is_zone(&response, &found)) {
            *zone = found;
            error = ERR_OK;
        }
    } while (error != ERR_OK && dns_name_go_up(&at) && at.len > 1);
    buf_finish(&message);
    return error;
}
