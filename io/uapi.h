/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Constants of the kernel's interface that the oldest liburing we build with
 * (2.3, Debian 12) does not name. Values from the kernel's
 * include/uapi/linux/io_uring.h and fcntl.h.
 */
#ifndef WEIR_IO_UAPI_H
#define WEIR_IO_UAPI_H

#include <liburing.h>

#ifndef IORING_FEAT_RECVSEND_BUNDLE
#define IORING_FEAT_RECVSEND_BUNDLE (1U << 14) /* Linux 6.10 */
#endif

#ifndef IORING_RECVSEND_BUNDLE
#define IORING_RECVSEND_BUNDLE (1U << 4) /* Linux 6.10 */
#endif

/* `optlen` of a multishot receive (Linux 6.17), in a union with file_index: after so
 * many bytes it ends. Earlier kernels refuse it. */
static inline void uapi_set_recv_limit(struct io_uring_sqe *entry, uint32_t bytes)
{
    entry->file_index = bytes;
}

#endif
