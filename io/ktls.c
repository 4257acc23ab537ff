/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two socket options: the upper-layer protocol "tls", then the keys for sending.
 * A record of another type than data is a message with a control message that
 * names the type.
 */
#include "io/ktls.h"

#include <errno.h>
#include <linux/tls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#ifndef SOL_TLS
#define SOL_TLS 282
#endif

#define RECORD_TYPE_ALERT 21

static enum err set_protocol(int fd)
{
    static const char name[] = "tls";
    return setsockopt(fd, IPPROTO_TCP, TCP_ULP, name, sizeof(name)) == 0 ? ERR_OK
                                                                         : ERR_UNSUPPORTED;
}

static enum err set_keys(int fd, const void *info, size_t size)
{
    return setsockopt(fd, SOL_TLS, TLS_TX, info, (socklen_t)size) == 0 ? ERR_OK
                                                                      : ERR_UNSUPPORTED;
}

enum err ktls_enable(int fd, const void *info, size_t size)
{
    TRY(set_protocol(fd));
    return set_keys(fd, info, size);
}

void ktls_alert_init(struct ktls_alert *alert, const uint8_t bytes[KTLS_ALERT_SIZE])
{
    memset(alert, 0, sizeof(*alert));
    memcpy(alert->bytes, bytes, KTLS_ALERT_SIZE);
    alert->piece = (struct iovec){alert->bytes, KTLS_ALERT_SIZE};
    alert->message = (struct msghdr){
        .msg_iov = &alert->piece,
        .msg_iovlen = 1,
        .msg_control = alert->control,
        .msg_controllen = sizeof(alert->control),
    };
    struct cmsghdr *control = CMSG_FIRSTHDR(&alert->message);
    control->cmsg_level = SOL_TLS;
    control->cmsg_type = TLS_SET_RECORD_TYPE;
    control->cmsg_len = CMSG_LEN(sizeof(uint8_t));
    *CMSG_DATA(control) = RECORD_TYPE_ALERT;
}

/* ---- the probe ---- */

/* A connected socket, whose other end stays in the listener's queue. */
static enum err connect_pair(int listener, int fd)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    struct sockaddr *any = (struct sockaddr *)&address;
    if (bind(listener, any, len) != 0 || listen(listener, 1) != 0 ||
        getsockname(listener, any, &len) != 0 || connect(fd, any, len) != 0)
        return err_from_errno(errno);
    return ERR_OK;
}

static enum err try_pair(int fd, struct err_text *why)
{
    struct tls12_crypto_info_aes_gcm_128 info = {
        .info = {.version = TLS_1_3_VERSION, .cipher_type = TLS_CIPHER_AES_GCM_128},
    };
    if (set_protocol(fd) != ERR_OK && errno == ENOENT)
        return err_set(why, ERR_UNSUPPORTED,
                       "the kernel has no TLS, or its module is not loaded (modprobe tls)");
    if (set_keys(fd, &info, sizeof(info)) != ERR_OK)
        return err_set(why, ERR_UNSUPPORTED, "the kernel refuses keys for TLS: %s",
                       strerror(errno));
    return ERR_OK;
}

enum err ktls_probe(struct err_text *why)
{
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    enum err error = listener >= 0 && fd >= 0 ? connect_pair(listener, fd) : ERR_LIMIT;
    if (error == ERR_OK)
        error = try_pair(fd, why);
    else
        (void)err_set(why, ERR_UNSUPPORTED, "no sockets over loopback to try it on");
    if (fd >= 0)
        close(fd);
    if (listener >= 0)
        close(listener);
    return error == ERR_OK ? ERR_OK : ERR_UNSUPPORTED;
}
