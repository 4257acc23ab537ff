/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lego's rule: NAME, and if it is empty the file that NAME_FILE names, without
 * the end of its last line.
 */
#include "core/control/acme_dns_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define FILE_MAX (64 << 10)

void acme_dns_forget(char *secret)
{
    if (secret != NULL)
        explicit_bzero(secret, strlen(secret));
    free(secret);
}

enum err acme_dns_file_read(const char *path, char **out, struct err_text *why)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return err_set(why, err_from_errno(errno), "%s: %s", path, strerror(errno));
    setvbuf(file, NULL, _IONBF, 0); /* no copy of a secret stays in a buffer */
    char *text = calloc(1, FILE_MAX + 1);
    size_t size = text != NULL ? fread(text, 1, FILE_MAX, file) : 0;
    bool good = text != NULL && !ferror(file) && size < FILE_MAX;
    fclose(file);
    if (!good) {
        acme_dns_forget(text);
        return err_set(why, ERR_IO, "%s: it cannot be read, or has more than %d bytes", path,
                       FILE_MAX - 1);
    }
    *out = text;
    return ERR_OK;
}

enum err acme_dns_env(const char *prefix, const char *name, char **out, struct err_text *why)
{
    char variable[64], *text;
    snprintf(variable, sizeof(variable), "%s%s", prefix, name);
    const char *value = getenv(variable);
    if (value == NULL || value[0] == '\0') {
        snprintf(variable, sizeof(variable), "%s%s_FILE", prefix, name);
        const char *path = getenv(variable);
        if (path != NULL && path[0] != '\0') {
            enum err error = acme_dns_file_read(path, &text, why);
            if (error != ERR_OK) {
                err_prefix(why, "the environment variable %s", variable);
                return error;
            }
            size_t len = strlen(text);
            while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
                text[--len] = '\0';
            *out = text;
            return ERR_OK;
        }
    }
    text = span_dup(span_cstr(value != NULL ? value : ""));
    if (text == NULL)
        return err_set(why, ERR_NOMEM, "out of memory");
    *out = text;
    return ERR_OK;
}

enum err acme_dns_env_needed(const char *prefix, const char *name, char **out,
                             struct err_text *why)
{
    char *text;
    TRY(acme_dns_env(prefix, name, &text, why));
    if (text[0] == '\0') {
        free(text);
        return err_set(why, ERR_INVALID, "the environment variable %s%s (or %s%s_FILE) is missing",
                       prefix, name, prefix, name);
    }
    *out = text;
    return ERR_OK;
}

enum err acme_dns_env_number(const char *prefix, const char *name, int64_t otherwise, int64_t max,
                             int64_t *out, struct err_text *why)
{
    char *text;
    uint64_t value = (uint64_t)otherwise;
    TRY(acme_dns_env(prefix, name, &text, why));
    bool good = text[0] == '\0' ||
                (span_to_u64(span_trim(span_cstr(text)), &value) && value <= (uint64_t)max);
    free(text);
    if (!good)
        return err_set(why, ERR_INVALID,
                       "the environment variable %s%s is no whole number from 0 to %lld", prefix,
                       name, (long long)max);
    *out = (int64_t)value;
    return ERR_OK;
}
