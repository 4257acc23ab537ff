/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What `weir --help` and `weir check` print.
 */
#include "fixture.h"

#include "config/check.h"
#include "config/help.h"

#include <stdio.h>
#include <unistd.h>

static char folder[64];

static void write_file(const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/weir-check-XXXXXX");
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static int remove_folder(void **state)
{
    (void)state;
    static const char *const names[] = {"s.yml", "d.yml", "a.pem"};
    char path[256];
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        (void)!remove(path);
    }
    return rmdir(folder);
}

/* Runs check on these files; the folder's name is taken out of what it says. */
static void assert_check(const char *static_text, const char *dynamic_text, int status,
                         const char *want)
{
    char text[1024], flag[128], shown[4096], *got = NULL;
    size_t length;
    snprintf(text, sizeof(text), "%s\nproviders: {file: {filename: %s/d.yml}}\n", static_text,
             folder);
    write_file("s.yml", text);
    write_file("d.yml", dynamic_text);
    snprintf(flag, sizeof(flag), "--configFile=%s/s.yml", folder);
    FILE *out = open_memstream(&got, &length);
    int result = check_run(1, (char *const[]){flag, NULL}, (char *const[]){NULL}, out);
    fclose(out);
    shown[0] = '\0';
    for (char *at = got, *next; *at != '\0'; at = next) {
        next = strstr(at, folder);
        size_t n = next ? (size_t)(next - at) : strlen(at);
        size_t used = strlen(shown);
        assert_true(used + n < sizeof(shown));
        memcpy(shown + used, at, n);
        shown[used + n] = '\0';
        next = next ? next + strlen(folder) : at + n;
    }
    assert_string_equal(shown, want);
    assert_int_equal(result, status);
    free(got);
}

static void check_accepts_what_can_be_served(void **state)
{
    (void)state;
    assert_check("entryPoints: {web: {address: ':80'}}",
                 "http: {routers: {r: {rule: R, service: s}}, services: {s: {loadBalancer: "
                 "{servers: [{url: 'http://a:1'}]}}}}\n",
                 0, "/s.yml: valid (0 errors, 0 warnings)\n");
    assert_check("metrics: {prometheus: {}}", "", 0,
                 "/s.yml:1:1: warning: metrics: is not supported yet and has no effect\n"
                 "/s.yml: valid, with warnings (0 errors, 1 warnings)\n");
}

static void check_refuses_what_is_wrong(void **state)
{
    (void)state;
    assert_check("log: {levl: x}", "", 1,
                 "/s.yml:1:7: error: log.levl: field not found, node: levl; did you mean "
                 "\"level\"?\n"
                 "configuration: something is wrong (1 errors, 0 warnings)\n");
    assert_check("", "http: {routers: {r: {rule: R, service: gone}}}\n", 1,
                 "/d.yml:1:18: error: http.routers.r: is not served: the service \"gone@file\" "
                 "does not exist\n"
                 "/s.yml: something is wrong (1 errors, 0 warnings)\n");
    assert_check("", "http: [\n", 1,
                 "/d.yml:2:1: error: YAML: flow sequence without a closing bracket\n"
                 "/s.yml: something is wrong (1 errors, 0 warnings)\n");
}

static void check_opens_the_certificates_files(void **state)
{
    (void)state;
    char text[256], *got = NULL, flag[128];
    size_t length;
    snprintf(text, sizeof(text), "providers: {file: {filename: %s/d.yml}}\n", folder);
    write_file("s.yml", text);
    snprintf(text, sizeof(text), "tls: {certificates: [{certFile: %s/gone.pem, keyFile: %s/a.pem}"
                                 "]}\n", folder, folder);
    write_file("d.yml", text);
    write_file("a.pem", "x");
    snprintf(flag, sizeof(flag), "--configFile=%s/s.yml", folder);
    FILE *out = open_memstream(&got, &length);
    assert_int_equal(check_run(1, (char *const[]){flag, NULL}, (char *const[]){NULL}, out), 1);
    fclose(out);
    assert_non_null(strstr(got, "error: tls.certificates: "));
    assert_non_null(strstr(got, "gone.pem"));
    assert_null(strstr(got, "a.pem:"));
    free(got);
}

static void help_names_commands_and_every_static_key(void **state)
{
    (void)state;
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    help_print(out);
    fclose(out);
    static const char *const wanted[] = {
        "weir check", "weir version", "--configFile",
        "--entryPoints.<name>.address  (string)\n        Where to listen: "
        "[host]:port[/tcp|/udp].\n",
        "--entryPoints.<name>.transport.respondingTimeouts.readTimeout  (duration)\n        "
        "Longest time to read a whole request, body included; 0: none. Default: 60s.\n",
        "--log.level  (choice)\n        From which level on. Default: ERROR. One of: TRACE, DEBUG, "
        "INFO, WARN, ERROR, FATAL, PANIC.\n",
        "--entryPoints.<name>.http.tls.domains[n].main  (string)\n",
        "--metrics.prometheus\n        Serve Prometheus. Not supported yet.\n",
        "--weir.limits.clientHelloBytes  (bytes)\n",
    };
    for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++)
        if (strstr(text, wanted[i]) == NULL)
            fail_msg("missing: %s", wanted[i]);
    assert_null(strstr(text, "--http.routers"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(check_accepts_what_can_be_served, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(check_refuses_what_is_wrong, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(check_opens_the_certificates_files, make_folder,
                                        remove_folder),
        cmocka_unit_test(help_names_commands_and_every_static_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
