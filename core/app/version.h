/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `weir version`: what Weir is built of, one "Name: version" a line.
 */
#ifndef WEIR_CORE_APP_VERSION_H
#define WEIR_CORE_APP_VERSION_H

#include <stdio.h>

void version_print(FILE *out);

#endif
