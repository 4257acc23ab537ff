/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who listens on a TCP port of this machine, for error messages. Reads /proc:
 * slow, and blind to processes that this one may not look into. Any thread.
 */
#ifndef WEIR_IO_SOCK_OWNER_H
#define WEIR_IO_SOCK_OWNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "nginx (pid 4711)"; false when it cannot be found out. */
bool sock_find_port_owner(uint16_t port, char *out, size_t size);

#endif
