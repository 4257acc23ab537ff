/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A part of fetch.c: a job's `server_name`. On fetch's thread.
 */
#ifndef WEIR_CORE_CONTROL_FETCH_NAME_H
#define WEIR_CORE_CONTROL_FETCH_NAME_H

#include "core/control/fetch.h"

/* Sets the transfer's (CURL *) URL so that it asks for job->server_name and verifies it,
 * fills job->connect_to and appends a Host field to job->headers; all that only for https.
 * ERR_INVALID: the URL or the name is none. */
MUST_USE enum err fetch_name_apply(void *easy, struct fetch_job *job);

#endif
