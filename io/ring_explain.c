/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Why there is no io_uring here and what to do about it. The error number alone
 * does not say: the sysctl, the seccomp state of this process and the kernel's
 * version are read to tell one cause from the other.
 */
#include "io/ring_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>

/* The first number in a small file behind `key` ("" for the start), or -1. */
static long read_number(const char *path, const char *key)
{
    char line[256];
    long number = -1;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return -1;
    while (number < 0 && fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, key, strlen(key)) == 0)
            number = strtol(line + strlen(key), NULL, 10);
    }
    fclose(file);
    return number;
}

static bool is_kernel_too_old(const struct utsname *name)
{
    int major = 0, minor = 0;
    if (sscanf(name->release, "%d.%d", &major, &minor) != 2)
        return false;
    return major < 6 || (major == 6 && minor < 1);
}

static enum err explain_refusal(const char *system_call, struct err_text *why)
{
    long disabled = read_number("/proc/sys/kernel/io_uring_disabled", "");
    if (disabled >= 2)
        return err_set(why, ERR_UNSUPPORTED,
                       "io_uring is switched off on this machine (kernel.io_uring_disabled = %ld); "
                       "run \"sysctl -w kernel.io_uring_disabled=0\" and make it last in "
                       "/etc/sysctl.d", disabled);
    if (disabled == 1 && strcmp(system_call, "io_uring_setup") == 0)
        return err_set(why, ERR_UNSUPPORTED,
                       "io_uring is allowed only to the group of kernel.io_uring_group (now %ld; "
                       "kernel.io_uring_disabled = 1); run \"sysctl -w "
                       "kernel.io_uring_disabled=0\", or put Weir's user into that group",
                       read_number("/proc/sys/kernel/io_uring_group", ""));
    if (read_number("/proc/self/status", "Seccomp:") > 0)
        return err_set(why, ERR_UNSUPPORTED,
                       "a seccomp filter forbids %s, as container runtimes and service managers "
                       "do; allow io_uring_setup, io_uring_enter and io_uring_register in the "
                       "seccomp profile (Docker: --security-opt seccomp=PROFILE; systemd: "
                       "SystemCallFilter=@io-event io_uring_setup …)", system_call);
    return err_set(why, ERR_UNSUPPORTED,
                   "%s is not permitted; a security module (SELinux, AppArmor) or the container "
                   "forbids io_uring to this process", system_call);
}

static enum err explain_absence(const struct utsname *name, const char *system_call,
                                struct err_text *why)
{
    if (is_kernel_too_old(name))
        return err_set(why, ERR_UNSUPPORTED,
                       "Linux %s is too old: Weir needs 6.1 or later for io_uring", name->release);
    if (read_number("/proc/self/status", "Seccomp:") > 0)
        return explain_refusal(system_call, why);
    return err_set(why, ERR_UNSUPPORTED,
                   "Linux %s has no io_uring; boot a kernel built with CONFIG_IO_URING",
                   name->release);
}

static enum err explain_memory(struct err_text *why)
{
    struct rlimit limit = {0, 0};
    (void)getrlimit(RLIMIT_MEMLOCK, &limit);
    if (limit.rlim_cur == RLIM_INFINITY)
        return err_set(why, ERR_NOMEM, "no memory for io_uring; raise the memory limit of the "
                                       "service or container, or set fewer ring entries");
    return err_set(why, ERR_NOMEM,
                   "no memory for io_uring; raise RLIMIT_MEMLOCK (now %llu KiB; \"ulimit -l\", "
                   "systemd: LimitMEMLOCK=) and the memory limit of the service or container, or "
                   "set fewer ring entries", (unsigned long long)limit.rlim_cur / 1024);
}

static enum err explain_descriptors(int error_number, struct err_text *why)
{
    struct rlimit limit = {0, 0};
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    return err_set(why, ERR_LIMIT, "no descriptor for io_uring: %s; raise %s (now %llu)",
                   strerror(error_number),
                   error_number == EMFILE ? "RLIMIT_NOFILE (\"ulimit -n\", systemd: LimitNOFILE=)"
                                          : "fs.file-max; RLIMIT_NOFILE is not the limit",
                   (unsigned long long)limit.rlim_cur);
}

enum err ring_explain(int error_number, const char *system_call, struct err_text *why)
{
    struct utsname name;
    memset(&name, 0, sizeof(name));
    (void)uname(&name);
    switch (error_number) {
    case EPERM:
    case EACCES:
        return explain_refusal(system_call, why);
    case ENOSYS:
        return explain_absence(&name, system_call, why);
    case EINVAL:
        if (is_kernel_too_old(&name))
            return explain_absence(&name, system_call, why);
        return err_set(why, ERR_UNSUPPORTED,
                       "Linux %s does not know what Weir asks of io_uring; Weir needs 6.1 or later",
                       name.release);
    case ENOMEM:
        return explain_memory(why);
    case EMFILE:
    case ENFILE:
        return explain_descriptors(error_number, why);
    default:
        return err_set(why, ERR_UNSUPPORTED, "%s failed: %s", system_call, strerror(error_number));
    }
}
