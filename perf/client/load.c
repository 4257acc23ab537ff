/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Threads with blocking connections. Each binds to a loopback address of its own, so that ports in
 * TIME_WAIT do not run out.
 */
#include "perf/client/load.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PORTS_PER_SOURCE 5000

struct runner {
    const struct load *load;
    unsigned number;
    uint64_t end_ns;
    atomic_uint_fast64_t *begun;
    pthread_t thread;
    WOLFSSL_SESSION *ticket;
    struct load_result result;
};

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static in_addr_t source_address(unsigned number)
{
    return htonl(INADDR_LOOPBACK + 1 + number);
}

static void note_error(struct load_result *result, const char *error)
{
    if (result->errors++ == 0)
        snprintf(result->error, sizeof(result->error), "%s", error);
}

static void note_negotiated(struct load_result *result, WOLFSSL *tls)
{
    const char *group = wolfSSL_get_curve_name(tls);
    snprintf(result->version, sizeof(result->version), "%s", wolfSSL_get_version(tls));
    snprintf(result->cipher, sizeof(result->cipher), "%s", wolfSSL_get_cipher_name(tls));
    snprintf(result->group, sizeof(result->group), "%s", group != NULL ? group : "none");
}

/* One connection; the ticket of the first is kept and resumed by all later ones. */
static void connect_once(struct runner *runner, uint64_t number)
{
    const struct load *load = runner->load;
    struct session session;
    char unknown[64];
    const char *name = load->target.name;
    if (load->random_names) {
        snprintf(unknown, sizeof(unknown), "n%llu.unknown.example", (unsigned long long)number);
        name = unknown;
    }
    uint64_t start = now_ns();
    if (!session_open(&session, &load->target, source_address(runner->number), name,
                      runner->ticket)) {
        note_error(&runner->result, session.error);
        return;
    }
    if (!session_ask(&session, &load->target, true)) {
        note_error(&runner->result, session.error);
    } else {
        histogram_record(&runner->result.latency, now_ns() - start);
        runner->result.resumed += wolfSSL_session_reused(session.tls) != 0;
        if (runner->result.version[0] == '\0')
            note_negotiated(&runner->result, session.tls);
        if (load->resume && runner->ticket == NULL)
            runner->ticket = wolfSSL_get1_session(session.tls);
    }
    session_close(&session);
}

static void *run(void *argument)
{
    struct runner *runner = argument;
    while (runner->end_ns == 0 || now_ns() < runner->end_ns) {
        uint64_t number = atomic_fetch_add_explicit(runner->begun, 1, memory_order_relaxed);
        if (runner->load->count > 0 && number >= runner->load->count)
            break;
        connect_once(runner, number);
    }
    wolfSSL_SESSION_free(runner->ticket);
    return NULL;
}

static void join_result(struct load_result *sum, const struct load_result *one)
{
    if (sum->errors == 0 && one->errors > 0)
        memcpy(sum->error, one->error, sizeof(sum->error));
    if (sum->version[0] == '\0') {
        memcpy(sum->version, one->version, sizeof(sum->version));
        memcpy(sum->cipher, one->cipher, sizeof(sum->cipher));
        memcpy(sum->group, one->group, sizeof(sum->group));
    }
    sum->errors += one->errors;
    sum->resumed += one->resumed;
    histogram_add(&sum->latency, &one->latency);
}

void load_handshakes(const struct load *load, struct load_result *result)
{
    struct runner *runners = calloc(load->threads, sizeof(*runners));
    atomic_uint_fast64_t begun = 0;
    uint64_t start = now_ns();
    if (runners == NULL)
        abort();
    for (unsigned i = 0; i < load->threads; i++) {
        runners[i].load = load;
        runners[i].number = i;
        runners[i].begun = &begun;
        runners[i].end_ns = load->seconds > 0 ? start + (uint64_t)(load->seconds * 1e9) : 0;
        if (pthread_create(&runners[i].thread, NULL, run, &runners[i]) != 0)
            abort();
    }
    for (unsigned i = 0; i < load->threads; i++) {
        pthread_join(runners[i].thread, NULL);
        join_result(result, &runners[i].result);
    }
    result->elapsed = (double)(now_ns() - start) / 1e9;
    free(runners);
}

static void ask_on(struct session *session, const struct load *load, struct load_result *result)
{
    uint64_t start = now_ns();
    if (session->tls == NULL)
        return;
    if (!session_ask(session, &load->target, false))
        note_error(result, session->error);
    else
        histogram_record(&result->latency, now_ns() - start);
}

void load_idle(const struct load *load, struct load_result *result)
{
    struct session *sessions = calloc(load->count, sizeof(*sessions));
    struct load_result first = {0};
    char ignored;
    uint64_t start = now_ns();
    if (sessions == NULL)
        abort();
    for (uint64_t i = 0; i < load->count; i++) {
        if (!session_open(&sessions[i], &load->target,
                          source_address((unsigned)(i / PORTS_PER_SOURCE)), load->target.name,
                          NULL))
            note_error(&first, sessions[i].error);
        ask_on(&sessions[i], load, &first);
    }
    result->elapsed = (double)(now_ns() - start) / 1e9;
    printf("ready\n");
    fflush(stdout);
    while (read(STDIN_FILENO, &ignored, 1) > 0)
        continue;
    for (uint64_t i = 0; i < load->count; i++)
        ask_on(&sessions[i], load, result);
    join_result(result, &(struct load_result){.errors = first.errors});
    if (first.errors > 0)
        memcpy(result->error, first.error, sizeof(result->error));
    if (load->count > 0 && sessions[0].tls != NULL)
        note_negotiated(result, sessions[0].tls);
    for (uint64_t i = 0; i < load->count; i++)
        session_close(&sessions[i]);
    free(sessions);
}
