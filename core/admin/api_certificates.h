/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * /api/certificates[/FINGERPRINT]: the certificates of the snapshot, and what
 * each is worth. Control thread.
 */
#ifndef WEIR_CORE_ADMIN_API_CERTIFICATES_H
#define WEIR_CORE_ADMIN_API_CERTIFICATES_H

#include "core/admin/api_answer.h"

/* An empty name: the list. */
void api_serve_certificates(struct api_request *request, struct span name);

#endif
