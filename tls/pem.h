/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * PEM (RFC 7468, and the headers of RFC 1421 in front of old keys): walks the
 * blocks of a text and decodes their base64. Text between blocks is passed
 * over. Nothing is allocated; blocks are views of the text. Any thread.
 */
#ifndef WEIR_TLS_PEM_H
#define WEIR_TLS_PEM_H

#include "core/base/err.h"
#include "core/base/span.h"

struct pem_reader {
    struct span rest;
    size_t line; /* of what follows, from 1 */
};

struct pem_block {
    struct span label; /* "CERTIFICATE", "EC PRIVATE KEY" … */
    struct span body;  /* base64 with its line ends */
    size_t line;       /* where the block begins */
    bool encrypted;    /* by its label or by "Proc-Type: 4,ENCRYPTED" */
};

void pem_reader_init(struct pem_reader *reader, struct span text);

/* The next block; ERR_NOTFOUND after the last, ERR_SYNTAX where one has no
 * end or another's. */
MUST_USE enum err pem_next(struct pem_reader *reader, struct pem_block *out,
                           struct err_text *why);

/* Bytes that pem_decode writes at most. */
size_t pem_decoded_max(const struct pem_block *block);
/* ERR_SYNTAX: a character that is not base64, or wrong padding; *out may hold
 * part of the bytes then. */
MUST_USE enum err pem_decode(const struct pem_block *block, uint8_t *out, size_t *out_len,
                             struct err_text *why);

#endif
