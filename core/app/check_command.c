/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What reading and building find is collected and printed with file, line and
 * key.
 */
#include "core/app/check_command.h"

#include "config/load.h"
#include "config/provider_file.h"
#include "core/base/log.h"
#include "core/control/acme.h"
#include "core/control/build.h"
#include "core/control/tickets.h"
#include "tls/context.h"

struct check {
    struct diagnostics diagnostics;
    struct model_static *model;
    struct model_dynamic *dynamic;
};

/* ---- building ---- */

static enum err build_with(struct check *check, struct cert_store *certs, struct err_text *why)
{
    struct build_context context = {.settings = check->model,
                                    .worker_count = 1,
                                    .certs = certs,
                                    .findings = &check->diagnostics};
    struct snapshot *snapshot;
    cert_store_report_to(certs, &check->diagnostics);
    TRY(build_snapshot(&context, check->dynamic, &snapshot, why));
    check->dynamic = NULL; /* the snapshot's reference is the only one */
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

static void check_tickets(struct check *check)
{
    struct err_text why = {""};
    if (tickets_check(&check->model->weir.ticket_key_files, &why) != ERR_OK)
        diagnostics_add(&check->diagnostics, SEVERITY_ERROR, (struct source_mark){"", 0, 0},
                        "weir.tls.ticketKeyFiles", "%s", why.text);
}

/* ---- the report ---- */

static void print_summary(const struct check *check, enum err error, FILE *out)
{
    const struct diagnostics *list = &check->diagnostics;
    size_t wrong = list->errors + list->problems;
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
    if (error == ERR_OK) {
        check_tickets(&check);
        acme_check(check.model, &check.diagnostics);
        error = read_dynamic(&check);
    }
    if (error == ERR_OK)
        error = build(&check, &why);
    diagnostics_print(&check.diagnostics, out);
    if (why.text[0] != '\0')
        fprintf(out, "error: %s\n", why.text);
    print_summary(&check, error, out);
    const struct diagnostics *list = &check.diagnostics;
    int status = error != ERR_OK || list->errors + list->problems > 0;
    finish(&check);
    return status;
}
