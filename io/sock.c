/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Addresses as text, bytes and back, and the options of a connected socket. A
 * v4-mapped IPv6 address is treated as the IPv4 address inside it.
 */
#include "io/sock.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- text ---- */

static bool is_v4(const struct sock_address *address, struct in_addr *out)
{
    if (address->any.sa_family == AF_INET) {
        *out = address->v4.sin_addr;
        return true;
    }
    if (address->any.sa_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&address->v6.sin6_addr))
        return false;
    memcpy(out, &address->v6.sin6_addr.s6_addr[12], sizeof(*out));
    return true;
}

static void format_unix(const struct sock_address *address, char out[SOCK_TEXT_SIZE])
{
    const struct sockaddr_un *local = (const struct sockaddr_un *)&address->storage;
    size_t prefix = offsetof(struct sockaddr_un, sun_path);
    size_t len = address->len > prefix ? address->len - prefix : 0;
    if (len > 0 && local->sun_path[0] == '\0')
        snprintf(out, SOCK_TEXT_SIZE, "unix:@%.*s", (int)len - 1, local->sun_path + 1);
    else
        snprintf(out, SOCK_TEXT_SIZE, "unix:%.*s", (int)len, local->sun_path);
}

static void format_v6(const struct sockaddr_in6 *v6, char out[SOCK_TEXT_SIZE])
{
    inet_ntop(AF_INET6, &v6->sin6_addr, out, SOCK_TEXT_SIZE);
    if (v6->sin6_scope_id == 0)
        return;
    size_t len = strlen(out);
    snprintf(out + len, SOCK_TEXT_SIZE - len, "%%%u", v6->sin6_scope_id);
}

void sock_address_format_host(const struct sock_address *address, char out[SOCK_TEXT_SIZE])
{
    struct in_addr v4;
    if (is_v4(address, &v4))
        inet_ntop(AF_INET, &v4, out, SOCK_TEXT_SIZE);
    else if (address->any.sa_family == AF_INET6)
        format_v6(&address->v6, out);
    else if (address->any.sa_family == AF_UNIX)
        format_unix(address, out);
    else
        snprintf(out, SOCK_TEXT_SIZE, "unknown");
}

void sock_address_format(const struct sock_address *address, char out[SOCK_TEXT_SIZE])
{
    char host[SOCK_TEXT_SIZE];
    struct in_addr v4;
    sock_address_format_host(address, host);
    bool v6 = address->any.sa_family == AF_INET6;
    if (v6 && !is_v4(address, &v4))
        snprintf(out, SOCK_TEXT_SIZE, "[%.55s]:%u", host, sock_address_port(address));
    else if (v6 || address->any.sa_family == AF_INET)
        snprintf(out, SOCK_TEXT_SIZE, "%.57s:%u", host, sock_address_port(address));
    else
        memcpy(out, host, SOCK_TEXT_SIZE);
}

/* ---- parts ---- */

uint16_t sock_address_port(const struct sock_address *address)
{
    if (address->any.sa_family == AF_INET)
        return ntohs(address->v4.sin_port);
    if (address->any.sa_family == AF_INET6)
        return ntohs(address->v6.sin6_port);
    return 0;
}

void sock_address_set_port(struct sock_address *address, uint16_t port)
{
    if (address->any.sa_family == AF_INET)
        address->v4.sin_port = htons(port);
    else if (address->any.sa_family == AF_INET6)
        address->v6.sin6_port = htons(port);
}

void sock_address_bytes(const struct sock_address *address, uint8_t out[16])
{
    memset(out, 0, 16);
    if (address->any.sa_family == AF_INET) {
        out[10] = out[11] = 0xff;
        memcpy(out + 12, &address->v4.sin_addr, 4);
    } else if (address->any.sa_family == AF_INET6) {
        memcpy(out, &address->v6.sin6_addr, 16);
    }
}

static bool is_inet(const struct sock_address *address)
{
    return address->any.sa_family == AF_INET || address->any.sa_family == AF_INET6;
}

static uint32_t scope_of(const struct sock_address *address)
{
    return address->any.sa_family == AF_INET6 ? address->v6.sin6_scope_id : 0;
}

bool sock_address_equal(const struct sock_address *a, const struct sock_address *b)
{
    if (!is_inet(a) || !is_inet(b))
        return a->any.sa_family == b->any.sa_family && a->len == b->len &&
               memcmp(&a->storage, &b->storage, a->len) == 0;
    uint8_t left[16], right[16];
    sock_address_bytes(a, left);
    sock_address_bytes(b, right);
    return memcmp(left, right, sizeof(left)) == 0 && scope_of(a) == scope_of(b) &&
           sock_address_port(a) == sock_address_port(b);
}

/* ---- parsing ---- */

static bool parse_scope(struct span zone, uint32_t *out)
{
    char name[IF_NAMESIZE];
    uint64_t number;
    if (span_to_u64(zone, &number)) {
        *out = (uint32_t)number;
        return number > 0 && number <= UINT32_MAX;
    }
    if (zone.len == 0 || zone.len >= sizeof(name))
        return false;
    memcpy(name, zone.ptr, zone.len);
    name[zone.len] = '\0';
    *out = if_nametoindex(name);
    return *out != 0;
}

static enum err parse_v6(struct span host, uint16_t port, struct sock_address *out)
{
    struct sock_address made;
    char text[INET6_ADDRSTRLEN];
    struct span literal;
    memset(&made, 0, sizeof(made));
    struct span zone = span_split(host, '%', &literal);
    if (literal.len == 0 || literal.len >= sizeof(text))
        return ERR_SYNTAX;
    memcpy(text, literal.ptr, literal.len);
    text[literal.len] = '\0';
    made.v6.sin6_family = AF_INET6;
    made.v6.sin6_port = htons(port);
    made.len = sizeof(made.v6);
    if (inet_pton(AF_INET6, text, &made.v6.sin6_addr) != 1)
        return ERR_SYNTAX;
    if (zone.ptr != NULL && !parse_scope(zone, &made.v6.sin6_scope_id))
        return ERR_SYNTAX;
    *out = made;
    return ERR_OK;
}

enum err sock_address_parse(struct span host, uint16_t port, struct sock_address *out)
{
    bool brackets = host.len >= 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';
    if (brackets)
        return parse_v6(span_first(span_skip(host, 1), host.len - 2), port, out);
    if (memchr(host.len ? host.ptr : "", '\0', host.len) != NULL)
        return ERR_SYNTAX;
    if (span_find(host, ':', 0) >= 0)
        return parse_v6(host, port, out);
    struct sock_address made;
    char text[INET_ADDRSTRLEN];
    memset(&made, 0, sizeof(made));
    if (host.len == 0 || host.len >= sizeof(text))
        return ERR_SYNTAX;
    memcpy(text, host.ptr, host.len);
    text[host.len] = '\0';
    made.v4.sin_family = AF_INET;
    made.v4.sin_port = htons(port);
    made.len = sizeof(made.v4);
    if (inet_pton(AF_INET, text, &made.v4.sin_addr) != 1)
        return ERR_SYNTAX;
    *out = made;
    return ERR_OK;
}

enum err sock_split_host_port(struct span text, struct span *host, uint16_t *port)
{
    ptrdiff_t colon = span_find_last(text, ':');
    uint64_t number;
    if (colon < 0)
        return ERR_SYNTAX;
    struct span name = span_first(text, (size_t)colon);
    if (name.len > 0 && name.ptr[0] == '[') {
        if (name.len < 3 || name.ptr[name.len - 1] != ']')
            return ERR_SYNTAX;
        name = span_first(span_skip(name, 1), name.len - 2);
    } else if (span_find(name, ':', 0) >= 0) {
        return ERR_SYNTAX;
    }
    if (span_find(name, '[', 0) >= 0 || span_find(name, ']', 0) >= 0)
        return ERR_SYNTAX;
    if (!span_to_u64(span_skip(text, (size_t)colon + 1), &number) || number > UINT16_MAX)
        return ERR_SYNTAX;
    *host = name;
    *port = (uint16_t)number;
    return ERR_OK;
}

/* ---- sockets ---- */

enum err sock_stream(const struct sock_address *address, int *fd)
{
    int made = socket(address->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (made < 0)
        return err_from_errno(errno);
    int on = 1;
    if (is_inet(address))
        sock_set_keepalive(made, SOCK_KEEPALIVE_S);
    if (is_inet(address) && setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0) {
        enum err error = err_from_errno(errno);
        close(made);
        return error;
    }
    *fd = made;
    return ERR_OK;
}

enum err sock_local(int fd, struct sock_address *out)
{
    struct sock_address made;
    memset(&made, 0, sizeof(made));
    made.len = sizeof(made.storage);
    if (getsockname(fd, &made.any, &made.len) != 0)
        return err_from_errno(errno);
    *out = made;
    return ERR_OK;
}

int sock_accept(int listen_fd, struct sock_address *peer)
{
    memset(peer, 0, sizeof(*peer));
    peer->len = sizeof(peer->storage);
    /* Past the C library: the ring closes it, which ThreadSanitizer does not see, and would
     * take what another thread opens under the same number for this one. */
    int fd = (int)syscall(SYS_accept4, listen_fd, &peer->any, &peer->len,
                          SOCK_NONBLOCK | SOCK_CLOEXEC);
    return fd >= 0 ? fd : -errno;
}

void sock_set_keepalive(int fd, int idle_s)
{
    int on = 1, probes = 3;
    int interval = idle_s >= 3 ? idle_s / 3 : 1;
    if (setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)) != 0)
        return;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
}

void sock_set_abort_on_close(int fd)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

size_t sock_unsent(int fd)
{
    int bytes = 0;
    return ioctl(fd, SIOCOUTQ, &bytes) == 0 && bytes > 0 ? (size_t)bytes : 0;
}

void sock_set_unsent_max(int fd, size_t bytes)
{
    int value = bytes < INT_MAX ? (int)bytes : INT_MAX;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &value, sizeof(value));
}
