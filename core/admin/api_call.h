/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One request to the API on its way to the control thread and back. The
 * exchange may end meanwhile; the answer is dropped then. Worker thread.
 */
#ifndef WEIR_CORE_ADMIN_API_CALL_H
#define WEIR_CORE_ADMIN_API_CALL_H

#include "core/admin/request_metrics.h"
#include "core/control/control.h"
#include "core/proxy/exchange.h"

/* Answers with Prometheus' text. */
void metrics_call_start(struct control *control, struct exchange *exchange,
                        const struct request_metrics *requests);
/* `path` begins with "/api/" and has no base path any more. */
void api_call_start(struct control *control, struct exchange *exchange, struct span path);

#endif
