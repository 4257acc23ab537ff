/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reads the files of tests/unit/tls/pem (WEIR_TEST_PEM). */
#ifndef WEIR_TESTS_UNIT_TLS_PEM_FILE_H
#define WEIR_TESTS_UNIT_TLS_PEM_FILE_H

#include <assert.h>
#include <stdio.h>

#include "core/base/span.h"

struct pem_file {
    char text[8192];
    size_t len;
};

static inline struct span pem_file_read(struct pem_file *file, const char *name)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", WEIR_TEST_PEM, name);
    FILE *stream = fopen(path, "rb");
    if (stream == NULL)
        perror(path);
    assert(stream != NULL);
    file->len = fread(file->text, 1, sizeof(file->text), stream);
    assert(file->len < sizeof(file->text));
    fclose(stream);
    return span_make(file->text, file->len);
}

#endif
