/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What reading a configuration found: errors (the configuration is refused)
 * and warnings (it is used; something in it is not built yet, deprecated, or
 * probably not meant). Each names file, line, column and key and says what
 * would be right. Collected so that an operator sees all of them at once.
 * One thread.
 */
#ifndef WEIR_CONFIG_DIAGNOSTICS_H
#define WEIR_CONFIG_DIAGNOSTICS_H

#include "config/model.h"

#include <stdio.h>

#define DIAGNOSTICS_MAX 200 /* kept; more are only counted */

enum severity {
    SEVERITY_WARNING,
    SEVERITY_ERROR,   /* the configuration is refused */
    SEVERITY_PROBLEM, /* a mistake that takes one object out of service; the rest is used */
};

struct diagnostic {
    enum severity severity;
    struct source_mark mark; /* mark.file is owned by the collection */
    char *key;               /* "http.routers.web.rule", or "" */
    char *message;
};

struct diagnostics {
    struct diagnostic *items;
    size_t count;
    size_t errors, problems, warnings; /* all, also those beyond the maximum */
};

void diagnostics_init(struct diagnostics *list);
void diagnostics_finish(struct diagnostics *list);
void diagnostics_add(struct diagnostics *list, enum severity severity, struct source_mark mark,
                     const char *key, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* The same; without a list it becomes one log line at once. */
void diagnostics_report(struct diagnostics *list, enum severity severity, struct source_mark mark,
                        const char *key, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* "FILE:LINE:COLUMN: error: KEY: MESSAGE" per line; a problem prints as an error. */
void diagnostics_print(const struct diagnostics *list, FILE *out);
/* One log line each (core/base/log.h). */
void diagnostics_log(const struct diagnostics *list);

#endif
