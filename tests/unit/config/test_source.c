/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which source of the static configuration is used, and that flags and
 * environment mean the same as the file.
 */
#include "fixture.h"

#include "config/dump.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define ARGS(...) ((char *const[]){__VA_ARGS__, NULL})

struct outcome {
    struct loaded loaded;
    bool found;
};

static struct outcome load_from(char *const *args, char *const *environment)
{
    struct outcome outcome = {.found = false};
    int count = 0;
    while (args[count] != NULL)
        count++;
    diagnostics_init(&outcome.loaded.diagnostics);
    outcome.loaded.error = config_load_static(count, args, environment,
                                              &outcome.loaded.diagnostics, &outcome.found,
                                              &outcome.loaded.model);
    return outcome;
}

static char *const no_variables[] = {NULL};

/* The flags give the same model as the file. */
static void assert_flags(char *const *args, const char *yaml)
{
    struct outcome flags = load_from(args, no_variables);
    struct loaded file = load_texts("yml", yaml, NULL);
    assert_findings(&flags.loaded, "");
    assert_true(flags.found);
    char *got = dumped(&flags.loaded), *want = dumped(&file);
    assert_string_equal(got, want);
    assert_span(flags.loaded.model->source, "command line");
    free(got);
    free(want);
    loaded_finish(&flags.loaded);
    loaded_finish(&file);
}

static void assert_flag_findings(char *const *args, const char *want)
{
    struct outcome outcome = load_from(args, no_variables);
    assert_findings(&outcome.loaded, want);
    loaded_finish(&outcome.loaded);
}

static void flags_mean_the_same_as_a_file(void **state)
{
    (void)state;
    assert_flags(ARGS("--entryPoints.web.address=:80", "--providers.file.filename=d.yml"),
                 "entryPoints: {web: {address: ':80'}}\nproviders: {file: {filename: d.yml}}\n");
    assert_flags(ARGS("--entrypoints.web.ADDRESS", ":80", "-log.level", "DEBUG"),
                 "entryPoints: {web: {address: ':80'}}\nlog: {level: DEBUG}\n");
    assert_flags(ARGS("--api", "--ping=true", "--accesslog", "--entryPoints.web.address=:80"),
                 "api: {}\nping: {}\naccessLog: {}\nentryPoints: {web: {address: ':80'}}\n");
    assert_flags(ARGS("--api", "--api.insecure", "--api.dashboard=false", "--api=true"),
                 "api: {insecure: true, dashboard: false}\n");
    assert_flags(ARGS("--ping.entryPoint=http", "--ping"), "ping: {entryPoint: http}\n");
    assert_flags(ARGS("--accesslog=false", "--log.level=INFO"), "log: {level: INFO}\n");
    assert_flags(ARGS("--entryPoints.web.address=:80",
                      "--entryPoints.web.forwardedHeaders.trustedIPs=10.0.0.0/8,::1",
                      "--entryPoints.web.forwardedHeaders.trustedIPs=127.0.0.1"),
                 "entryPoints: {web: {address: ':80', forwardedHeaders: {trustedIPs: [10.0.0.0/8, "
                 "'::1', 127.0.0.1]}}}\n");
    assert_flags(ARGS("--entryPoints.web.address=:80",
                      "--entryPoints.web.http.tls.domains[0].main=a",
                      "--entryPoints.web.http.tls.domains[0].sans=b,c",
                      "--entryPoints.web.http.tls.domains[1].main=d"),
                 "entryPoints: {web: {address: ':80', http: {tls: {domains: [{main: a, sans: [b, "
                 "c]}, {main: d}]}}}}\n");
    assert_flags(ARGS("--entryPoints.web", "--entryPoints.web.address=:80"),
                 "entryPoints: {web: {address: ':80'}}\n");
    assert_flags(ARGS("--entryPoints.web.address=:80", "--entryPoints.web.http.tls"),
                 "entryPoints: {web: {address: ':80', http: {tls: {}}}}\n");
    assert_flags(ARGS("--weir.workers=2", "--weir.ring.entries", "128", "--weir.pinWorkers=false"),
                 "weir: {workers: 2, ring: {entries: 128}, pinWorkers: false}\n");
    assert_flags(ARGS("--accesslog.fields.names.ClientHost=drop", "--log.level=WARN",
                      "--log.level=ERROR"),
                 "accessLog: {fields: {names: {ClientHost: drop}}}\n");
}

static void wrong_flags_are_named(void **state)
{
    (void)state;
    assert_flag_findings(ARGS("--entrypoint.web.address=:80"),
                         "command line: error: --entrypoint.web.address=:80: field not found, "
                         "node: entrypoint; did you mean \"entryPoints\"?\n");
    assert_flag_findings(ARGS("--entryPoints.web.adress=:80", "--entryPoints.web.address=:80"),
                         "command line: error: entryPoints.web.adress: field not found, node: "
                         "adress; did you mean \"address\"?\n");
#define NO_FLAG "is no flag; flags begin with --, and a switch takes its value behind =, as in "   \
                "--api=true\n"
    assert_flag_findings(ARGS("web"), "command line: error: web: " NO_FLAG);
    assert_flag_findings(ARGS("--"), "command line: error: --: " NO_FLAG);
    assert_flag_findings(ARGS("--api", "true"), "command line: error: true: " NO_FLAG);
    assert_flag_findings(ARGS("--entryPoints.web"),
                         "command line: error: entryPoints.web: must be a map of keys, not a "
                         "single value\n"
                         "command line: error: entryPoints.web: has no address; write for "
                         "example address: \":443\"\n");
    assert_flag_findings(ARGS("--log.level"), "command line: error: --log.level: needs a value\n");
    assert_flag_findings(ARGS("--log..level=x"),
                         "command line: error: --log..level=x: is no name of a key\n");
    assert_flag_findings(ARGS("--entryPoints.a.http.tls.domains[99999].main=x"),
                         "command line: error: --entryPoints.a.http.tls.domains[99999].main=x: is "
                         "no name of a key\n");
    assert_flag_findings(ARGS("--log.level=loud"),
                         "command line: error: log.level: unknown value \"loud\". The choices "
                         "are: TRACE, DEBUG, INFO, WARN, ERROR, FATAL, PANIC\n");
    assert_flag_findings(ARGS("--weir.workers=x"),
                         "command line: error: weir.workers: \"x\" is no whole number\n");
}

static void variables_mean_the_same_as_a_file(void **state)
{
    (void)state;
    char *const variables[] = {"HOME=/nowhere",
                               "TRAEFIK_ENTRYPOINTS_WEB_ADDRESS=:80",
                               "TRAEFIK_ENTRYPOINTS_WEB_HTTP_TLS_DOMAINS_0_MAIN=a",
                               "TRAEFIK_ENTRYPOINTS_WEB_HTTP_TLS_DOMAINS_1_SANS=b,c",
                               "TRAEFIK_PING=true",
                               "TRAEFIK_WEIR_RING_ENTRIES=128",
                               "TRAEFIK_VERSION=3",
                               "TRAEFIK=1",
                               "TRAEFIKLOG_LEVEL=x",
                               "traefik_log_level=x",
                               NULL};
    struct outcome outcome = load_from(ARGS(NULL), variables);
    struct loaded file = load_texts("yml",
                                    "entryPoints: {web: {address: ':80', http: {tls: {domains: "
                                    "[{main: a}, {sans: [b, c]}]}}}}\nping: {}\n"
                                    "weir: {ring: {entries: 128}}\n",
                                    NULL);
    assert_findings(&outcome.loaded, "");
    char *got = dumped(&outcome.loaded), *want = dumped(&file);
    assert_string_equal(got, want);
    assert_span(outcome.loaded.model->source, "environment");
    free(got);
    free(want);
    loaded_finish(&outcome.loaded);
    loaded_finish(&file);
    char *const wrong[] = {"TRAEFIK_LOG_LEVL=x", NULL};
    outcome = load_from(ARGS(NULL), wrong);
    assert_findings(&outcome.loaded, "environment: error: log.levl: field not found, node: levl; "
                                     "did you mean \"level\"?\n");
    loaded_finish(&outcome.loaded);
}

/* ---- files ---- */

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/weir-source-XXXXXX");
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static const char *path_of(const char *name)
{
    static char path[2][256];
    static int turn;
    turn ^= 1;
    snprintf(path[turn], sizeof(path[turn]), "%s/%s", folder, name);
    return path[turn];
}

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(path_of(name), "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int remove_folder(void **state)
{
    (void)state;
    static const char *const names[] = {"s.yml", "traefik.toml", "traefik.yaml", "traefik.yml",
                                        ".config/traefik.yml", ".config", "s.toml"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        (void)!remove(path_of(names[i]));
    return rmdir(folder);
}

static void a_file_wins_and_flags_are_ignored_aloud(void **state)
{
    (void)state;
    char flag[300], want[400];
    write_file("s.yml", "entryPoints: {fromfile: {address: ':1'}}\n");
    snprintf(flag, sizeof(flag), "--configfile=%s", path_of("s.yml"));
    struct outcome outcome =
        load_from(ARGS(flag, "--ping"), ((char *const[]){"TRAEFIK_API=true", NULL}));
    snprintf(want, sizeof(want), "command line: warning: the flags are ignored, because there is "
                                 "the configuration file %s\n", path_of("s.yml"));
    assert_findings(&outcome.loaded, want);
    assert_true(outcome.found);
    assert_false(outcome.loaded.model->has_ping);
    assert_false(outcome.loaded.model->has_api);
    assert_non_null(model_entry_point(outcome.loaded.model, SPAN("fromfile")));
    assert_span(outcome.loaded.model->source, path_of("s.yml"));
    loaded_finish(&outcome.loaded);
}

static void flags_win_over_the_environment(void **state)
{
    (void)state;
    struct outcome outcome =
        load_from(ARGS("--ping"), ((char *const[]){"TRAEFIK_API=true", NULL}));
    assert_true(outcome.loaded.model->has_ping);
    assert_false(outcome.loaded.model->has_api);
    loaded_finish(&outcome.loaded);
}

static void the_search_path_is_traefiks(void **state)
{
    (void)state;
    char home[100], xdg[100];
    snprintf(home, sizeof(home), "HOME=%s", folder);
    snprintf(xdg, sizeof(xdg), "XDG_CONFIG_HOME=%s", folder);
    assert_int_equal(mkdir(path_of(".config"), 0700), 0);
    write_file(".config/traefik.yml", "entryPoints: {home: {address: ':1'}}\n");
    char *const only_home[] = {home, NULL};
    struct outcome outcome = load_from(ARGS("--ping"), only_home);
    assert_non_null(model_entry_point(outcome.loaded.model, SPAN("home")));
    loaded_finish(&outcome.loaded);
    char *const both[] = {home, xdg, NULL};
    write_file("traefik.yml", "entryPoints: {yml: {address: ':1'}}\n");
    outcome = load_from(ARGS(NULL), both);
    assert_non_null(model_entry_point(outcome.loaded.model, SPAN("yml")));
    loaded_finish(&outcome.loaded);
    write_file("traefik.yaml", "entryPoints: {yaml: {address: ':1'}}\n");
    outcome = load_from(ARGS(NULL), both);
    assert_non_null(model_entry_point(outcome.loaded.model, SPAN("yaml")));
    loaded_finish(&outcome.loaded);
    write_file("traefik.toml", "[entryPoints.toml]\naddress = \":1\"\n");
    outcome = load_from(ARGS(NULL), both);
    assert_non_null(model_entry_point(outcome.loaded.model, SPAN("toml")));
    loaded_finish(&outcome.loaded);
}

static void a_file_that_cannot_be_read_is_an_error(void **state)
{
    (void)state;
    char flag[300], want[400];
    snprintf(flag, sizeof(flag), "--configFile=%s", path_of("none.yml"));
    struct outcome outcome = load_from(ARGS(flag), no_variables);
    snprintf(want, sizeof(want), "%s: error: the configuration file cannot be read: No such file "
                                 "or directory\n", path_of("none.yml"));
    assert_findings(&outcome.loaded, want);
    assert_int_equal(outcome.loaded.error, ERR_INVALID);
    loaded_finish(&outcome.loaded);
    snprintf(flag, sizeof(flag), "--configFile=%s", folder);
    outcome = load_from(ARGS(flag), no_variables);
    snprintf(want, sizeof(want), "%s: error: the configuration file cannot be read: Is a "
                                 "directory\n", folder);
    assert_findings(&outcome.loaded, want);
    loaded_finish(&outcome.loaded);
}

static void without_any_source_there_are_the_defaults(void **state)
{
    (void)state;
    struct outcome outcome = load_from(ARGS(NULL), no_variables);
    assert_false(outcome.found);
    assert_int_equal(outcome.loaded.error, ERR_OK);
    assert_span(outcome.loaded.model->source, "");
    assert_int_equal(outcome.loaded.model->entry_point_count, 1);
    loaded_finish(&outcome.loaded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flags_mean_the_same_as_a_file),
        cmocka_unit_test(wrong_flags_are_named),
        cmocka_unit_test(variables_mean_the_same_as_a_file),
        cmocka_unit_test_setup_teardown(a_file_wins_and_flags_are_ignored_aloud, make_folder,
                                        remove_folder),
        cmocka_unit_test(flags_win_over_the_environment),
        cmocka_unit_test_setup_teardown(the_search_path_is_traefiks, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_file_that_cannot_be_read_is_an_error, make_folder,
                                        remove_folder),
        cmocka_unit_test(without_any_source_there_are_the_defaults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
