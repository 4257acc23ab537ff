/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The same steps as the server's: source, static model, files, dynamic model.
 * All findings are collected in one list and printed in the end.
 */
#include "config/check.h"

#include "config/content.h"
#include "config/load.h"
#include "config/provider_file.h"

static void check_content(const struct model_content *content, const struct source_mark *mark,
                          const char *key, struct diagnostics *diagnostics)
{
    struct span bytes;
    bool from_file;
    struct err_text why = {""};
    if (content_read(content->value, &bytes, &from_file, &why) == ERR_OK)
        content_release(&bytes);
    else
        diagnostics_add(diagnostics, SEVERITY_PROBLEM, *mark, key, "%s", why.text);
}

static void check_certificate(const struct model_certificate *certificate, const char *key,
                              struct diagnostics *diagnostics)
{
    check_content(&certificate->cert, &certificate->mark, key, diagnostics);
    check_content(&certificate->key, &certificate->mark, key, diagnostics);
}

static void check_contents(const struct model_dynamic *model, struct diagnostics *diagnostics)
{
    for (size_t i = 0; i < model->certificate_count; i++)
        check_certificate(&model->certificates[i], "tls.certificates", diagnostics);
    for (size_t i = 0; i < model->tls_store_count; i++)
        if (model->tls_stores[i].has_default_certificate)
            check_certificate(&model->tls_stores[i].default_certificate,
                              "tls.stores.default.defaultCertificate", diagnostics);
    for (size_t i = 0; i < model->http_transport_count; i++) {
        const struct model_servers_transport *transport = &model->http_transports[i];
        for (size_t j = 0; j < transport->root_ca_count; j++)
            check_content(&transport->root_cas[j], &transport->object.mark,
                          "http.serversTransports.rootCAs", diagnostics);
    }
}

static enum err check_texts(const struct model_static *model, struct provider_file *provider,
                            struct diagnostics *diagnostics)
{
    const struct config_text *texts;
    size_t count;
    struct err_text why = {""};
    enum err error = provider_file_read(provider, &texts, &count, &why);
    if (error != ERR_OK) {
        diagnostics_add(diagnostics, SEVERITY_ERROR, (struct source_mark){"", 0, 0},
                        "providers.file", "%s", why.text);
        return error;
    }
    struct model_dynamic *dynamic;
    TRY(config_parse_dynamic(model, texts, count, diagnostics, &dynamic));
    check_contents(dynamic, diagnostics);
    model_dynamic_destroy(dynamic);
    return ERR_OK;
}

static enum err check_dynamic(const struct model_static *model, struct diagnostics *diagnostics)
{
    struct provider_file *provider;
    struct err_text why = {""};
    if (!model->has_file_provider)
        return ERR_OK;
    enum err error = provider_file_create(model->file_name, model->file_directory, false,
                                          &provider, &why);
    if (error != ERR_OK) {
        diagnostics_add(diagnostics, SEVERITY_ERROR, (struct source_mark){"", 0, 0},
                        "providers.file", "%s", why.text);
        return error;
    }
    error = check_texts(model, provider, diagnostics);
    provider_file_destroy(provider);
    return error;
}

static void print_summary(const struct diagnostics *list, enum err error, const char *source,
                          FILE *out)
{
    size_t mistakes = list->errors + list->problems;
    const char *verdict = error == ERR_NOMEM ? "out of memory"
                          : mistakes > 0     ? "something is wrong"
                          : list->warnings > 0 ? "valid, with warnings"
                                               : "valid";
    fprintf(out, "%s: %s (%zu errors, %zu warnings)\n", source, verdict, mistakes,
            list->warnings);
}

int check_run(int arg_count, char *const *args, char *const *environment, FILE *out)
{
    struct diagnostics diagnostics;
    struct model_static *model = NULL;
    bool found;
    diagnostics_init(&diagnostics);
    enum err error =
        config_load_static(arg_count, args, environment, &diagnostics, &found, &model);
    if (error == ERR_OK)
        error = check_dynamic(model, &diagnostics);
    char source[4096] = "configuration";
    if (model != NULL)
        snprintf(source, sizeof(source), "%.*s",
                 SPAN_ARG(model->source.len > 0 ? model->source : SPAN("defaults")));
    diagnostics_print(&diagnostics, out);
    print_summary(&diagnostics, error, source, out);
    int status = error != ERR_OK || diagnostics.errors + diagnostics.problems > 0;
    model_static_destroy(model);
    diagnostics_finish(&diagnostics);
    return status;
}
