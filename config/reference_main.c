/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * weir-reference: prints docs/reference/configuration.md. With a file's name
 * it compares instead, and exits 1 when the file is out of date.
 */
#include "config/help.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static int compare(const char *path, const char *wanted, size_t length)
{
    FILE *file = fopen(path, "re");
    char *found = malloc(length + 1);
    size_t n = file != NULL && found != NULL ? fread(found, 1, length + 1, file) : 0;
    bool same = n == length && memcmp(found, wanted, length) == 0;
    if (file != NULL)
        fclose(file);
    free(found);
    if (!same)
        fprintf(stderr, "%s is out of date; write it again with: weir-reference > %s\n", path,
                path);
    return same ? 0 : 1;
}

int main(int arg_count, char **args)
{
    char *text = NULL;
    size_t length = 0;
    if (arg_count < 2) {
        help_write_reference(stdout);
        return fflush(stdout) == 0 ? 0 : 1;
    }
    FILE *memory = open_memstream(&text, &length);
    if (memory == NULL)
        return 1;
    help_write_reference(memory);
    fclose(memory);
    int status = compare(args[1], text, length);
    free(text);
    return status;
}
