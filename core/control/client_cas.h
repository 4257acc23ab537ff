/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads the files that TLS options verify clients with: their caFiles, and the
 * revocation lists of weir.tls.crlFiles, which all of them share and which are
 * read once for a build, when the first options want them. Control thread.
 */
#ifndef WEIR_CORE_CONTROL_CLIENT_CAS_H
#define WEIR_CORE_CONTROL_CLIENT_CAS_H

#include "config/model.h"
#include "core/base/err.h"
#include "tls/crl.h"

/* Zeroed but for `files`. */
struct crl_source {
    const struct span_list *files; /* empty: revocation is not asked about */
    bool tried;
    struct crl_set *set;
    enum err error; /* why there is none */
    struct err_text why;
};
void crl_source_finish(struct crl_source *source);

struct client_cas {
    struct span *pems; /* contents of the files, in their order */
    size_t count;
    struct crl_set *crls; /* the source's, or NULL */
};

/* Leaves *out zeroed for options that verify nothing. A file that cannot be read
 * is an error that names it; *out is then to be finished all the same. */
MUST_USE enum err client_cas_read(const struct model_tls_options *model,
                                  struct crl_source *source, struct client_cas *out,
                                  struct err_text *why);
void client_cas_finish(struct client_cas *cas);

#endif
