/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * weir-bench-files DIRECTORY COUNT: the benchmark's certificates as files,
 * DIRECTORY/7/shop7042.crt and .key, a thousand to a directory, as a tool that
 * renews certificates would leave them.
 */
#include "perf/certs/generate.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PER_DIRECTORY 1000

static void fail(const char *path)
{
    perror(path);
    exit(1);
}

static void write_file(const char *directory, size_t i, const char *suffix, struct span text)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/%zu/shop%zu.%s", directory, i / PER_DIRECTORY, i, suffix);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, text.ptr, text.len) != (ssize_t)text.len || close(fd) != 0)
        fail(path);
}

static void make_directory(const char *directory, size_t i)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/%zu", directory, i / PER_DIRECTORY);
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        fail(path);
}

int main(int argc, char **argv)
{
    size_t count = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
    if (count == 0) {
        fprintf(stderr, "weir-bench-files DIRECTORY COUNT\n");
        return 2;
    }
    struct generated *all = generate_certs(count);
    for (size_t i = 0; i < count; i++) {
        if (i % PER_DIRECTORY == 0)
            make_directory(argv[1], i);
        write_file(argv[1], i, "crt", all[i].cert_pem);
        write_file(argv[1], i, "key", all[i].key_pem);
    }
    return 0;
}
