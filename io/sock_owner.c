/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * /proc/net/tcp and tcp6 name the inode of the listening socket; the process is
 * the one with a descriptor that links to "socket:[inode]".
 */
#include "io/sock_owner.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TCP_STATE_LISTEN 0x0a

/* The inode of who listens on the port, 0 for nobody. */
static unsigned long find_inode(const char *table, uint16_t port)
{
    char line[512];
    unsigned long found = 0;
    FILE *file = fopen(table, "re");
    if (file == NULL)
        return 0;
    while (found == 0 && fgets(line, sizeof(line), file) != NULL) {
        unsigned local_port, state;
        unsigned long inode;
        int fields = sscanf(line,
                            " %*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*x:%*x %*x:%*x %*x "
                            "%*u %*d %lu",
                            &local_port, &state, &inode);
        if (fields == 3 && local_port == port && state == TCP_STATE_LISTEN)
            found = inode;
    }
    fclose(file);
    return found;
}

static bool has_descriptor(const char *pid, const char *wanted)
{
    char path[64], target[64];
    bool found = false;
    snprintf(path, sizeof(path), "/proc/%.20s/fd", pid);
    DIR *folder = opendir(path);
    if (folder == NULL)
        return false;
    struct dirent *entry;
    while (!found && (entry = readdir(folder)) != NULL) {
        ssize_t len = readlinkat(dirfd(folder), entry->d_name, target, sizeof(target) - 1);
        if (len <= 0)
            continue;
        target[len] = '\0';
        found = strcmp(target, wanted) == 0;
    }
    closedir(folder);
    return found;
}

static void describe(const char *pid, char *out, size_t size)
{
    char path[64], name[64] = "a process";
    snprintf(path, sizeof(path), "/proc/%.20s/comm", pid);
    FILE *file = fopen(path, "re");
    if (file != NULL) {
        if (fgets(name, sizeof(name), file) != NULL)
            name[strcspn(name, "\n")] = '\0';
        fclose(file);
    }
    snprintf(out, size, "%s (pid %.20s)", name, pid);
}

bool sock_find_port_owner(uint16_t port, char *out, size_t size)
{
    unsigned long inode = find_inode("/proc/net/tcp6", port);
    if (inode == 0)
        inode = find_inode("/proc/net/tcp", port);
    DIR *processes = inode != 0 ? opendir("/proc") : NULL;
    if (processes == NULL)
        return false;
    char wanted[64];
    snprintf(wanted, sizeof(wanted), "socket:[%lu]", inode);
    bool found = false;
    struct dirent *entry;
    while (!found && (entry = readdir(processes)) != NULL) {
        if (!isdigit((unsigned char)entry->d_name[0]) || !has_descriptor(entry->d_name, wanted))
            continue;
        describe(entry->d_name, out, size);
        found = true;
    }
    closedir(processes);
    return found;
}
