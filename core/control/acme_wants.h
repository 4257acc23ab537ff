/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which certificates a configuration asks resolvers for: the names of
 * tls.domains, else of the rule, of each router that names a resolver, and
 * defaultGeneratedCert. Names that a certificate of the operator's covers are
 * left out, and sets of the same names are one. Control thread.
 */
#ifndef WEIR_CORE_CONTROL_ACME_WANTS_H
#define WEIR_CORE_CONTROL_ACME_WANTS_H

#include "core/base/arena.h"
#include "core/proxy/snapshot.h"

struct acme_want {
    const struct model_resolver *resolver;
    struct span *names; /* normalised; the first is the certificate's main name */
    size_t count;
    struct span key;    /* the names sorted, joined with ',' */
    bool has_wildcard;
    bool is_default;    /* for defaultGeneratedCert */
};

struct acme_wants {
    struct acme_want *items; /* larger sets first, wildcards before the rest */
    size_t count;
    struct arena arena;
};

/* ERR_NOMEM. report: names that cannot be asked for are named in the log. Everything
 * lives as long as *out. */
MUST_USE enum err acme_wants_collect(const struct snapshot *snapshot, bool report,
                                     struct acme_wants *out);
void acme_wants_finish(struct acme_wants *wants);

/* The names sorted and joined with ',', in the arena; ptr NULL: no memory. */
struct span acme_names_key(struct arena *arena, const struct span *names, size_t count);
/* Whether a certificate for `pattern` is good for `name` ("*.b" for "a.b"). */
bool acme_name_covers(struct span pattern, struct span name);

#endif
