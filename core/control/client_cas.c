/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One list that cannot be read is enough for all options that verify to fail:
 * what it would have named must not pass.
 */
#include "core/control/client_cas.h"

#include "config/content.h"
#include "config/read_file.h"

#include <limits.h>
#include <stdlib.h>

static enum err read_lists(struct crl_set *set, struct span name, struct err_text *why)
{
    char path[PATH_MAX];
    struct span bytes = name;
    if (content_is_inline(name))
        return crl_set_add(set, bytes, why);
    if (name.len == 0 || name.len >= sizeof(path))
        return err_set(why, ERR_INVALID, "a path is empty or too long");
    memcpy(path, name.ptr, name.len);
    path[name.len] = '\0';
    TRY(read_file(path, CRL_FILE_MAX, &bytes, why));
    enum err error = crl_set_add(set, bytes, why);
    if (error != ERR_OK)
        err_prefix(why, "%s", path);
    read_file_release(&bytes);
    return error;
}

static void fill(struct crl_source *source)
{
    source->tried = true;
    source->set = crl_set_create();
    source->error = source->set != NULL ? ERR_OK : ERR_NOMEM;
    for (size_t i = 0; i < source->files->count && source->error == ERR_OK; i++)
        source->error = read_lists(source->set, source->files->items[i], &source->why);
    if (source->error != ERR_OK)
        err_prefix(&source->why, "weir.tls.crlFiles");
}

void crl_source_finish(struct crl_source *source)
{
    crl_set_unref(source->set);
    source->set = NULL;
}

static enum err read_cas(const struct span_list *files, struct client_cas *out,
                         struct err_text *why)
{
    bool from_file;
    out->pems = calloc(files->count + 1, sizeof(out->pems[0]));
    if (out->pems == NULL)
        return err_set(why, ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < files->count; i++) {
        enum err error = content_read(files->items[i], &out->pems[i], &from_file, why);
        if (error != ERR_OK) {
            err_prefix(why, "clientAuth.caFiles");
            return error;
        }
        out->count = i + 1;
    }
    return ERR_OK;
}

enum err client_cas_read(const struct model_tls_options *model, struct crl_source *source,
                         struct client_cas *out, struct err_text *why)
{
    if (model->client_auth < CLIENT_AUTH_VERIFY_IF_GIVEN)
        return ERR_OK;
    TRY(read_cas(&model->client_ca_files, out, why));
    if (source->files->count == 0)
        return ERR_OK;
    if (!source->tried)
        fill(source);
    if (source->error != ERR_OK)
        return err_set(why, source->error, "%s", source->why.text);
    out->crls = source->set;
    return ERR_OK;
}

void client_cas_finish(struct client_cas *cas)
{
    for (size_t i = 0; i < cas->count; i++)
        content_release(&cas->pems[i]);
    free(cas->pems);
}
