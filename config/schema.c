/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tables are short (the longest has forty rows), so they are searched from top
 * to bottom. "Near" is Levenshtein's distance without regard to case, at most
 * a third of the length; a prefix of a name counts as near too.
 */
#include "config/schema.h"

const struct schema_row *schema_find(const struct schema_row *rows, struct span name)
{
    for (const struct schema_row *row = rows; row != NULL && row->name != NULL; row++)
        if (span_equal_nocase(span_cstr(row->name), name))
            return row;
    return NULL;
}

#define NEAR_MAX 48

static size_t smallest(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

static size_t distance(struct span a, struct span b)
{
    size_t row[NEAR_MAX + 1];
    if (a.len > NEAR_MAX || b.len > NEAR_MAX)
        return SIZE_MAX;
    for (size_t j = 0; j <= b.len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t above = row[j];
            bool same = ascii_lower(a.ptr[i - 1]) == ascii_lower(b.ptr[j - 1]);
            row[j] = smallest(above + 1, row[j - 1] + 1, diagonal + !same);
            diagonal = above;
        }
    }
    return row[b.len];
}

/* How far `name` is from `candidate`; SIZE_MAX when nobody would confuse them. */
static size_t remoteness(struct span name, const char *candidate)
{
    struct span other = span_cstr(candidate);
    size_t shorter = name.len < other.len ? name.len : other.len;
    if (shorter >= 3 && span_equal_nocase(span_first(name, shorter), span_first(other, shorter)))
        return 1;
    size_t far = distance(name, other);
    size_t limit = (name.len + 2) / 3;
    return far <= (limit > 1 ? limit : 1) ? far : SIZE_MAX;
}

const char *schema_nearest(const struct schema_row *rows, struct span name)
{
    const char *nearest = NULL;
    size_t least = SIZE_MAX;
    for (const struct schema_row *row = rows; row != NULL && row->name != NULL; row++) {
        size_t far = remoteness(name, row->name);
        if (far < least) {
            least = far;
            nearest = row->name;
        }
    }
    return nearest;
}

const char *schema_nearest_choice(const struct schema_choice *choices, struct span name)
{
    const char *nearest = NULL;
    size_t least = SIZE_MAX;
    for (; choices->name != NULL; choices++) {
        size_t far = remoteness(name, choices->name);
        if (far < least) {
            least = far;
            nearest = choices->name;
        }
    }
    return nearest;
}

const char *schema_type_name(enum schema_type type)
{
    static const char *const names[] = {
        [SCHEMA_STRING] = "string",
        [SCHEMA_CHOICE] = "choice",
        [SCHEMA_BOOL] = "boolean",
        [SCHEMA_INTEGER] = "integer",
        [SCHEMA_BYTES] = "bytes",
        [SCHEMA_FLOAT] = "number",
        [SCHEMA_DURATION] = "duration",
        [SCHEMA_STRINGS] = "list of strings",
        [SCHEMA_CHOICES] = "list of choices",
        [SCHEMA_CIDRS] = "list of addresses",
        [SCHEMA_CONTENT] = "path or PEM",
        [SCHEMA_CONTENTS] = "list of paths or PEM",
        [SCHEMA_INTEGERS] = "list of integers",
        [SCHEMA_FLOATS] = "list of numbers",
        [SCHEMA_STRING_MAP] = "map of strings",
        [SCHEMA_INTEGER_MAP] = "map of integers",
        [SCHEMA_SECTION] = "section",
        [SCHEMA_OBJECTS] = "named sections",
        [SCHEMA_ARRAY] = "list of sections",
        [SCHEMA_ANY] = "anything",
    };
    return names[type];
}

bool schema_is_section(const struct schema_row *row)
{
    return row->type == SCHEMA_SECTION || row->type == SCHEMA_OBJECTS ||
           row->type == SCHEMA_ARRAY;
}
