/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * wolfSSL and jemalloc are asked while running; the versions of the others are
 * those that Weir was compiled against.
 */
#include "core/app/version.h"

#include "tls/context.h"

#include <stddef.h>

/* There when jemalloc is linked. */
extern int mallctl(const char *name, void *old, size_t *old_len, void *fresh, size_t fresh_len)
    __attribute__((weak));

static const char *jemalloc_version(void)
{
    const char *version = NULL;
    size_t len = sizeof(version);
    if (mallctl == NULL || mallctl("version", &version, &len, NULL, 0) != 0)
        return "not linked";
    return version;
}

void version_print(FILE *out)
{
    fprintf(out, "Weir: %s\n", WEIR_VERSION);
    fprintf(out, "wolfSSL: %s\n", tls_library_version());
    fprintf(out, "wolfSSL assembly: %s (%s)\n", tls_library_has_assembly() ? "yes" : "no",
            WEIR_WOLFSSL_ASM);
    fprintf(out, "AES-GCM: %s\n", tls_library_gcm());
    fprintf(out, "RSA: OpenSSL libcrypto %s\n", tls_library_rsa());
    fprintf(out, "liburing: %s\n", WEIR_LIBURING_VERSION);
    fprintf(out, "liburcu: %s\n", WEIR_LIBURCU_VERSION);
    fprintf(out, "xxHash: %s\n", WEIR_XXHASH_VERSION);
    fprintf(out, "libfyaml: %s\n", WEIR_LIBFYAML_VERSION);
    fprintf(out, "PCRE2: %s\n", WEIR_PCRE2_VERSION);
    fprintf(out, "jemalloc: %s\n", jemalloc_version());
}
