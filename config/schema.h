/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The configuration as data: one row per key. The decoder, `weir check`,
 * `weir --help`, the flags, the environment and docs/reference all come from
 * these tables; a key exists by having a row.
 *
 * A row says the key's name, type, default (in the operator's own spelling),
 * unit, range or choices, what it means in one line, where its value is kept
 * in the model, and whether Weir serves it yet. A row without AT is checked
 * and then dropped: with NOT_BUILT it says so in a warning.
 *
 * Rows are written with the macros below, e.g.
 *
 *   KEY("readTimeout", DURATION, "60s", "Longest time to read a request.",
 *       AT(model_entry_point, read_timeout), RANGE(0, INT64_MAX)),
 *
 * Static roots are read at start; dynamic roots are read again at each change.
 */
#ifndef WEIR_CONFIG_SCHEMA_H
#define WEIR_CONFIG_SCHEMA_H

#include "config/model.h"

enum schema_type {
    SCHEMA_STRING,   /* struct span */
    SCHEMA_CHOICE,   /* one of `choices`: struct span, or int with AT_ENUM */
    SCHEMA_BOOL,     /* bool, or a bit of a uint32_t with AT_BIT */
    SCHEMA_INTEGER,  /* int64_t, or uint32_t with AT_U32 */
    SCHEMA_BYTES,    /* as INTEGER */
    SCHEMA_FLOAT,    /* not kept yet */
    SCHEMA_DURATION, /* int64_t nanoseconds */
    SCHEMA_STRINGS,  /* struct span_list */
    SCHEMA_CHOICES,  /* the same, each one of `choices` */
    SCHEMA_CIDRS,    /* struct model_cidr_list */
    SCHEMA_CONTENT,  /* struct model_content: a path, or inline PEM */
    SCHEMA_CONTENTS, /* struct model_content *, and a count */
    SCHEMA_INTEGERS, /* not kept */
    SCHEMA_FLOATS,   /* not kept */
    SCHEMA_STRING_MAP,  /* struct model_string_map: free names to strings */
    SCHEMA_INTEGER_MAP, /* free names to integers; not kept */
    SCHEMA_SECTION,  /* keys below, in `rows`; kept in the same or a sub-struct */
    SCHEMA_OBJECTS,  /* free names to sections: an array of what has a model_object */
    SCHEMA_ARRAY,    /* a list of sections: an array */
    SCHEMA_ANY,      /* whatever stands there is not looked at (plugins) */
};

/* What happens when a key is set that Weir does not serve yet. */
enum schema_built {
    BUILT,
    UNBUILT_WARNS,  /* a warning; what is served is safe without it */
    UNBUILT_CLOSES, /* and the object that asks for it is taken out of service */
};

enum schema_storage { STORE_NOWHERE, STORE_VALUE, STORE_ENUM, STORE_U32, STORE_BIT };

struct decoder;
struct node;
struct schema_row;

struct schema_choice {
    const char *name;
    int value;
};

/* Looks at a value that has been decoded (`text` is a scalar's text); calls
 * decoder_reject or decoder_warn when it does not like it. base is the struct
 * that the row's offset belongs to. */
typedef void schema_check(struct decoder *decoder, const struct schema_row *row,
                          const struct node *node, void *base);

struct schema_row {
    const char *name;
    enum schema_type type;
    const char *fallback; /* default, as the operator would write it; NULL: zero value */
    const char *doc;
    const char *unit; /* NULL: from the type */
    enum schema_built built;
    bool allow_empty; /* SECTION: {} and true are legal, false switches it off */
    bool deprecated;
    bool any_case;    /* CHOICE */
    bool has_range;
    int64_t min, max;
    const struct schema_choice *choices; /* ends with a NULL name */
    schema_check *check;
    const struct schema_row *rows; /* SECTION, OBJECTS, ARRAY; ends with a NULL name */
    enum schema_storage storage;
    size_t offset;
    uint32_t bit;     /* STORE_BIT: set or cleared in a uint32_t */
    bool has_present; /* a bool is set when the section appears */
    size_t present_offset;
    size_t count_offset; /* OBJECTS, ARRAY, CONTENTS */
    size_t element_size; /* OBJECTS, ARRAY */
    bool qualify;        /* OBJECTS: names become name@provider */
    bool marked;         /* ARRAY: the element's place is kept at mark_offset */
    size_t mark_offset;
};

#define SCHEMA_END {.name = NULL}
#define KEY(name_, type_, fallback_, doc_, ...)                                              \
    {.name = (name_), .type = SCHEMA_##type_, .fallback = (fallback_), .doc = (doc_), ##__VA_ARGS__}
#define SECTION(name_, doc_, rows_, ...)                                                     \
    {.name = (name_), .type = SCHEMA_SECTION, .doc = (doc_), .rows = (rows_), ##__VA_ARGS__}

#define AT(type_, field_) .storage = STORE_VALUE, .offset = offsetof(struct type_, field_)
#define AT_ENUM(type_, field_) .storage = STORE_ENUM, .offset = offsetof(struct type_, field_)
#define AT_U32(type_, field_) .storage = STORE_U32, .offset = offsetof(struct type_, field_)
#define AT_BIT(type_, field_, bit_)                                                           \
    .storage = STORE_BIT, .offset = offsetof(struct type_, field_), .bit = (bit_)
#define AT_LIST(type_, field_, count_, element_)                                             \
    .storage = STORE_VALUE, .offset = offsetof(struct type_, field_),                        \
    .count_offset = offsetof(struct type_, count_), .element_size = sizeof(element_)
/* A section's keys are kept in this sub-struct; without it, in the same struct. */
#define INTO(type_, field_) .storage = STORE_VALUE, .offset = offsetof(struct type_, field_)
#define PRESENT(type_, field_)                                                               \
    .has_present = true, .present_offset = offsetof(struct type_, field_)
#define MARK_AT(type_, field_) .marked = true, .mark_offset = offsetof(struct type_, field_)
#define RANGE(min_, max_) .has_range = true, .min = (min_), .max = (max_)
#define CHOICES(list_) .choices = (list_)
#define ROWS(rows_) .rows = (rows_)
#define CHECK(function_) .check = (function_)
#define UNIT(unit_) .unit = (unit_)
#define ALLOW_EMPTY .allow_empty = true
#define DEPRECATED .deprecated = true
#define ANY_CASE .any_case = true
#define QUALIFIED .qualify = true
#define NOT_BUILT .built = UNBUILT_WARNS
#define NOT_BUILT_CLOSES .built = UNBUILT_CLOSES

/* The roots: base structs are model_static and model_dynamic. */
extern const struct schema_row schema_static[];
extern const struct schema_row schema_dynamic[];

/* The row of this key among `rows`, by name but for case; NULL when unknown. */
const struct schema_row *schema_find(const struct schema_row *rows, struct span name);
/* The name nearest to a misspelt one, or NULL when none is near. */
const char *schema_nearest(const struct schema_row *rows, struct span name);
const char *schema_nearest_choice(const struct schema_choice *choices, struct span name);

/* "string", "duration", "list of strings" … */
const char *schema_type_name(enum schema_type type);
/* Whether a row holds rows of its own. */
bool schema_is_section(const struct schema_row *row);

#endif
