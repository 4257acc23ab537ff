/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What Weir serves when nobody has configured anything: HTTPS on 8443 with the
 * self-signed certificate, HTTP on 8080 redirected to it, in front of the
 * demonstration backend. Written as a user would write it. Any thread.
 */
#ifndef WEIR_CORE_APP_BUILTIN_H
#define WEIR_CORE_APP_BUILTIN_H

#include "config/load.h"

#include <stdio.h>

struct config_text builtin_static(void);

#define BUILTIN_DYNAMIC_SIZE 512
/* The text is written into `buffer` and borrowed from it. */
struct config_text builtin_dynamic(uint16_t demo_port, char buffer[BUILTIN_DYNAMIC_SIZE]);

/* What to try first. */
void builtin_print_hints(FILE *out);

#endif
