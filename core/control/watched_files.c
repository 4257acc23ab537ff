/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One walk over everything in the model that may be a path.
 */
#include "core/control/watched_files.h"

#include "config/content.h"

#include <stdlib.h>

struct file_list {
    struct span *items;
    size_t count;
};

static size_t upper_bound(const struct model_static *settings, const struct model_dynamic *model)
{
    size_t count = 2 * (model->certificate_count + model->tls_store_count) +
                   settings->weir.crl_files.count;
    for (size_t i = 0; i < model->tls_option_count; i++)
        count += model->tls_options[i].client_ca_files.count;
    for (size_t i = 0; i < model->http_transport_count; i++)
        count += model->http_transports[i].root_ca_count +
                 2 * model->http_transports[i].certificate_count;
    for (size_t i = 0; i < model->tcp_transport_count; i++)
        count += model->tcp_transports[i].tls.root_ca_count +
                 2 * model->tcp_transports[i].tls.certificate_count;
    return count;
}

static void add(struct file_list *list, struct span value)
{
    if (value.len > 0 && !content_is_inline(value))
        list->items[list->count++] = value;
}

static void add_all(struct file_list *list, const struct span_list *values)
{
    for (size_t i = 0; i < values->count; i++)
        add(list, values->items[i]);
}

static void add_pair(struct file_list *list, const struct model_certificate *pair)
{
    add(list, pair->cert.value);
    add(list, pair->key.value);
}

static void add_transport(struct file_list *list, const struct model_servers_transport *transport)
{
    for (size_t i = 0; i < transport->root_ca_count; i++)
        add(list, transport->root_cas[i].value);
    for (size_t i = 0; i < transport->certificate_count; i++)
        add_pair(list, &transport->certificates[i]);
}

enum err watched_files(const struct model_static *settings, const struct model_dynamic *model,
                       struct span **out, size_t *count)
{
    struct file_list list = {calloc(upper_bound(settings, model) + 1, sizeof(struct span)), 0};
    if (list.items == NULL)
        return ERR_NOMEM;
    add_all(&list, &settings->weir.crl_files);
    for (size_t i = 0; i < model->tls_option_count; i++)
        add_all(&list, &model->tls_options[i].client_ca_files);
    for (size_t i = 0; i < model->certificate_count; i++)
        add_pair(&list, &model->certificates[i]);
    for (size_t i = 0; i < model->tls_store_count; i++) {
        if (model->tls_stores[i].has_default_certificate)
            add_pair(&list, &model->tls_stores[i].default_certificate);
    }
    for (size_t i = 0; i < model->http_transport_count; i++)
        add_transport(&list, &model->http_transports[i]);
    for (size_t i = 0; i < model->tcp_transport_count; i++)
        add_transport(&list, &model->tcp_transports[i].tls);
    *out = list.items;
    *count = list.count;
    return ERR_OK;
}
