/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The dashboard: one page without anything from elsewhere, which reads the API
 * beside it. Immutable; any thread.
 */
#ifndef WEIR_CORE_ADMIN_DASHBOARD_H
#define WEIR_CORE_ADMIN_DASHBOARD_H

#include "core/base/span.h"

extern const struct span dashboard_page;

#endif
