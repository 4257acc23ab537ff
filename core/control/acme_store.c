/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The JSON trees themselves are the memory, so that what Weir does not know
 * survives. libjansson's allocator wipes what it frees, since keys are in there.
 */
#include "core/control/acme_store.h"

#include "core/control/acme_merge.h"
#include "tls/base64.h"

#include <jansson.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#define SUFFIX_ORDERS ".orders"

struct acme_store {
    char *paths[ACME_STORE_FILES];
    json_t *roots[ACME_STORE_FILES];
    bool dirty[ACME_STORE_FILES];
    /* Of acme.json: as it was when file and memory were the same, and as it is being written.
     * Their parts are the root's own, which are replaced, never changed. */
    json_t *base, *writing;
    struct acme_file_stamp stamp;
};

static void wipe_and_free(void *memory)
{
    if (memory != NULL)
        explicit_bzero(memory, malloc_usable_size(memory));
    free(memory);
}

/* ---- life ---- */

static enum err refuse_text(const char *path, const json_error_t *where, struct err_text *why)
{
    if (where->text[0] == '\0' || json_error_code(where) == json_error_out_of_memory)
        return err_set(why, ERR_NOMEM, "out of memory");
    return err_set(why, ERR_SYNTAX, "%s is no JSON as Traefik writes it: %d:%d: %s", path,
                   where->line, where->column, where->text);
}

static enum err parse_tree(const char *path, struct span text, json_t **out,
                           struct err_text *why)
{
    json_error_t where = {.text = ""};
    bool blank = acme_file_is_blank(text);
    json_t *root = blank ? json_object()
                         : json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, &where);
    if (root == NULL)
        return blank ? err_set(why, ERR_NOMEM, "out of memory") : refuse_text(path, &where, why);
    if (!json_is_object(root)) {
        json_decref(root);
        return err_set(why, ERR_SYNTAX, "%s is no JSON object", path);
    }
    *out = root;
    return ERR_OK;
}

static enum err read_tree(const char *path, json_t **out, struct acme_file_stamp *stamp,
                          struct err_text *why)
{
    struct span text = SPAN_EMPTY;
    enum err error = acme_file_read(path, &text, stamp, why);
    if (error != ERR_OK && error != ERR_NOTFOUND)
        return error;
    error = parse_tree(path, text, out, why);
    acme_file_release(&text);
    return error;
}

enum err acme_store_open(const char *path, struct acme_store **out, struct err_text *why)
{
    json_set_alloc_funcs(malloc, wipe_and_free);
    struct acme_store *store = calloc(1, sizeof(*store));
    if (store == NULL)
        return err_set(why, ERR_NOMEM, "out of memory");
    enum err error = ERR_OK;
    for (size_t i = 0; i < ACME_STORE_FILES && error == ERR_OK; i++) {
        if (asprintf(&store->paths[i], "%s%s", path, i == 0 ? "" : SUFFIX_ORDERS) < 0)
            error = ERR_NOMEM;
        else
            error = read_tree(store->paths[i], &store->roots[i],
                              i == ACME_STORE_MAIN ? &store->stamp : NULL, why);
    }
    if (error == ERR_OK && (store->base = acme_merge_copy(store->roots[ACME_STORE_MAIN])) == NULL)
        error = err_set(why, ERR_NOMEM, "out of memory");
    if (error != ERR_OK) {
        acme_store_destroy(store);
        return error;
    }
    *out = store;
    return ERR_OK;
}

void acme_store_destroy(struct acme_store *store)
{
    if (store == NULL)
        return;
    for (size_t i = 0; i < ACME_STORE_FILES; i++) {
        free(store->paths[i]);
        json_decref(store->roots[i]);
    }
    json_decref(store->base);
    json_decref(store->writing);
    free(store);
}

const char *acme_store_path(const struct acme_store *store)
{
    return store->paths[ACME_STORE_MAIN];
}

const char *acme_store_file_path(const struct acme_store *store, enum acme_store_file file)
{
    return store->paths[file];
}

bool acme_store_is_dirty(const struct acme_store *store, enum acme_store_file file)
{
    return store->dirty[file];
}

void acme_store_set_dirty(struct acme_store *store, enum acme_store_file file)
{
    store->dirty[file] = true;
}

void acme_store_set_written(struct acme_store *store, enum acme_store_file file)
{
    if (file != ACME_STORE_MAIN)
        return;
    json_decref(store->base);
    store->base = store->writing;
    store->writing = NULL;
}

struct acme_file_stamp *acme_store_stamp(struct acme_store *store)
{
    return &store->stamp;
}

static enum err note_writing(struct acme_store *store)
{
    json_decref(store->writing);
    store->writing = acme_merge_copy(store->roots[ACME_STORE_MAIN]);
    return store->writing != NULL ? ERR_OK : ERR_NOMEM;
}

enum err acme_store_text(struct acme_store *store, enum acme_store_file file, struct span *out)
{
    struct span text = SPAN_EMPTY;
    if (file == ACME_STORE_MAIN || json_object_size(store->roots[file]) > 0) {
        char *bytes = json_dumps(store->roots[file], JSON_INDENT(2));
        if (bytes == NULL)
            return ERR_NOMEM;
        text = span_cstr(bytes);
    }
    if (file == ACME_STORE_MAIN && note_writing(store) != ERR_OK) {
        acme_file_release(&text);
        return ERR_NOMEM;
    }
    store->dirty[file] = false;
    *out = text;
    return ERR_OK;
}

/* ---- the trees ---- */

static json_t *get(const struct acme_store *store, enum acme_store_file file,
                   const char *resolver)
{
    return json_object_get(store->roots[file], resolver);
}

/* The object of a resolver, made if there is none; NULL: no memory. */
static json_t *need(struct acme_store *store, enum acme_store_file file, const char *resolver)
{
    json_t *object = get(store, file, resolver);
    if (json_is_object(object))
        return object;
    object = json_object();
    return json_object_set_new(store->roots[file], resolver, object) == 0 ? object : NULL;
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

static json_t *base64_json(struct span bytes)
{
    char *text = base64_text(bytes, BASE64_STANDARD);
    json_t *json = text != NULL ? json_string(text) : NULL;
    wipe_and_free(text);
    return json;
}

const char *acme_store_resolver(const struct acme_store *store, size_t i)
{
    for (void *at = json_object_iter(store->roots[ACME_STORE_MAIN]); at != NULL;
         at = json_object_iter_next(store->roots[ACME_STORE_MAIN], at))
        if (i-- == 0)
            return json_object_iter_key(at);
    return NULL;
}

/* ---- accounts ---- */

bool acme_store_account(const struct acme_store *store, const char *resolver,
                        struct acme_stored_account *out)
{
    const json_t *account = json_object_get(get(store, ACME_STORE_MAIN, resolver), "Account");
    if (!json_is_object(account))
        return false;
    *out = (struct acme_stored_account){
        .email = text_of(account, "Email"),
        .uri = text_of(json_object_get(account, "Registration"), "uri"),
        .key = text_of(account, "PrivateKey"),
    };
    return out->key[0] != '\0';
}

enum err acme_store_set_account(struct acme_store *store, const char *resolver,
                                const char *email, const char *uri, const char *registration,
                                struct span key_der, const char *key_type)
{
    json_t *object = need(store, ACME_STORE_MAIN, resolver);
    json_t *body = registration != NULL ? json_loads(registration, 0, NULL) : NULL;
    if (body == NULL)
        body = json_object();
    json_t *of_ca = json_null();
    if (uri[0] != '\0')
        of_ca = json_pack("{s:o, s:s}", "body", body, "uri", uri);
    else
        json_decref(body);
    json_t *account = json_pack("{s:s, s:o, s:o, s:s}", "Email", email, "Registration", of_ca,
                                "PrivateKey", base64_json(key_der), "KeyType", key_type);
    if (object == NULL || account == NULL) {
        json_decref(account);
        return ERR_NOMEM;
    }
    if (json_object_get(object, "Certificates") == NULL)
        (void)json_object_set_new(object, "Certificates", json_null());
    store->dirty[ACME_STORE_MAIN] = true;
    return json_object_set_new(object, "Account", account) == 0 ? ERR_OK : ERR_NOMEM;
}

/* ---- certificates ---- */

static json_t *cert_list(const struct acme_store *store, const char *resolver)
{
    return json_object_get(get(store, ACME_STORE_MAIN, resolver), "Certificates");
}

size_t acme_store_cert_count(const struct acme_store *store, const char *resolver)
{
    return json_array_size(cert_list(store, resolver));
}

static enum err read_names(const json_t *domain, struct acme_stored_cert *out)
{
    const json_t *sans = json_object_get(domain, "sans");
    size_t count = json_array_size(sans);
    out->names = calloc(count + 2, sizeof(*out->names));
    if (out->names == NULL)
        return ERR_NOMEM;
    out->main = text_of(domain, "main");
    if (out->main[0] != '\0')
        out->names[out->name_count++] = span_cstr(out->main);
    for (size_t i = 0; i < count; i++) {
        const char *name = json_string_value(json_array_get(sans, i));
        if (name != NULL && name[0] != '\0')
            out->names[out->name_count++] = span_cstr(name);
    }
    return out->name_count > 0 ? ERR_OK : ERR_SYNTAX;
}

static enum err read_pem(const json_t *object, const char *key, struct span *out)
{
    struct buf bytes;
    buf_init(&bytes, ACME_FILE_MAX);
    enum err error = base64_decode(&bytes, span_cstr(text_of(object, key)), BASE64_STANDARD);
    if (error == ERR_OK && buf_len(&bytes) == 0)
        error = ERR_SYNTAX;
    if (error == ERR_OK) {
        char *copy = span_dup(buf_span(&bytes));
        *out = (struct span){copy, copy != NULL ? buf_len(&bytes) : 0};
        error = copy != NULL ? ERR_OK : ERR_NOMEM;
    }
    if (bytes.data != NULL)
        explicit_bzero(bytes.data, bytes.cap);
    buf_finish(&bytes);
    return error;
}

static enum err read_cert(const json_t *object, struct acme_stored_cert *out)
{
    struct acme_stored_cert cert = {.store = text_of(object, "Store")};
    enum err error = read_names(json_object_get(object, "domain"), &cert);
    if (error == ERR_OK)
        error = read_pem(object, "certificate", &cert.chain);
    if (error == ERR_OK)
        error = read_pem(object, "key", &cert.key);
    if (error != ERR_OK) {
        acme_stored_cert_finish(&cert);
        return error;
    }
    *out = cert;
    return ERR_OK;
}

enum err acme_store_cert(const struct acme_store *store, const char *resolver, size_t i,
                         struct acme_stored_cert *out)
{
    return read_cert(json_array_get(cert_list(store, resolver), i), out);
}

void acme_stored_cert_finish(struct acme_stored_cert *cert)
{
    acme_file_release(&cert->chain);
    acme_file_release(&cert->key);
    free(cert->names);
    cert->names = NULL;
}

static bool names_contain(const struct span *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (span_equal_nocase(names[i], span_cstr(name)))
            return true;
    return false;
}

static bool has_names(const json_t *object, const struct span *names, size_t count)
{
    const json_t *domain = json_object_get(object, "domain");
    const json_t *sans = json_object_get(domain, "sans");
    bool same = json_array_size(sans) + 1 == count &&
                names_contain(names, count, text_of(domain, "main"));
    for (size_t i = 0; same && i + 1 < count; i++) {
        const char *name = json_string_value(json_array_get(sans, i));
        same = name != NULL && names_contain(names, count, name);
    }
    return same;
}

static json_t *domain_json(const struct span *names, size_t count)
{
    json_t *domain = json_object(), *sans = json_array();
    bool good = json_object_set_new(domain, "main", json_stringn(names[0].ptr, names[0].len)) == 0;
    for (size_t i = 1; good && i < count; i++)
        good = json_array_append_new(sans, json_stringn(names[i].ptr, names[i].len)) == 0;
    if (good && count > 1)
        good = json_object_set(domain, "sans", sans) == 0;
    json_decref(sans);
    if (good)
        return domain;
    json_decref(domain);
    return NULL;
}

static json_t *new_cert(const struct span *names, size_t count)
{
    return json_pack("{s:o, s:s, s:s, s:s}", "domain", domain_json(names, count), "certificate",
                     "", "key", "", "Store", "default");
}

static json_t *need_list(json_t *resolver)
{
    json_t *list = json_object_get(resolver, "Certificates");
    if (json_is_array(list) || resolver == NULL)
        return list;
    list = json_array();
    return json_object_set_new(resolver, "Certificates", list) == 0 ? list : NULL;
}

static bool fill_cert(json_t *object, struct span chain, struct span key)
{
    json_t *chain_json = base64_json(chain), *key_json = base64_json(key);
    /* A reference that is given away is given away also where that fails. */
    bool set = json_object_set_new(object, "certificate", chain_json) == 0;
    return json_object_set_new(object, "key", key_json) == 0 && set;
}

enum err acme_store_set_cert(struct acme_store *store, const char *resolver,
                             const struct span *names, size_t name_count, struct span chain,
                             struct span key)
{
    json_t *list = need_list(need(store, ACME_STORE_MAIN, resolver));
    size_t i = 0, count = json_array_size(list);
    while (i < count && !has_names(json_array_get(list, i), names, name_count))
        i++;
    json_t *object = i < count ? acme_json_copy(json_array_get(list, i))
                               : new_cert(names, name_count);
    if (list == NULL || !fill_cert(object, chain, key)) {
        json_decref(object);
        return ERR_NOMEM;
    }
    store->dirty[ACME_STORE_MAIN] = true;
    int failed = i < count ? json_array_set_new(list, i, object)
                           : json_array_append_new(list, object);
    return failed == 0 ? ERR_OK : ERR_NOMEM;
}

/* ---- orders ---- */

bool acme_store_order(const struct acme_store *store, const char *resolver, const char *names,
                      const char **url, const char **key_pem)
{
    const json_t *order = json_object_get(get(store, ACME_STORE_ORDERS, resolver), names);
    *url = text_of(order, "url");
    *key_pem = text_of(order, "key");
    return (*url)[0] != '\0' && (*key_pem)[0] != '\0';
}

enum err acme_store_set_order(struct acme_store *store, const char *resolver, const char *names,
                              const char *url, struct span key_pem)
{
    json_t *of = need(store, ACME_STORE_ORDERS, resolver);
    json_t *order = json_pack("{s:s, s:o}", "url", url, "key",
                              json_stringn(key_pem.ptr, key_pem.len));
    if (of == NULL || order == NULL) {
        json_decref(order);
        return ERR_NOMEM;
    }
    store->dirty[ACME_STORE_ORDERS] = true;
    return json_object_set_new(of, names, order) == 0 ? ERR_OK : ERR_NOMEM;
}

void acme_store_forget_order(struct acme_store *store, const char *resolver, const char *names)
{
    json_t *of = get(store, ACME_STORE_ORDERS, resolver);
    if (json_object_del(of, names) != 0)
        return;
    if (json_object_size(of) == 0)
        (void)json_object_del(store->roots[ACME_STORE_ORDERS], resolver);
    store->dirty[ACME_STORE_ORDERS] = true;
}

/* ---- what others write ---- */

static void visit_taken(json_t *list, acme_store_taken *taken, void *context)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *pair = json_array_get(list, i);
        struct acme_stored_cert cert;
        if (read_cert(json_array_get(pair, 1), &cert) != ERR_OK)
            continue; /* it stays in the file */
        taken(context, json_string_value(json_array_get(pair, 0)), &cert);
        acme_stored_cert_finish(&cert);
    }
}

/* Takes the reference on `theirs`. */
static enum err merge_tree(struct acme_store *store, json_t *theirs,
                           struct acme_merge_report *report)
{
    json_t *ours = store->roots[ACME_STORE_MAIN];
    json_t *merged = acme_merge(store->base, ours, theirs, report);
    json_t *root = merged != NULL ? acme_merge_copy(merged) : NULL;
    json_decref(merged);
    if (root == NULL) {
        json_decref(theirs);
        return ERR_NOMEM;
    }
    store->dirty[ACME_STORE_MAIN] = !json_equal(root, theirs);
    store->roots[ACME_STORE_MAIN] = root;
    json_decref(ours);
    json_decref(store->base);
    store->base = theirs;
    return ERR_OK;
}

enum err acme_store_merge(struct acme_store *store, struct span text,
                          const struct acme_file_stamp *stamp, acme_store_taken *taken,
                          void *context, struct acme_merge_report *report, struct err_text *why)
{
    json_t *theirs;
    *report = (struct acme_merge_report){0};
    if (acme_file_is_blank(text)) {
        store->stamp = *stamp;
        store->dirty[ACME_STORE_MAIN] = true;
        return ERR_OK;
    }
    TRY(parse_tree(store->paths[ACME_STORE_MAIN], text, &theirs, why));
    report->list = json_array();
    enum err error = merge_tree(store, theirs, report);
    if (error == ERR_OK) {
        store->stamp = *stamp;
        visit_taken(report->list, taken, context);
    }
    json_decref(report->list);
    report->list = NULL;
    return error;
}

enum err acme_store_read_orders(struct acme_store *store, struct err_text *why)
{
    json_t *root;
    TRY(read_tree(store->paths[ACME_STORE_ORDERS], &root, NULL, why));
    json_decref(store->roots[ACME_STORE_ORDERS]);
    store->roots[ACME_STORE_ORDERS] = root;
    store->dirty[ACME_STORE_ORDERS] = false;
    return ERR_OK;
}
