/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How the API's parts end an answer. Control thread.
 */
#ifndef WEIR_CORE_ADMIN_API_ANSWER_H
#define WEIR_CORE_ADMIN_API_ANSWER_H

#include "core/admin/api.h"
#include "core/base/arena.h"
#include "core/base/json.h"

struct api_request {
    const struct api_source *source;
    struct span query;
    struct api_answer *answer;
    struct arena arena; /* dies with the answer */
};

/* {"message":"…"}, as Traefik's API says what is wrong. */
void api_refuse(struct api_answer *answer, uint16_t status, const char *message);
/* "KIND not found: NAME". */
void api_refuse_name(struct api_answer *answer, const char *kind, struct span name);
/* Ends with a line feed, as Go's encoder does. */
void api_complete(struct api_answer *answer, struct json *json);

/* /api/certificates[/FINGERPRINT] */
void api_serve_certificates(struct api_request *request, struct span name);
/* /api/acme */
void api_serve_acme(struct api_request *request);

#endif
