/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * signalfd(2). SIGPIPE is ignored because splice(2) cannot be told not to
 * raise it.
 */
#include "core/app/signals.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum err signals_block(int *fd, struct err_text *why)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGUSR1);
    signal(SIGPIPE, SIG_IGN);
    if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0)
        return err_set(why, ERR_SYSTEM, "signals cannot be blocked");
    int made = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (made < 0)
        return err_set(why, err_from_errno(errno), "signalfd: %s", strerror(errno));
    *fd = made;
    return ERR_OK;
}

int signals_next(int fd)
{
    struct signalfd_siginfo info;
    ssize_t n = read(fd, &info, sizeof(info));
    return n == (ssize_t)sizeof(info) ? (int)info.ssi_signo : 0;
}
