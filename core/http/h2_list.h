/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Heads and trailers as the lists of names and values that nghttp2 takes. The texts stay
 * where they are, in the exchange's arena. ERR_INVALID: something may not stand there;
 * ERR_NOMEM.
 */
#ifndef WEIR_CORE_HTTP_H2_LIST_H
#define WEIR_CORE_HTTP_H2_LIST_H

#include "core/http/h2.h"

#include <nghttp2/nghttp2.h>

struct h2_list {
    nghttp2_nv *items;
    size_t count;
    uint8_t flags;
};

MUST_USE enum err h2_response_list(struct h2_list *list, struct arena *arena,
                                   const struct http_response *response);
MUST_USE enum err h2_request_list(struct h2_list *list, struct arena *arena,
                                  const struct http_request *request, struct span scheme,
                                  struct span target);
/* borrowed: the texts live until the stream is over. */
MUST_USE enum err h2_trailer_list(struct h2_list *list, struct arena *arena,
                                  const struct http_fields *trailers, bool borrowed);

#endif
