/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * weir-perf-micro NAME COUNT runs one workload; without arguments it names them all.
 * The first operation is not among the counted ones: it fills what is filled once.
 */
#include "perf/micro/micro.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/hash.h"
#include "tls/context.h"

static const struct micro *const all[] = {
    &micro_handshake, &micro_record, &micro_request,
    &micro_cert_exact, &micro_cert_wildcard, &micro_cert_miss, &micro_cert_cached,
    &micro_rule_host, &micro_rule_complex,
};
#define COUNT (sizeof(all) / sizeof(all[0]))

static bool warm; /* the first operation is over */

/* The function that callgrind knows by name. */
__attribute__((noinline)) static void micro_measured(void (*step)(void *data), void *data)
{
    step(data);
    __asm__ volatile("" ::: "memory"); /* no tail call: the step runs within this function */
}

void micro_measure(void (*step)(void *data), void *data)
{
    if (warm)
        micro_measured(step, data);
    else
        step(data);
}

void micro_require(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "failed: %s\n", what);
        exit(1);
    }
}

static const struct micro *find(const char *name)
{
    for (size_t i = 0; i < COUNT; i++) {
        if (strcmp(all[i]->name, name) == 0)
            return all[i];
    }
    micro_require(false, "no workload of that name");
    return NULL;
}

int main(int argc, char **argv)
{
    struct err_text why = {""};
    if (argc != 3) {
        for (size_t i = 0; i < COUNT; i++)
            printf("%s\n", all[i]->name);
        return argc == 1 ? 0 : 2;
    }
    hash_seed_set(1);
    micro_require(tls_global_init(&why) == ERR_OK, "tls_global_init");
    const struct micro *micro = find(argv[1]);
    void *data = micro->prepare();
    micro->operate(data);
    warm = true;
    for (long left = atol(argv[2]); left > 0; left--)
        micro->operate(data);
    micro->finish(data);
    return 0;
}
