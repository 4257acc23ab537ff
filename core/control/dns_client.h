/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Asks DNS servers and waits for what they answer: over UDP, from a port of its
 * own each time, and over TCP where the answer does not fit or none came. Blocks:
 * for helper threads only, never the control thread. An answer must come from the
 * server asked, with the id and the question that were sent; all else is skipped.
 */
#ifndef WEIR_CORE_CONTROL_DNS_CLIENT_H
#define WEIR_CORE_CONTROL_DNS_CLIENT_H

#include "core/control/dns_message.h"
#include "io/sock.h"

#define DNS_SERVERS_MAX 8
#define DNS_UDP_TRIES 2

/* Until when a thread may wait. */
struct patience {
    int64_t until_ms; /* monotonic */
    int stop_fd;      /* readable: wait no more; -1: none */
};
int64_t patience_now_ms(void);
/* No longer than `ms` from now. */
struct patience patience_at_most(struct patience patience, int64_t ms);
/* Waits for poll's events at fd (-1: for nothing but the time). ERR_TIMEOUT, ERR_CANCELED. */
MUST_USE enum err patience_wait(struct patience patience, int fd, short events);

struct dns_servers {
    struct sock_address items[DNS_SERVERS_MAX];
    size_t count;
};

/* "host", "host:port", "[v6]:port": appends its addresses; a name is looked up by the system,
 * which may take as long as it likes. What is more than the room is left out. */
MUST_USE enum err dns_servers_add(struct dns_servers *servers, struct span text,
                                  struct err_text *why);
/* The 4 or 16 bytes of an A or AAAA record, at port 53; left out where there is no room. */
void dns_servers_add_ip(struct dns_servers *servers, struct span bytes);
/* Those of /etc/resolv.conf, or the machine itself where it names none. */
MUST_USE enum err dns_servers_add_system(struct dns_servers *servers, struct err_text *why);

/* Sends the request, which has been written into `message`, and replaces it by the response,
 * which `out` then refers to. `timeout_ms` is of one try. ERR_TIMEOUT, ERR_CANCELED, errors of
 * sockets; the text names the server. */
MUST_USE enum err dns_exchange(const struct sock_address *server, struct buf *message,
                               int64_t timeout_ms, struct patience patience,
                               struct dns_message *out, struct err_text *why);

/* One question to one server after the other until one answers NOERROR or NXDOMAIN. */
MUST_USE enum err dns_ask(const struct dns_servers *servers, const struct dns_name *name,
                          enum dns_type type, bool recursive, int64_t timeout_ms,
                          struct patience patience, struct buf *message, struct dns_message *out,
                          struct err_text *why);

/* The zone that the name is in, found by asking for SOA records from the name upwards. */
MUST_USE enum err dns_find_zone(const struct dns_servers *servers, const struct dns_name *name,
                                int64_t timeout_ms, struct patience patience,
                                struct dns_name *zone, struct err_text *why);

/* A random id for a message. */
MUST_USE enum err dns_random_id(uint16_t *id);

#endif
