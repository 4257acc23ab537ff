/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Objects are walked by their keys. A list of certificates becomes an object
 * first, keyed by the names in alphabetical order, so that it is walked like
 * the rest.
 */
#include "core/control/acme_merge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CERTIFICATES "Certificates"
#define ACCOUNT "Account"

struct merge {
    struct acme_merge_report *report;
    const char *resolver; /* whose members are walked; NULL: the root's */
    bool failed;          /* no memory */
};

typedef json_t *merge_member(struct merge *merge, const char *key, json_t *base, json_t *ours,
                             json_t *theirs);

static bool is_same(json_t *a, json_t *b)
{
    return a == b || (a != NULL && b != NULL && json_equal(a, b));
}

/* ---- one thing ---- */

static void note(struct merge *merge, const char *key, json_t *ours, json_t *theirs)
{
    struct acme_merge_report *report = merge->report;
    if (merge->resolver != NULL && strcmp(key, ACCOUNT) == 0)
        report->accounts += !is_same(ours, theirs);
}

/* Borrowed; NULL: it is in the result no more. */
static json_t *choose(struct merge *merge, json_t *base, json_t *ours, json_t *theirs)
{
    if (is_same(ours, base))
        return theirs;
    if (!is_same(theirs, base) && !is_same(ours, theirs))
        merge->report->kept++;
    return ours;
}

/* ---- objects ---- */

static void put(struct merge *merge, json_t *object, const char *key, json_t *value)
{
    if (value != NULL && json_object_set_new(object, key, value) != 0)
        merge->failed = true;
}

/* In their order, and behind it what they have not. */
static json_t *merge_objects(struct merge *merge, json_t *base, json_t *ours, json_t *theirs,
                             merge_member *member)
{
    json_t *result = json_object();
    const char *key;
    json_t *value;
    if (result == NULL) {
        merge->failed = true;
        return NULL;
    }
    json_object_foreach(theirs, key, value)
        put(merge, result, key,
            member(merge, key, json_object_get(base, key), json_object_get(ours, key), value));
    json_object_foreach(ours, key, value)
        if (json_object_get(theirs, key) == NULL)
            put(merge, result, key,
                member(merge, key, json_object_get(base, key), value, NULL));
    return result;
}

/* ---- lists of certificates ---- */

static int compare_texts(const void *a, const void *b)
{
    return strcasecmp(*(const char *const *)a, *(const char *const *)b);
}

static size_t collect_names(json_t *certificate, const char **names)
{
    json_t *domain = json_object_get(certificate, "domain");
    json_t *sans = json_object_get(domain, "sans");
    const char *main = json_string_value(json_object_get(domain, "main"));
    size_t count = 0;
    if (main != NULL)
        names[count++] = main;
    for (size_t i = 0; i < json_array_size(sans); i++)
        if (json_is_string(json_array_get(sans, i)))
            names[count++] = json_string_value(json_array_get(sans, i));
    qsort(names, count, sizeof(*names), compare_texts);
    return count;
}

/* "store\nname,name" in small letters; malloc'ed. */
static char *key_of(json_t *certificate)
{
    json_t *sans = json_object_get(json_object_get(certificate, "domain"), "sans");
    const char *store = json_string_value(json_object_get(certificate, "Store"));
    const char **names = calloc(json_array_size(sans) + 1, sizeof(*names));
    char *text = NULL;
    size_t size = 0;
    FILE *out = names != NULL ? open_memstream(&text, &size) : NULL;
    if (out != NULL) {
        size_t count = collect_names(certificate, names);
        fputs(store != NULL ? store : "", out);
        for (size_t i = 0; i < count; i++)
            fprintf(out, "%c%s", i == 0 ? '\n' : ',', names[i]);
        if (fclose(out) != 0) {
            free(text);
            text = NULL;
        }
    }
    free(names);
    for (char *at = text; at != NULL && *at != '\0'; at++)
        if (*at >= 'A' && *at <= 'Z')
            *at = (char)(*at - 'A' + 'a');
    return text;
}

/* A second certificate of the same names has its place in the list in its key. */
static void add_keyed(struct merge *merge, json_t *keyed, json_t *certificate, size_t place)
{
    char *key = key_of(certificate), *longer = NULL;
    if (key != NULL && json_object_get(keyed, key) != NULL &&
        asprintf(&longer, "%s\n%zu", key, place) < 0)
        longer = NULL;
    if (key == NULL || (json_object_get(keyed, key) != NULL && longer == NULL))
        merge->failed = true;
    else
        put(merge, keyed, longer != NULL ? longer : key, json_incref(certificate));
    free(key);
    free(longer);
}

/* What is no list has nothing in it. */
static json_t *keyed_of(struct merge *merge, json_t *list)
{
    json_t *keyed = json_object();
    merge->failed |= keyed == NULL;
    for (size_t i = 0; keyed != NULL && i < json_array_size(list); i++)
        add_keyed(merge, keyed, json_array_get(list, i), i);
    return keyed;
}

static void list_taken(struct merge *merge, json_t *certificate)
{
    json_t *list = merge->report->list;
    merge->report->taken++;
    if (list != NULL &&
        json_array_append_new(list, json_pack("[s, O]", merge->resolver, certificate)) != 0)
        merge->failed = true;
}

static json_t *merge_certificate(struct merge *merge, const char *key, json_t *base, json_t *ours,
                                 json_t *theirs)
{
    json_t *chosen = choose(merge, base, ours, theirs);
    (void)key;
    if (chosen == NULL)
        merge->report->removed++;
    else if (chosen != ours && !is_same(chosen, ours))
        list_taken(merge, chosen);
    return json_incref(chosen);
}

static json_t *list_of(struct merge *merge, json_t *keyed)
{
    json_t *list = json_array(), *value;
    const char *key;
    merge->failed |= list == NULL;
    json_object_foreach(keyed, key, value)
        merge->failed |= json_array_append(list, value) != 0;
    return list;
}

static json_t *merge_lists(struct merge *merge, json_t *base, json_t *ours, json_t *theirs)
{
    json_t *keyed[] = {keyed_of(merge, base), keyed_of(merge, ours), keyed_of(merge, theirs)};
    json_t *merged =
        merge_objects(merge, keyed[0], keyed[1], keyed[2], merge_certificate);
    json_t *list = json_object_size(merged) == 0 && !json_is_array(theirs)
                       ? json_incref(theirs) /* null, as Traefik writes it, or nothing at all */
                       : list_of(merge, merged);
    for (size_t i = 0; i < 3; i++)
        json_decref(keyed[i]);
    json_decref(merged);
    return list;
}

/* ---- resolvers ---- */

static json_t *merge_part(struct merge *merge, const char *key, json_t *base, json_t *ours,
                          json_t *theirs)
{
    if (strcmp(key, CERTIFICATES) == 0 && (json_is_array(ours) || json_is_array(theirs)))
        return merge_lists(merge, base, ours, theirs);
    json_t *chosen = choose(merge, base, ours, theirs);
    note(merge, key, ours, chosen);
    return json_incref(chosen);
}

static json_t *merge_resolver(struct merge *merge, const char *name, json_t *base, json_t *ours,
                              json_t *theirs)
{
    json_t *result;
    merge->resolver = name;
    if (is_same(ours, theirs))
        result = json_incref(ours);
    else if ((ours == NULL || json_is_object(ours)) && (theirs == NULL || json_is_object(theirs)))
        result = merge_objects(merge, base, ours, theirs, merge_part);
    else
        result = json_incref(choose(merge, base, ours, theirs));
    merge->resolver = NULL;
    /* Nothing is left of what they removed. */
    if (theirs != NULL || json_object_size(result) > 0)
        return result;
    json_decref(result);
    return NULL;
}

json_t *acme_merge(json_t *base, json_t *ours, json_t *theirs, struct acme_merge_report *report)
{
    struct merge merge = {.report = report};
    report->changed = !is_same(base, theirs);
    json_t *result = merge_objects(&merge, base, ours, theirs, merge_resolver);
    if (!merge.failed)
        return result;
    json_decref(result);
    return NULL;
}

/* ---- copies ---- */

static bool copy_members(json_t *to, json_t *from)
{
    const char *key;
    json_t *value;
    json_object_foreach(from, key, value)
        if (json_object_set(to, key, value) != 0)
            return false;
    return true;
}

static bool copy_elements(json_t *to, json_t *from)
{
    for (size_t i = 0; i < json_array_size(from); i++)
        if (json_array_append(to, json_array_get(from, i)) != 0)
            return false;
    return true;
}

json_t *acme_json_copy(json_t *value)
{
    if (!json_is_object(value) && !json_is_array(value))
        return json_incref(value);
    json_t *copy = json_is_object(value) ? json_object() : json_array();
    if (copy != NULL && copy_members(copy, value) && copy_elements(copy, value))
        return copy;
    json_decref(copy);
    return NULL;
}

static json_t *copy_resolver(json_t *resolver)
{
    json_t *copy = acme_json_copy(resolver);
    json_t *list = json_object_get(resolver, CERTIFICATES);
    if (copy == NULL || !json_is_array(list) ||
        json_object_set_new(copy, CERTIFICATES, acme_json_copy(list)) == 0)
        return copy;
    json_decref(copy);
    return NULL;
}

json_t *acme_merge_copy(json_t *root)
{
    json_t *copy = json_object(), *resolver;
    const char *name;
    bool good = copy != NULL;
    json_object_foreach(root, name, resolver)
        good = good && json_object_set_new(copy, name, copy_resolver(resolver)) == 0;
    if (good)
        return copy;
    json_decref(copy);
    return NULL;
}
