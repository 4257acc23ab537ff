/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What reading finds is collected and printed with file, line and key. What
 * building finds goes to the log, as it does in the server; the snapshot is
 * then searched for what has a problem that reading did not know of.
 */
#include "core/app/check_command.h"

#include "config/load.h"
#include "config/provider_file.h"
#include "core/base/log.h"
#include "core/control/build.h"
#include "tls/context.h"

struct check {
    struct diagnostics diagnostics;
    struct model_static *model;
    struct model_dynamic *dynamic;
    size_t build_problems;
};

/* ---- building ---- */

static size_t count_table(const struct snapshot *snapshot, const struct entry_routes *entry,
                          const struct router_table *table)
{
    size_t problems = 0;
    for (size_t i = 0; i < router_table_count(table); i++) {
        const struct route *route = router_table_at(table, i);
        if (route->problem.len > 0 && build_reports_router(snapshot->settings, route->model,
                                                           entry->model->object.name))
            problems++;
    }
    return problems;
}

static size_t count_entry(const struct snapshot *snapshot, const struct entry_routes *entry)
{
    return count_table(snapshot, entry, entry->http) + count_table(snapshot, entry, entry->https) +
           count_table(snapshot, entry, entry->tcp) +
           count_table(snapshot, entry, entry->tcp_tls);
}

static size_t count_transports(const struct upstream_transport *items, size_t count)
{
    size_t problems = 0;
    for (size_t i = 0; i < count; i++)
        problems += items[i].problem.len > 0;
    return problems;
}

static size_t count_problems(const struct snapshot *snapshot)
{
    const struct model_dynamic *model = snapshot->model;
    size_t problems = count_transports(snapshot->transports, snapshot->transport_count) +
                      count_transports(snapshot->tcp_transports, snapshot->tcp_transport_count);
    for (size_t i = 0; i < snapshot->entry_count; i++)
        problems += count_entry(snapshot, &snapshot->entries[i]);
    for (size_t i = 0; i < model->tls_option_count; i++) {
        if (snapshot_tls_options(snapshot, model->tls_options[i].object.name) == NULL)
            problems++;
    }
    return problems;
}

static enum err build_with(struct check *check, struct cert_store *certs, struct err_text *why)
{
    struct build_context context = {
        .settings = check->model, .worker_count = 1, .certs = certs};
    struct snapshot *snapshot;
    TRY(build_snapshot(&context, check->dynamic, &snapshot, why));
    check->dynamic = NULL; /* the snapshot's reference is the only one */
    check->build_problems = count_problems(snapshot) + cert_store_failures(certs);
    snapshot_destroy(snapshot);
    return ERR_OK;
}

static enum err build(struct check *check, struct err_text *why)
{
    struct cert_store *certs;
    TRY(tls_global_init(why));
    enum err error = cert_store_create(&certs);
    if (error == ERR_OK) {
        error = build_with(check, certs, why);
        cert_store_destroy(certs);
    }
    tls_global_finish();
    return error;
}

/* ---- reading ---- */

static enum err parse(struct check *check, struct provider_file *provider)
{
    const struct config_text *texts = NULL;
    size_t count = 0;
    struct err_text why = {""};
    enum err error =
        provider != NULL ? provider_file_read(provider, &texts, &count, &why) : ERR_OK;
    if (error == ERR_OK)
        return config_parse_dynamic(check->model, texts, count, &check->diagnostics,
                                    &check->dynamic);
    diagnostics_add(&check->diagnostics, SEVERITY_ERROR, (struct source_mark){"", 0, 0},
                    "providers.file", "%s", why.text);
    return error;
}

static enum err read_dynamic(struct check *check)
{
    struct provider_file *provider = NULL;
    struct err_text why = {""};
    if (check->model->has_file_provider) {
        enum err error = provider_file_create(check->model->file_name,
                                              check->model->file_directory, false, &provider, &why);
        if (error != ERR_OK) {
            diagnostics_add(&check->diagnostics, SEVERITY_ERROR, (struct source_mark){"", 0, 0},
                            "providers.file", "%s", why.text);
            return error;
        }
    }
    enum err error = parse(check, provider);
    provider_file_destroy(provider);
    return error;
}

/* ---- the report ---- */

static void print_summary(const struct check *check, enum err error, FILE *out)
{
    const struct diagnostics *list = &check->diagnostics;
    size_t wrong = list->errors + list->problems + check->build_problems;
    struct span source = check->model != NULL ? check->model->source : SPAN("configuration");
    if (source.len == 0)
        source = SPAN("defaults");
    const char *verdict = error != ERR_OK || wrong > 0 ? "something is wrong"
                          : list->warnings > 0         ? "valid, with warnings"
                                                       : "valid";
    fprintf(out, "%.*s: %s (%zu errors, %zu warnings)\n", SPAN_ARG(source), verdict, wrong,
            list->warnings);
}

static void finish(struct check *check)
{
    model_dynamic_destroy(check->dynamic);
    model_static_destroy(check->model);
    diagnostics_finish(&check->diagnostics);
}

int check_command_run(int arg_count, char *const *args, char *const *environment, FILE *out)
{
    struct check check = {.model = NULL};
    struct log_settings log = {.level = LOG_WARN, .format = LOG_COMMON, .path = NULL};
    struct err_text why = {""};
    bool found;
    diagnostics_init(&check.diagnostics);
    enum err error = log_configure(&log, &why);
    if (error == ERR_OK)
        error = config_load_static(arg_count, args, environment, &check.diagnostics, &found,
                                   &check.model);
    if (error == ERR_OK)
        error = read_dynamic(&check);
    diagnostics_print(&check.diagnostics, out);
    fflush(out); /* before what the log says */
    if (error == ERR_OK)
        error = build(&check, &why);
    if (why.text[0] != '\0')
        fprintf(out, "error: %s\n", why.text);
    print_summary(&check, error, out);
    const struct diagnostics *list = &check.diagnostics;
    int status = error != ERR_OK || list->errors + list->problems + check.build_problems > 0;
    finish(&check);
    return status;
}
