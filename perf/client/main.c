/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * weir-perf-client LOAD [OPTION…]: TLS 1.3 loads that wrk cannot do. Prints one line of JSON.
 * What each load does is in load.h; the certificate is not verified, the answers are.
 */
#include "perf/client/load.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const usage =
    "weir-perf-client handshakes|idle --port PORT --bytes LENGTH [--address IP] [--name HOST]\n"
    "    [--path PATH] [--threads N] [--seconds S] [--count N] [--resume] [--random-names]\n"
    "    [--group x25519|p256|x25519mlkem768]\n";

static const struct option options[] = {
    {"port", required_argument, NULL, 'p'},    {"bytes", required_argument, NULL, 'b'},
    {"address", required_argument, NULL, 'a'}, {"name", required_argument, NULL, 'n'},
    {"path", required_argument, NULL, 'u'},    {"threads", required_argument, NULL, 't'},
    {"seconds", required_argument, NULL, 's'}, {"count", required_argument, NULL, 'c'},
    {"resume", no_argument, NULL, 'r'},        {"random-names", no_argument, NULL, 'x'},
    {"group", required_argument, NULL, 'g'},   {NULL, 0, NULL, 0},
};

static void refuse(const char *what)
{
    fprintf(stderr, "%s\n%s", what, usage);
    exit(2);
}

static int group_of(const char *name)
{
    if (strcmp(name, "x25519") == 0)
        return WOLFSSL_ECC_X25519;
    if (strcmp(name, "p256") == 0)
        return WOLFSSL_ECC_SECP256R1;
    if (strcmp(name, "x25519mlkem768") == 0)
        return WOLFSSL_X25519MLKEM768;
    refuse("--group: no such group");
    return 0;
}

static void set_option(struct load *load, int option, const char *value)
{
    struct target *target = &load->target;
    switch (option) {
    case 'p': target->server.sin_port = htons((uint16_t)atoi(value)); break;
    case 'b': target->answer_bytes = strtoul(value, NULL, 10); break;
    case 'n': target->name = value; break;
    case 'u': target->path = value; break;
    case 't': load->threads = (unsigned)atoi(value); break;
    case 's': load->seconds = atof(value); break;
    case 'c': load->count = strtoull(value, NULL, 10); break;
    case 'r': load->resume = true; break;
    case 'x': load->random_names = true; break;
    case 'g': target->group = group_of(value); break;
    case 'a':
        if (inet_pton(AF_INET, value, &target->server.sin_addr) != 1)
            refuse("--address: not an IPv4 address");
        break;
    default: refuse("unknown option");
    }
}

static void parse(int argc, char **argv, struct load *load)
{
    int option;
    *load = (struct load){
        .target = {.server = {.sin_family = AF_INET,
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK)},
                   .name = "localhost", .path = "/", .group = WOLFSSL_ECC_X25519},
        .threads = 16,
    };
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
        set_option(load, option, optarg);
    if (load->target.server.sin_port == 0)
        refuse("--port is needed");
    if (load->threads < 1 || load->threads > LOAD_THREADS_MAX)
        refuse("--threads: 1 to 256");
    if (load->seconds <= 0 && load->count == 0)
        refuse("--seconds or --count is needed");
}

static WOLFSSL_CTX *make_context(void)
{
    WOLFSSL_CTX *context = wolfSSL_CTX_new(wolfTLSv1_3_client_method());
    if (context == NULL || wolfSSL_CTX_set_cipher_list(context,
            "TLS13-AES128-GCM-SHA256:TLS13-AES256-GCM-SHA384") != WOLFSSL_SUCCESS) {
        fprintf(stderr, "no TLS context\n");
        exit(1);
    }
    wolfSSL_CTX_set_verify(context, WOLFSSL_VERIFY_NONE, NULL);
    wolfSSL_CTX_set_session_cache_mode(context, WOLFSSL_SESS_CACHE_OFF);
    return context;
}

static void print_result(const struct load_result *result)
{
    const struct histogram *latency = &result->latency;
    printf("{\"operations\": %llu, \"errors\": %llu, \"error\": \"",
           (unsigned long long)latency->count, (unsigned long long)result->errors);
    for (const char *at = result->error; *at != '\0'; at++)
        putchar(*at < ' ' || *at == '"' || *at == '\\' ? ' ' : *at);
    printf("\", \"seconds\": %.6f, \"resumed\": %llu, \"p50_us\": %.1f, \"p99_us\": %.1f, "
           "\"max_us\": %.1f, \"version\": \"%s\", \"cipher\": \"%s\", \"group\": \"%s\"}\n",
           result->elapsed, (unsigned long long)result->resumed,
           (double)histogram_quantile(latency, 0.5) / 1000,
           (double)histogram_quantile(latency, 0.99) / 1000, (double)latency->max / 1000,
           result->version, result->cipher, result->group);
}

int main(int argc, char **argv)
{
    static struct load_result result;
    struct load load;
    if (argc < 2)
        refuse("which load?");
    parse(argc - 1, argv + 1, &load);
    signal(SIGPIPE, SIG_IGN);
    wolfSSL_Init();
    load.target.context = make_context();
    if (strcmp(argv[1], "handshakes") == 0)
        load_handshakes(&load, &result);
    else if (strcmp(argv[1], "idle") == 0)
        load_idle(&load, &result);
    else
        refuse("which load?");
    print_result(&result);
    wolfSSL_CTX_free(load.target.context);
    return 0;
}
