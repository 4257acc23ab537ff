/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * /api/acme: the resolvers and what each has obtained, or could not. Control
 * thread.
 */
#ifndef WEIR_CORE_ADMIN_API_ACME_H
#define WEIR_CORE_ADMIN_API_ACME_H

#include "core/admin/api_answer.h"

void api_serve_acme(struct api_request *request);

#endif
