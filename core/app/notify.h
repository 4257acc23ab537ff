/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tells the service manager how far Weir is (sd_notify(3)'s protocol, written
 * by hand): one datagram to $NOTIFY_SOCKET. Does nothing without it. Main thread.
 */
#ifndef WEIR_CORE_APP_NOTIFY_H
#define WEIR_CORE_APP_NOTIFY_H

/* "READY=1", "STOPPING=1". */
void notify_send(const char *state);

#endif
