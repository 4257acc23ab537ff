/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * /metrics in Prometheus' text format 0.0.4: Traefik's names where Weir can give
 * what they mean, and weir_* for the workers' own counters. Walks the
 * certificates, so it is for the control thread.
 */
#ifndef WEIR_CORE_ADMIN_PROMETHEUS_H
#define WEIR_CORE_ADMIN_PROMETHEUS_H

#include "core/admin/request_metrics.h"
#include "core/base/buf.h"
#include "core/control/control.h"

#define PROMETHEUS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

MUST_USE enum err prometheus_write(const struct control *control,
                                   const struct model_static *settings,
                                   const struct request_metrics *requests, struct buf *out);

#endif
