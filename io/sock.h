/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Socket addresses and options. Any thread.
 */
#ifndef WEIR_IO_SOCK_H
#define WEIR_IO_SOCK_H

#include "core/base/err.h"
#include "core/base/span.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

struct sock_address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_storage storage;
    };
    socklen_t len;
};

/* "203.0.113.9:443", "[2001:db8::1]:443", "[fe80::1%2]:443", "unix:/path" (cut
 * to fit); v4-mapped addresses as v4. */
#define SOCK_TEXT_SIZE 64
void sock_address_format(const struct sock_address *address, char out[SOCK_TEXT_SIZE]);
/* The address without its port. */
void sock_address_format_host(const struct sock_address *address, char out[SOCK_TEXT_SIZE]);
uint16_t sock_address_port(const struct sock_address *address);
void sock_address_set_port(struct sock_address *address, uint16_t port);
/* A literal IPv4 or IPv6 address (with or without brackets, "%eth0" allowed);
 * no resolving. */
MUST_USE enum err sock_address_parse(struct span host, uint16_t port, struct sock_address *out);
/* The 16 bytes, v4 as v4-mapped. */
void sock_address_bytes(const struct sock_address *address, uint8_t out[16]);
bool sock_address_equal(const struct sock_address *a, const struct sock_address *b);

/* Splits "host:port", "[v6]:port", ":port"; the host comes without brackets. An
 * IPv6 address without them and a port that is no number are ERR_SYNTAX. */
MUST_USE enum err sock_split_host_port(struct span text, struct span *host, uint16_t *port);

struct sock_listen_options {
    bool reuse_port;  /* SO_REUSEPORT: every worker has its own */
    bool v6_only;
    int backlog;
};
/* Non-blocking, close-on-exec, TCP_NODELAY and keep-alive inherited by what it accepts.
 * An empty host listens on dual-stack any (or v4 any without IPv6); "::" too
 * is dual-stack unless v6_only. A name (localhost) is resolved and may block.
 * backlog 0: SOMAXCONN. The error says what to do (port in use by …, needs
 * CAP_NET_BIND_SERVICE). */
MUST_USE enum err sock_listen(struct span host, uint16_t port,
                              const struct sock_listen_options *options, int *fd,
                              struct err_text *why);
/* The next connection of the backlog, non-blocking and close-on-exec, and who it comes
 * from: a descriptor or -errno. */
int sock_accept(int listen_fd, struct sock_address *peer);
/* A non-blocking stream socket for the address, with TCP_NODELAY and keep-alive. */
MUST_USE enum err sock_stream(const struct sock_address *address, int *fd);
MUST_USE enum err sock_local(int fd, struct sock_address *out);
/* Probes every idle_s / 3 seconds after idle_s of silence, three times, so that
 * a peer that vanished without a word is noticed. */
void sock_set_keepalive(int fd, int idle_s);
#define SOCK_KEEPALIVE_S 60
/* RST instead of FIN at close. */
void sock_set_abort_on_close(int fd);
/* How much the kernel may keep beyond what the peer's window takes; its own limit is
 * megabytes (tcp_wmem). */
void sock_set_unsent_max(int fd, size_t bytes);
/* Bytes in the send queue that the peer has not acknowledged. */
size_t sock_unsent(int fd);

#endif
