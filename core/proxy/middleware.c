/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A chain is one allocation of pointers; the first middleware that cannot be
 * had is its problem, and the others are not asked.
 */
#include "core/proxy/middleware.h"

#include <stdio.h>
#include <stdlib.h>

static const struct middleware_type *const types[] = {
    &middleware_pass_tls_client_cert,
    &middleware_redirect_scheme,
};

static const struct middleware_type *find_type(enum middleware_kind kind)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (types[i]->kind == kind)
            return types[i];
    }
    return NULL;
}

static enum err create(const struct model_dynamic *model, struct span name,
                       struct middleware **out, struct err_text *why)
{
    const struct model_middleware *found = model_http_middleware(model, name);
    if (found == NULL)
        return err_set(why, ERR_NOTFOUND, "middleware \"%.*s\" does not exist", SPAN_ARG(name));
    if (found->object.problem.len > 0)
        return err_set(why, ERR_INVALID, "middleware \"%.*s\": %.*s", SPAN_ARG(name),
                       SPAN_ARG(found->object.problem));
    const struct middleware_type *type = find_type(found->kind);
    if (type == NULL)
        return err_set(why, ERR_UNSUPPORTED, "middleware \"%.*s\": %.*s is not built yet",
                       SPAN_ARG(name), SPAN_ARG(found->type));
    enum err error = type->create(found, out, why);
    if (error != ERR_OK)
        err_prefix(why, "middleware \"%.*s\"", SPAN_ARG(name));
    return error;
}

enum err middleware_chain_create(const struct model_dynamic *model,
                                 const struct model_router *router, struct middleware_chain **out)
{
    size_t count = router->middlewares.count;
    struct middleware_chain *chain =
        calloc(1, sizeof(*chain) + count * sizeof(struct middleware *));
    if (chain == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < count; i++) {
        struct err_text why = {""};
        enum err error = create(model, router->middlewares.items[i], &chain->items[i], &why);
        if (error == ERR_OK) {
            chain->count++;
            continue;
        }
        char *problem = error != ERR_NOMEM ? span_dup(span_cstr(why.text)) : NULL;
        if (problem == NULL) {
            middleware_chain_destroy(chain);
            return ERR_NOMEM;
        }
        chain->problem = span_cstr(problem);
        break;
    }
    *out = chain;
    return ERR_OK;
}

void middleware_chain_destroy(struct middleware_chain *chain)
{
    if (chain == NULL)
        return;
    for (size_t i = 0; i < chain->count; i++)
        chain->items[i]->type->destroy(chain->items[i]);
    free((char *)chain->problem.ptr);
    free(chain);
}
