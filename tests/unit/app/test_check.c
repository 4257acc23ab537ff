/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What `weir check` says of configurations that are wrong: each line with file,
 * line, column and key, what is wrong, and what would be right.
 */
#include "core/app/check_command.h"

#include "core/base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define STATIC                                                                               \
    "entryPoints:\n  web:\n    address: ':80'\nproviders:\n  file:\n    filename: d.yml\n"
#define HEAD "http:\n  routers:\n    r:\n"
#define SERVICES                                                                             \
    "  services:\n    s:\n      loadBalancer:\n        servers:\n          - url: "          \
    "http://10.0.0.1:80\n"
#define ROUTER(rule) HEAD "      rule: " rule "\n      service: s\n"
#define RULE "Host(`a.example`)"
#define SUMMARY(errors, warnings)                                                            \
    "s.yml: something is wrong (" #errors " errors, " #warnings " warnings)\n"

struct row {
    const char *name, *static_text, *dynamic_text, *want;
};

static const struct row rows[] = {
    {"all is well", STATIC, ROUTER(RULE) SERVICES, "s.yml: valid (0 errors, 0 warnings)\n"},
    {"several hosts in one Host", STATIC, ROUTER("Host(`a`, `b`)") SERVICES,
     "d.yml:4:13: error: http.routers.r.rule: is not served: invalid rule: column 6: Host takes 1 "
     "value, not 2; write one for each, with || between them\n" SUMMARY(1, 0)},
    {"unknown matcher", STATIC, ROUTER("Headers(`a`, `b`)") SERVICES,
     "d.yml:4:13: error: http.routers.r.rule: is not served: invalid rule: column 1: unknown "
     "matcher Headers; there are Host, HostRegexp, Path, PathPrefix, PathRegexp, Method, Header, "
     "HeaderRegexp, Query, QueryRegexp, ClientIP\n" SUMMARY(1, 0)},
    {"rule without its end", STATIC, ROUTER("Host(`a`") SERVICES,
     "d.yml:4:13: error: http.routers.r.rule: is not served: invalid rule: column 9: Host needs , "
     "or ) here\n" SUMMARY(1, 0)},
    {"rule of HTTP for TCP", STATIC,
     "tcp:\n  routers:\n    t:\n      rule: Host(`a`)\n      service: s\n  services:\n    s:\n"
     "      loadBalancer:\n        servers:\n          - address: 10.0.0.1:5\n",
     "d.yml:4:13: error: tcp.routers.t.rule: is not served: invalid rule: column 1: unknown "
     "matcher Host; there are HostSNI, HostSNIRegexp, ClientIP, ALPN\n" SUMMARY(1, 0)},
    {"server name without TLS", STATIC,
     "tcp:\n  routers:\n    t:\n      rule: HostSNI(`a`)\n      service: s\n  services:\n    s:\n"
     "      loadBalancer:\n        servers:\n          - address: 10.0.0.1:5\n",
     "d.yml:4:13: error: tcp.routers.t.rule: is not served: invalid rule: HostSNI of a name needs "
     "a tls section on the router; without TLS only HostSNI(`*`) can match\n" SUMMARY(1, 0)},
    {"a rule of two entry points is told of once",
     "entryPoints:\n  a:\n    address: ':80'\n  b:\n    address: ':81'\nproviders:\n  file:\n"
     "    filename: d.yml\n",
     ROUTER("Host(`a`) &") SERVICES,
     "d.yml:4:13: error: http.routers.r.rule: is not served: invalid rule: column 11: the rule "
     "should end here, or go on with && or ||\n" SUMMARY(1, 0)},
    {"no such service", STATIC, ROUTER(RULE),
     "d.yml:3:5: error: http.routers.r: is not served: the service \"s@file\" does not exist\n"
     SUMMARY(1, 0)},
    {"no such entry point", STATIC, ROUTER(RULE) "      entryPoints: [wbe]\n" SERVICES,
     "d.yml:3:5: error: http.routers.r.entryPoints: there is no entry point \"wbe\", only web\n"
     "d.yml:3:5: error: http.routers.r: is not served: none of its entry points exists\n"
     SUMMARY(2, 0)},
    {"no such certificate", STATIC,
     ROUTER(RULE) SERVICES "tls:\n  certificates:\n    - certFile: none.crt\n"
                           "      keyFile: none.key\n",
     "d.yml:13:7: error: tls.certificates: the certificate none.crt with the key none.key is "
     "skipped: none.crt: no such file: create it, correct the path, or give the PEM text "
     "itself\n" SUMMARY(1, 0)},
    {"no such CA", STATIC,
     HEAD "      rule: " RULE "\n      service: s\n  services:\n    s:\n      loadBalancer:\n"
     "        serversTransport: t\n        servers:\n          - url: https://10.0.0.1\n"
     "  serversTransports:\n    t:\n      rootCAs: [none.pem]\n",
     "d.yml:13:5: error: http.serversTransports.t: is not served: none.pem: no such file: create "
     "it, correct the path, or give the PEM text itself\n" SUMMARY(1, 0)},
    {"no such CA for all", STATIC "serversTransport:\n  rootCAs: none.pem\n",
     HEAD "      rule: " RULE "\n      service: s\n  services:\n    s:\n      loadBalancer:\n"
     "        servers:\n          - url: https://10.0.0.1\n",
     "error: serversTransport: is not served: none.pem: no such file: create it, correct the "
     "path, or give the PEM text itself\n" SUMMARY(1, 0)},
    {"no such cipher suite", STATIC,
     ROUTER(RULE) SERVICES "tls:\n  options:\n    o:\n      cipherSuites: [TLS_NONE]\n",
     "d.yml:14:22: error: tls.options.o.cipherSuites: unknown value \"TLS_NONE\". The choices "
     "are: TLS_AES_128_GCM_SHA256, TLS_AES_256_GCM_SHA384, TLS_CHACHA20_POLY1305_SHA256, "
     "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, "
     "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 …\n"
     SUMMARY(1, 0)},
    {"template", STATIC, ROUTER("Host(`{{ env \"NAME\" }}`)") SERVICES,
     "d.yml:4:13: error: Go templates ({{ … }}) are not supported yet; write the values out\n"
     SUMMARY(1, 0)},
    {"misspelt key", STATIC, HEAD "      ruel: " RULE "\n",
     "d.yml:4:7: error: http.routers.r.ruel: field not found, node: ruel; did you mean \"rule\"?\n"
     SUMMARY(1, 0)},
    {"two entry points at one address",
     "entryPoints:\n  a:\n    address: ':80'\n  b:\n    address: ':80'\n", NULL,
     "s.yml:4:3: error: entryPoints.b.address: \":80\" is the address of the entry point \"a\" "
     "already; choose another port\nconfiguration: something is wrong (1 errors, 0 warnings)\n"},
    {"no such file", STATIC, NULL,
     "error: providers.file: d.yml: no such file: create it, or correct "
     "providers.file.filename\n" SUMMARY(1, 0)},
};

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(name, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void check(const struct row *row)
{
    char *said = NULL;
    size_t length;
    char *const args[] = {"--configFile=s.yml", NULL}, *const environment[] = {NULL};
    write_file("s.yml", row->static_text);
    if (row->dynamic_text != NULL)
        write_file("d.yml", row->dynamic_text);
    else
        (void)!unlink("d.yml");
    FILE *out = open_memstream(&said, &length);
    assert_non_null(out);
    int status = check_command_run(1, args, environment, out);
    fclose(out);
    print_message("%s\n", row->name);
    assert_string_equal(said, row->want);
    assert_int_equal(status, strstr(row->want, ": valid") == NULL);
    free(said);
}

static void what_is_wrong_is_said_with_its_place_and_a_remedy(void **state)
{
    (void)state;
    char folder[] = "/tmp/weir-check-XXXXXX";
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chdir(folder), 0);
    hash_seed_set(1);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        check(&rows[i]);
    (void)!unlink("s.yml");
    (void)!unlink("d.yml");
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_wrong_is_said_with_its_place_and_a_remedy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
