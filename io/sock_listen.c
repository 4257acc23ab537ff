/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Listening sockets, and what to tell the operator when there is none. A host
 * name that is no literal (localhost) is resolved: this happens at start only,
 * on the main or control thread.
 */
#include "io/sock.h"

#include "io/sock_owner.h"

#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- errors ---- */

static enum err explain_in_use(const struct sock_address *address, const char *text,
                               struct err_text *why)
{
    char owner[128];
    uint16_t port = sock_address_port(address);
    if (sock_find_port_owner(port, owner, sizeof(owner)))
        return err_set(why, ERR_EXISTS,
                       "cannot listen on %s: the port is in use by %s; stop it or choose another "
                       "port", text, owner);
    return err_set(why, ERR_EXISTS,
                   "cannot listen on %s: the port is in use; \"ss -ltnp 'sport = :%u'\" as root "
                   "says by whom; stop it or choose another port", text, port);
}

static enum err explain(int error_number, const struct sock_address *address, struct err_text *why)
{
    char text[SOCK_TEXT_SIZE];
    sock_address_format(address, text);
    switch (error_number) {
    case EADDRINUSE:
        return explain_in_use(address, text, why);
    case EACCES:
    case EPERM:
        return err_set(why, ERR_PERMISSION,
                       "cannot listen on %s: ports below 1024 need CAP_NET_BIND_SERVICE (systemd: "
                       "AmbientCapabilities=CAP_NET_BIND_SERVICE; or setcap on the program; or "
                       "sysctl net.ipv4.ip_unprivileged_port_start=%u)",
                       text, sock_address_port(address));
    case EADDRNOTAVAIL:
        return err_set(why, ERR_UNREACHABLE,
                       "cannot listen on %s: this machine does not have the address (see \"ip "
                       "address\"; net.ipv4.ip_nonlocal_bind=1 allows it nevertheless)", text);
    case EAFNOSUPPORT:
        return err_set(why, ERR_UNSUPPORTED,
                       "cannot listen on %s: the kernel has IPv6 switched off; write an IPv4 "
                       "address", text);
    case EMFILE:
        return err_set(why, ERR_LIMIT,
                       "cannot listen on %s: out of descriptors; raise RLIMIT_NOFILE (\"ulimit "
                       "-n\", systemd: LimitNOFILE=)", text);
    default:
        return err_set(why, err_from_errno(error_number), "cannot listen on %s: %s", text,
                       strerror(error_number));
    }
}

/* ---- the socket ---- */

static int set_option(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof(value)) == 0 ? 0 : errno;
}

static int set_options(int fd, const struct sock_address *address,
                       const struct sock_listen_options *options)
{
    int error = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (error == 0 && options->reuse_port)
        error = set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (error == 0 && address->any.sa_family == AF_INET6)
        error = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, options->v6_only);
    if (error == 0)
        error = set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    return error;
}

/* 0, or an errno value. */
static int open_listener(const struct sock_address *address,
                         const struct sock_listen_options *options, int *fd)
{
    int made = socket(address->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (made < 0)
        return errno;
    int error = set_options(made, address, options);
    sock_set_keepalive(made, SOCK_KEEPALIVE_S); /* accepted sockets inherit it */
    if (error == 0 && bind(made, &address->any, address->len) != 0)
        error = errno;
    if (error == 0 && listen(made, options->backlog > 0 ? options->backlog : SOMAXCONN) != 0)
        error = errno;
    if (error != 0) {
        close(made);
        return error;
    }
    *fd = made;
    return 0;
}

static enum err listen_on(const struct sock_address *address,
                          const struct sock_listen_options *options, int *fd, struct err_text *why)
{
    int error = open_listener(address, options, fd);
    return error == 0 ? ERR_OK : explain(error, address, why);
}

static enum err listen_on_any(uint16_t port, const struct sock_listen_options *options, int *fd,
                              struct err_text *why)
{
    struct sock_address address;
    enum err parsed = sock_address_parse(SPAN("::"), port, &address);
    assert(parsed == ERR_OK);
    int error = open_listener(&address, options, fd);
    bool no_v6 = error == EAFNOSUPPORT || error == EADDRNOTAVAIL;
    if (error == 0)
        return ERR_OK;
    if (!no_v6 || options->v6_only)
        return explain(error, &address, why);
    parsed = sock_address_parse(SPAN("0.0.0.0"), port, &address);
    assert(parsed == ERR_OK);
    return listen_on(&address, options, fd, why);
}

/* ---- names ---- */

static enum err resolve(struct span host, uint16_t port, bool v6_only, struct sock_address *out,
                        struct err_text *why)
{
    char name[256];
    struct addrinfo hints = {.ai_family = v6_only ? AF_INET6 : AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int error = EAI_NONAME;
    if (host.len < sizeof(name)) {
        memcpy(name, host.ptr, host.len);
        name[host.len] = '\0';
        error = getaddrinfo(name, NULL, &hints, &found);
    }
    if (error != 0)
        return err_set(why, ERR_NOTFOUND,
                       "cannot listen on \"%.*s\": no such host (%s); write an address of this "
                       "machine, or leave it empty for all", (int)(host.len < 200 ? host.len : 200),
                       host.ptr, gai_strerror(error));
    const struct addrinfo *best = found;
    for (const struct addrinfo *one = found; one != NULL; one = one->ai_next) {
        if (one->ai_family == AF_INET && best->ai_family != AF_INET)
            best = one;
    }
    memset(out, 0, sizeof(*out));
    memcpy(&out->storage, best->ai_addr, best->ai_addrlen);
    out->len = best->ai_addrlen;
    sock_address_set_port(out, port);
    freeaddrinfo(found);
    return ERR_OK;
}

enum err sock_listen(struct span host, uint16_t port, const struct sock_listen_options *options,
                     int *fd, struct err_text *why)
{
    struct sock_address address;
    if (host.len == 0)
        return listen_on_any(port, options, fd, why);
    if (sock_address_parse(host, port, &address) != ERR_OK)
        TRY(resolve(host, port, options->v6_only, &address, why));
    return listen_on(&address, options, fd, why);
}
