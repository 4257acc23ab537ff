/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Finds Go template actions in dynamic files. Traefik expands every dynamic
 * file as a template before it parses it, so a literal {{ never stands in one
 * except in a comment; Weir does not expand templates yet and says so instead
 * of guessing. Static files are no templates. Pure functions, any thread.
 */
#ifndef WEIR_CONFIG_TEMPLATE_H
#define WEIR_CONFIG_TEMPLATE_H

#include "config/node.h"

/* The first {{ outside of comments; for files that do not parse. `file` is the
 * mark's. */
bool template_in_text(const char *file, struct span text, struct source_mark *mark);
/* The first key or value below http, tcp, udp or tls that holds {{. */
bool template_in_tree(const struct node *root, struct source_mark *mark);

#endif
