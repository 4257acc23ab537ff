/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Kernel TLS, the sending half: from ktls_enable on, what is sent on the socket are
 * records of application data that the kernel seals, and splice(2) into it works.
 * Sends must not be of everything at once (MSG_WAITALL is refused there). The keys
 * come as the structs of <linux/tls.h>, which this room does not look into.
 */
#ifndef WEIR_IO_KTLS_H
#define WEIR_IO_KTLS_H

#include "core/base/err.h"

#include <stdint.h>
#include <sys/socket.h>

/* Whether the kernel takes AES-128-GCM of TLS 1.3, tried on a pair of sockets over
 * loopback. ERR_UNSUPPORTED with what to do. Any thread; may block for a moment. */
MUST_USE enum err ktls_probe(struct err_text *why);

/* info: a struct tls12_crypto_info_…, of `size` bytes. On failure the socket goes on
 * sending bytes as they are. */
MUST_USE enum err ktls_enable(int fd, const void *info, size_t size);

#define KTLS_ALERT_SIZE 2

/* A message that becomes an alert record. It points into itself: it must not move,
 * and stays as it is while it is being sent. */
struct ktls_alert {
    struct msghdr message;
    struct iovec piece;
    char bytes[KTLS_ALERT_SIZE];
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(uint8_t))];
};
void ktls_alert_init(struct ktls_alert *alert, const uint8_t bytes[KTLS_ALERT_SIZE]);

#endif
