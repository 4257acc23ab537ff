/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Certificates for the benchmark, as a host with many customers has them: a
 * P-256 leaf with two DNS names, signed by one intermediate, in PEM, with a key
 * in PKCS#8. Ten keys serve all of them; every leaf has a signature of its own.
 * Every tenth is a wildcard. The texts lie outside of the heap.
 */
#ifndef WEIR_PERF_CERTS_GENERATE_H
#define WEIR_PERF_CERTS_GENERATE_H

#include "core/base/span.h"

struct generated {
    struct span cert_pem; /* leaf and intermediate */
    struct span key_pem;
};

/* Exits with a message on failure. The texts live until the process ends. */
struct generated *generate_certs(size_t count);

/* Host names for certificate i: one that it is for by name, one that it is for by its wildcard
 * (every tenth only). Return the length. */
size_t generate_exact_name(size_t i, char out[64]);
size_t generate_wildcard_name(size_t i, char out[64]);

#endif
