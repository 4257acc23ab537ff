/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two string maps. The contexts are made here, under options of their own: TLS
 * 1.2 or later and acme-tls/1 alone, no tickets.
 */
#include "core/proxy/challenges.h"

#include "core/base/hash.h"
#include "core/base/rcu.h"

#include <stdlib.h>

struct challenge_table {
    struct strmap http; /* token → answer, a C string */
    struct strmap tls;  /* server name → struct tls_context */
};

static _Atomic(struct challenge_table *) published;

static void table_destroy(struct challenge_table *table)
{
    if (table == NULL)
        return;
    strmap_for_each(&table->http, slot) {
        free((char *)slot->key.ptr);
        free(slot->value);
    }
    strmap_for_each(&table->tls, slot) {
        free((char *)slot->key.ptr);
        tls_context_unref(slot->value);
    }
    strmap_finish(&table->http);
    strmap_finish(&table->tls);
    free(table);
}

static enum err add_http(struct challenge_table *table, const struct challenge_http *from)
{
    char *token = span_dup(from->token), *answer = span_dup(from->key_authorization);
    enum err error = ERR_NOMEM;
    if (token != NULL && answer != NULL)
        error = strmap_add(&table->http, span_make(token, from->token.len), answer);
    if (error != ERR_OK) {
        free(token);
        free(answer);
    }
    return error == ERR_EXISTS ? ERR_OK : error;
}

static enum err make_options(struct tls_options **out, struct err_text *why)
{
    static const struct span alpn = {CHALLENGE_ALPN, sizeof(CHALLENGE_ALPN) - 1};
    struct tls_options_config config = {
        .name = SPAN("acme-tls"), .alpn = &alpn, .alpn_count = 1, .session_tickets = false};
    return tls_options_create(&config, out, why);
}

static enum err add_tls(struct challenge_table *table, const struct challenge_tls *from,
                        struct err_text *why)
{
    struct tls_options *options;
    struct tls_context *context = NULL;
    TRY(make_options(&options, why));
    enum err error = tls_server_context_create(from->cert, options, &context, why);
    tls_options_unref(options);
    TRY(error);
    char *name = span_dup(from->server_name);
    error = name != NULL ? strmap_add(&table->tls, span_make(name, from->server_name.len), context)
                         : ERR_NOMEM;
    if (error != ERR_OK) {
        free(name);
        tls_context_unref(context);
    }
    return error == ERR_EXISTS ? ERR_OK : error;
}

static enum err fill(struct challenge_table *table, const struct challenge_http *http,
                     size_t http_count, const struct challenge_tls *tls, size_t tls_count,
                     struct err_text *why)
{
    for (size_t i = 0; i < http_count; i++)
        TRY(add_http(table, &http[i]));
    for (size_t i = 0; i < tls_count; i++)
        TRY(add_tls(table, &tls[i], why));
    return ERR_OK;
}

static void replace(struct challenge_table *table)
{
    struct challenge_table *old = rcu_exchange(&published, table);
    if (old == NULL)
        return;
    rcu_wait_for_readers();
    table_destroy(old);
}

enum err challenges_publish(const struct challenge_http *http, size_t http_count,
                            const struct challenge_tls *tls, size_t tls_count,
                            struct err_text *why)
{
    if (http_count + tls_count == 0) {
        replace(NULL);
        return ERR_OK;
    }
    struct challenge_table *table = calloc(1, sizeof(*table));
    if (table == NULL)
        return err_set(why, ERR_NOMEM, "out of memory");
    strmap_init(&table->http);
    strmap_init(&table->tls);
    enum err error = fill(table, http, http_count, tls, tls_count, why);
    if (error != ERR_OK) {
        table_destroy(table);
        return error;
    }
    replace(table);
    return ERR_OK;
}

void challenges_finish(void)
{
    table_destroy(rcu_exchange(&published, NULL));
}

struct span challenges_find_http(struct span path)
{
    const struct challenge_table *table = rcu_load(&published);
    if (table == NULL || !span_starts_with(path, CHALLENGE_PATH))
        return SPAN_EMPTY;
    return span_cstr(strmap_get(&table->http, span_skip(path, CHALLENGE_PATH.len)));
}

struct tls_context *challenges_find_tls(struct span server_name)
{
    const struct challenge_table *table = rcu_load(&published);
    return table != NULL ? strmap_get(&table->tls, server_name) : NULL;
}
