/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The API's answers, in the JSON of Traefik v3: from a snapshot, a path and a
 * query to a status and a body, without I/O. It walks the whole configuration,
 * so it is for the control thread.
 *
 *   /api/version  /api/overview  /api/rawdata  /api/entrypoints[/NAME]
 *   /api/{http,tcp}/{routers,services,middlewares}[/NAME@PROVIDER]
 *   /api/counters, which Traefik has not
 *   /api/udp/{routers,services}: always empty, UDP is not built
 *   /api/certificates[/FINGERPRINT]: Traefik's members, and Weir's own
 *   /api/acme: certificate resolvers, which Traefik does not show
 *
 * Lists take page and per_page (100; X-Next-Page tells the next one, 1 at the
 * end), search, status, serviceName and middlewareName.
 */
#ifndef WEIR_CORE_ADMIN_API_H
#define WEIR_CORE_ADMIN_API_H

#include "core/admin/api_answer.h"

/* Path and query as received (percent-encoded). Status 404 without a body: no
 * such path. */
void api_serve(const struct api_source *source, struct span path, struct span query,
               struct api_answer *answer);

#endif
