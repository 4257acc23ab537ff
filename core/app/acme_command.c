/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Words without dashes are the sub-command and its names; the rest are the
 * configuration's own options. The storage itself is written by the server
 * alone.
 */
#include "core/app/acme_command.h"

#include "config/load.h"
#include "core/base/clock.h"
#include "core/control/acme_file.h"
#include "core/control/acme_revoke.h"
#include "core/control/acme_store.h"
#include "tls/context.h"

#include <stdlib.h>

#define EXIT_USAGE 2
#define WISHES_MAX (1 << 20)

struct command {
    const char *word; /* "list" … */
    char **names;
    int name_count;
    char **options;
    int option_count;
    FILE *out, *errors;
    struct model_static *model;
    size_t found; /* certificates with one of the names */
    bool failed;
};

typedef void visit_cert(struct command *command, const struct model_resolver *resolver,
                        struct acme_store *store, const struct acme_stored_cert *stored,
                        const struct cert *cert);

/* ---- the storages ---- */

static void visit_certs(struct command *command, const struct model_resolver *resolver,
                        struct acme_store *store, visit_cert *visit)
{
    const char *name = resolver->object.name.ptr;
    for (size_t i = 0; i < acme_store_cert_count(store, name); i++) {
        struct acme_stored_cert stored;
        struct err_text why = {""};
        struct cert *cert = NULL;
        enum err error = acme_store_cert(store, name, i, &stored);
        if (error == ERR_OK) {
            error = cert_load(stored.chain, stored.key, &cert, &why);
            if (error == ERR_OK)
                visit(command, resolver, store, &stored, cert);
            cert_unref(cert);
            acme_stored_cert_finish(&stored);
        }
        if (error != ERR_OK)
            fprintf(command->errors, "weir: %s: certificate %zu of %s cannot be used: %s\n",
                    acme_store_path(store), i + 1, name,
                    why.text[0] != '\0' ? why.text : err_message(error));
    }
}

static void print_account(struct command *command, const struct model_resolver *resolver,
                          const struct acme_store *store)
{
    struct acme_stored_account account;
    const char *name = resolver->object.name.ptr;
    bool known = acme_store_account(store, name, &account);
    fprintf(command->out, "resolver %s: %s, account %s (%s)\n", name,
            resolver->acme.ca_server.ptr,
            known && account.uri[0] != '\0' ? account.uri : "not registered yet",
            acme_store_path(store));
}

static void visit_all(struct command *command, bool accounts, visit_cert *visit)
{
    for (size_t i = 0; i < command->model->resolver_count; i++) {
        const struct model_resolver *resolver = &command->model->resolvers[i];
        struct err_text why = {""};
        struct acme_store *store;
        if (!resolver->has_acme)
            continue;
        if (acme_store_open(resolver->acme.storage.ptr, &store, &why) != ERR_OK) {
            fprintf(command->errors, "weir: %s\n", why.text);
            command->failed = true;
            continue;
        }
        if (accounts)
            print_account(command, resolver, store);
        visit_certs(command, resolver, store, visit);
        acme_store_destroy(store);
    }
}

/* ---- list ---- */

static void print_cert(struct command *command, const struct model_resolver *resolver,
                       struct acme_store *store, const struct acme_stored_cert *stored,
                       const struct cert *cert)
{
    char until[CLOCK_RFC3339_SIZE];
    bool valid = cert_validity(cert, clock_wall_ns() / NS_PER_S) == CERT_VALID;
    (void)resolver;
    (void)store;
    clock_format_rfc3339(cert->not_after_s * NS_PER_S, until);
    fprintf(command->out, "  %s  %s  %s ", until, valid ? "valid" : "not valid",
            cert_key_type_name(cert->key_type));
    for (size_t i = 0; i < stored->name_count; i++)
        fprintf(command->out, " %.*s", SPAN_ARG(stored->names[i]));
    fputc('\n', command->out);
    command->found++;
}

static int list(struct command *command)
{
    visit_all(command, true, print_cert);
    fprintf(command->out, "%zu certificates\n", command->found);
    return command->failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* ---- renew ---- */

static enum err append_wishes(struct command *command, const char *path, struct buf *text,
                              struct err_text *why)
{
    struct span before;
    enum err error = acme_file_read(path, &before, NULL, why);
    if (error == ERR_OK) {
        error = buf_append(text, before);
        acme_file_release(&before);
    } else if (error == ERR_NOTFOUND) {
        error = ERR_OK;
    }
    for (int i = 0; i < command->name_count && error == ERR_OK; i++)
        error = buf_append_format(text, "%s\n", command->names[i]);
    return error;
}

static bool leave_wishes(struct command *command, const char *storage)
{
    struct err_text why = {""};
    struct buf text;
    char *path;
    if (asprintf(&path, "%s%s", storage, ACME_STORE_WISHES_SUFFIX) < 0)
        return false;
    buf_init(&text, WISHES_MAX);
    enum err error = append_wishes(command, path, &text, &why);
    if (error == ERR_OK)
        error = acme_file_write(path, buf_span(&text), NULL, &why);
    buf_finish(&text);
    free(path);
    if (error != ERR_OK)
        fprintf(command->errors, "weir: %s\n",
                why.text[0] != '\0' ? why.text : err_message(error));
    return error == ERR_OK;
}

/* Resolvers may share a storage: each gets the wishes once. */
static bool is_first(const struct model_static *model, size_t i)
{
    for (size_t j = 0; j < i; j++)
        if (model->resolvers[j].has_acme &&
            span_equal(model->resolvers[j].acme.storage, model->resolvers[i].acme.storage))
            return false;
    return model->resolvers[i].has_acme;
}

static int renew(struct command *command)
{
    if (command->name_count == 0) {
        fprintf(command->errors, "weir: name what is to be renewed, or \"*\"\n");
        return EXIT_USAGE;
    }
    bool good = true;
    for (size_t i = 0; i < command->model->resolver_count; i++)
        if (is_first(command->model, i))
            good &= leave_wishes(command, command->model->resolvers[i].acme.storage.ptr);
    if (good)
        fprintf(command->out,
                "a running Weir renews it within seconds; its log says how it went\n");
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* ---- revoke ---- */

static void revoke_cert(struct command *command, const struct model_resolver *resolver,
                        struct acme_store *store, const struct acme_stored_cert *stored,
                        const struct cert *cert)
{
    struct err_text why = {""};
    bool meant = false;
    for (size_t i = 0; i < stored->name_count; i++)
        meant |= span_equal_nocase(stored->names[i], span_cstr(command->names[0]));
    if (!meant)
        return;
    command->found++;
    enum err error = acme_revoke(resolver, store, cert, &why);
    if (error == ERR_OK) {
        fprintf(command->out, "revoked: the certificate of %s for %s\n",
                resolver->object.name.ptr, stored->main);
        command->failed |= !leave_wishes(command, acme_store_path(store));
        return;
    }
    command->failed = true;
    fprintf(command->errors, "weir: not revoked: %s\n",
            why.text[0] != '\0' ? why.text : err_message(error));
}

static int revoke(struct command *command)
{
    if (command->name_count != 1) {
        fprintf(command->errors, "weir: name one host whose certificate is to be revoked\n");
        return EXIT_USAGE;
    }
    visit_all(command, false, revoke_cert);
    if (command->found == 0)
        fprintf(command->errors, "weir: no storage has a certificate for %s\n",
                command->names[0]);
    return command->found > 0 && !command->failed ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* ---- the command line ---- */

static int run(struct command *command)
{
    struct err_text why = {""};
    if (tls_global_init(&why) != ERR_OK) {
        fprintf(command->errors, "weir: %s\n", why.text);
        return EXIT_FAILURE;
    }
    int status = strcmp(command->word, "list") == 0    ? list(command)
                 : strcmp(command->word, "renew") == 0 ? renew(command)
                                                       : revoke(command);
    tls_global_finish();
    return status;
}

static bool is_known(const char *word)
{
    return strcmp(word, "list") == 0 || strcmp(word, "renew") == 0 || strcmp(word, "revoke") == 0;
}

static void sort_words(struct command *command, int arg_count, char *const *args)
{
    for (int i = 0; i < arg_count; i++) {
        if (args[i][0] == '-')
            command->options[command->option_count++] = args[i];
        else if (command->word == NULL)
            command->word = args[i];
        else
            command->names[command->name_count++] = args[i];
    }
}

static int load_and_run(struct command *command, char *const *environment)
{
    struct diagnostics diagnostics;
    bool found = false;
    diagnostics_init(&diagnostics);
    enum err error = config_load_static(command->option_count, command->options, environment,
                                        &diagnostics, &found, &command->model);
    if (error != ERR_OK)
        diagnostics_print(&diagnostics, command->errors);
    diagnostics_finish(&diagnostics);
    int status = error == ERR_OK ? run(command) : EXIT_FAILURE;
    model_static_destroy(command->model);
    return status;
}

int acme_command_run(int arg_count, char *const *args, char *const *environment, FILE *out,
                     FILE *errors)
{
    struct command command = {.out = out, .errors = errors};
    int status = EXIT_FAILURE;
    command.names = calloc((size_t)arg_count + 1, sizeof(char *));
    command.options = calloc((size_t)arg_count + 1, sizeof(char *));
    if (command.names != NULL && command.options != NULL) {
        sort_words(&command, arg_count, args);
        if (command.word != NULL && is_known(command.word)) {
            status = load_and_run(&command, environment);
        } else {
            fprintf(errors, "usage: weir acme list|renew|revoke [NAME ...] "
                            "[--configFile=FILE | --KEY=VALUE ...]\n");
            status = EXIT_USAGE;
        }
    }
    free(command.names);
    free(command.options);
    return status;
}
