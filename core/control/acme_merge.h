/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two changes of one acme.json put together: what we changed since both were the
 * same, and what somebody else did. What only one changed is as that one has it;
 * what both changed is as we have it. Certificates are told apart by their names,
 * whatever their order. Pure; any thread.
 */
#ifndef WEIR_CORE_CONTROL_ACME_MERGE_H
#define WEIR_CORE_CONTROL_ACME_MERGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct acme_merge_report {
    bool changed;    /* the other changed anything at all */
    size_t taken;    /* certificates that the other added or replaced */
    size_t removed;  /* and removed */
    size_t accounts; /* accounts that the other changed or removed */
    size_t kept;     /* what both changed: it is as we have it */
    /* [[resolver, certificate], …] of `taken`, or NULL: not wanted. */
    json_t *list;
};

/* The roots of the file: as it was before, as we have it, as it is now. A new reference;
 * parts are shared with the three. NULL: no memory. */
json_t *acme_merge(json_t *base, json_t *ours, json_t *theirs, struct acme_merge_report *report);

/* As json_copy, which tells of no lack of memory and copies less then. */
json_t *acme_json_copy(json_t *value);
/* A copy down to the list of certificates; what those and other members are made of is
 * shared. NULL: no memory. */
json_t *acme_merge_copy(json_t *root);

#endif
