/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `exec`: EXEC_PATH is run as
 *
 *   PROGRAM present NAME VALUE                    and cleanup
 *   PROGRAM present -- DOMAIN TOKEN KEYAUTH       with EXEC_MODE=RAW
 *
 * in a process group of its own, which ends with its time. What it writes is
 * kept, up to a size, and told when it fails.
 */
#include "core/control/acme_dns_private.h"

#include "core/base/clock.h"
#include "core/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define OUTPUT_MAX 2048
#define TERM_MS 1000 /* from SIGTERM to SIGKILL */

struct child {
    pid_t pid;
    int pidfd, output; /* where it ends, what it writes */
    size_t len;
    char text[OUTPUT_MAX + 1];
};

static enum err set_up(struct acme_dns *dns, struct err_text *why)
{
    const char *mode = getenv("EXEC_MODE");
    dns->raw = mode != NULL && strcmp(mode, "RAW") == 0;
    dns->program_ms = ACME_DNS_PROGRAM_S * MS_PER_S;
    return acme_dns_env_needed("EXEC_", "PATH", &dns->program, why);
}

static enum err look_at_file(const char *path, struct err_text *why)
{
    struct stat info;
    if (stat(path, &info) != 0 || access(path, X_OK) != 0)
        return err_set(why, err_from_errno(errno),
                       "EXEC_PATH names %.200s, which cannot be run: %s", path, strerror(errno));
    if (!S_ISREG(info.st_mode))
        return err_set(why, ERR_INVALID, "EXEC_PATH names %.200s, which is no file", path);
    return ERR_OK;
}

/* A name without a slash is searched for, as posix_spawnp does. */
static enum err look(const struct acme_dns *dns, struct err_text *why)
{
    const char *folders = getenv("PATH");
    char path[PATH_MAX];
    if (strchr(dns->program, '/') != NULL)
        return look_at_file(dns->program, why);
    for (struct span rest = span_cstr(folders != NULL ? folders : "/bin:/usr/bin"), folder;
         rest.len > 0;) {
        rest = span_split(rest, ':', &folder);
        int len = snprintf(path, sizeof(path), "%.*s/%s", SPAN_ARG(folder), dns->program);
        if (len > 0 && (size_t)len < sizeof(path) && look_at_file(path, NULL) == ERR_OK)
            return ERR_OK;
    }
    return err_set(why, ERR_NOTFOUND, "EXEC_PATH names %.200s, which is in no folder of PATH",
                   dns->program);
}

/* ---- starting ---- */

static int set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    sigdelset(&all, SIGKILL);
    sigdelset(&all, SIGSTOP);
    int error = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETPGROUP |
                                                         POSIX_SPAWN_SETSIGMASK |
                                                         POSIX_SPAWN_SETSIGDEF);
    if (error == 0)
        error = posix_spawnattr_setpgroup(attributes, 0);
    if (error == 0)
        error = posix_spawnattr_setsigmask(attributes, &none);
    return error != 0 ? error : posix_spawnattr_setsigdefault(attributes, &all);
}

static int set_files(posix_spawn_file_actions_t *actions, int output)
{
    int error = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (error == 0)
        error = posix_spawn_file_actions_adddup2(actions, output, STDOUT_FILENO);
    return error != 0 ? error : posix_spawn_file_actions_adddup2(actions, output, STDERR_FILENO);
}

static int spawn(char *const arguments[], int output, pid_t *pid)
{
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t actions;
    int error = posix_spawnattr_init(&attributes);
    if (error != 0)
        return error;
    error = posix_spawn_file_actions_init(&actions);
    if (error == 0) {
        error = set_attributes(&attributes);
        if (error == 0)
            error = set_files(&actions, output);
        if (error == 0)
            error = posix_spawnp(pid, arguments[0], &actions, &attributes, arguments, environ);
        posix_spawn_file_actions_destroy(&actions);
    }
    posix_spawnattr_destroy(&attributes);
    return error;
}

static enum err start(struct child *child, char *const arguments[], struct err_text *why)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return err_set(why, err_from_errno(errno), "no pipe: %s", strerror(errno));
    int error = spawn(arguments, ends[1], &child->pid);
    close(ends[1]);
    if (error != 0) {
        close(ends[0]);
        return err_set(why, err_from_errno(error), "%s cannot be run: %s", arguments[0],
                       strerror(error));
    }
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    child->output = ends[0];
    child->pidfd = (int)syscall(SYS_pidfd_open, child->pid, 0);
    return ERR_OK;
}

/* ---- to its end ---- */

/* What there is to read; of too much the end is kept. */
static void take_output(struct child *child)
{
    char bytes[1024];
    ssize_t size;
    while ((size = read(child->output, bytes, sizeof(bytes))) > 0) {
        size_t got = (size_t)size, room = OUTPUT_MAX - child->len;
        size_t gone = got > room ? got - room : 0;
        memmove(child->text, child->text + gone, child->len - gone);
        child->len -= gone;
        memcpy(child->text + child->len, bytes, got);
        child->len += got;
    }
    if (size == 0 || (errno != EAGAIN && errno != EINTR)) {
        close(child->output); /* poll passes over it from now on */
        child->output = -1;
    }
}

static enum err wait_for_end(struct child *child, struct patience patience)
{
    for (;;) {
        struct pollfd fds[3] = {{child->pidfd, POLLIN, 0},
                                {child->output, POLLIN, 0},
                                {patience.stop_fd, POLLIN, 0}};
        int64_t left = patience.until_ms - patience_now_ms();
        int ready = poll(fds, 3, left <= 0 ? 0 : left < INT32_MAX ? (int)left : INT32_MAX);
        if (ready < 0 && errno != EINTR)
            return err_from_errno(errno);
        if (ready > 0 && fds[1].revents != 0)
            take_output(child);
        if (ready > 0 && fds[0].revents != 0)
            return ERR_OK;
        if (ready > 0 && fds[2].revents != 0)
            return ERR_CANCELED;
        if (left <= 0)
            return ERR_TIMEOUT;
    }
}

/* It and those that it has started. */
static void put_an_end(struct child *child)
{
    struct patience patience = {patience_now_ms() + TERM_MS, -1};
    kill(-child->pid, SIGTERM);
    if (patience_wait(patience, child->pidfd, POLLIN) != ERR_OK)
        log_debug("a program does not end by itself");
    kill(-child->pid, SIGKILL);
}

static int reap(struct child *child)
{
    int status = 0;
    while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (child->output >= 0)
        take_output(child);
    if (child->output >= 0)
        close(child->output);
    if (child->pidfd >= 0)
        close(child->pidfd);
    while (child->len > 0 && strchr("\r\n \t", child->text[child->len - 1]) != NULL)
        child->len--;
    child->text[child->len] = '\0';
    return status;
}

/* ---- what is told ---- */

static struct span last_line(const struct child *child)
{
    struct span text = span_make(child->text, child->len);
    ptrdiff_t newline = span_find_last(text, '\n');
    return span_first(span_skip(text, newline < 0 ? 0 : (size_t)newline + 1), 160);
}

static enum err explain(const struct child *child, const char *program, enum err error, int status,
                        struct err_text *why)
{
    struct span line = last_line(child);
    const char *colon = line.len > 0 ? ": " : "";
    if (error == ERR_OK && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return ERR_OK;
    if (error == ERR_CANCELED)
        return error;
    log_error("a program for DNS records failed", "program", program, "output", child->text);
    if (error == ERR_TIMEOUT)
        return err_set(why, error, "%.200s has not ended in time and was killed%s%.*s", program,
                       colon, SPAN_ARG(line));
    if (error != ERR_OK)
        return err_set(why, error, "%.200s: %s", program, err_message(error));
    if (WIFSIGNALED(status))
        return err_set(why, ERR_IO, "%.200s was killed by signal %d%s%.*s", program,
                       WTERMSIG(status), colon, SPAN_ARG(line));
    return err_set(why, ERR_IO, "%.200s ended with status %d%s%.*s", program,
                   WEXITSTATUS(status), colon, SPAN_ARG(line));
}

/* patience: at most so long as a program may run. */
static enum err run(char *const arguments[], struct patience patience, struct err_text *why)
{
    struct child *child = calloc(1, sizeof(*child));
    if (child == NULL)
        return err_set(why, ERR_NOMEM, "out of memory");
    enum err error = start(child, arguments, why);
    if (error == ERR_OK) {
        error = child->pidfd >= 0 ? wait_for_end(child, patience) : ERR_SYSTEM;
        if (error != ERR_OK)
            put_an_end(child);
        int status = reap(child);
        error = explain(child, arguments[0], error, status, why);
        if (error == ERR_OK && child->len > 0)
            log_debug("a program for DNS records says", "program", arguments[0], "output",
                      child->text);
    }
    free(child);
    return error;
}

static enum err change(const struct acme_dns *dns, const struct acme_dns_record *record,
                       bool present, struct patience patience, struct err_text *why)
{
    char name[DNS_NAME_TEXT];
    char *action = present ? (char *)"present" : (char *)"cleanup";
    char *const raw[] = {dns->program,  action, (char *)"--", record->domain, record->token,
                         record->key_authorization, NULL};
    char *const plain[] = {dns->program, action, name, (char *)record->value, NULL};
    dns_name_format(&record->name, name);
    return run(dns->raw ? raw : plain, patience_at_most(patience, dns->program_ms), why);
}

const struct acme_dns_provider acme_dns_exec = {"exec", "EXEC_", true, set_up, look, change};
