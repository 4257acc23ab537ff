/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The JSON trees themselves are the memory, so that what Weir does not know
 * survives. libjansson's allocator wipes what it frees, since keys are in there.
 */
#include "core/control/acme_store.h"

#include "core/control/acme_file.h"
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
};

static void wipe_and_free(void *memory)
{
    if (memory != NULL)
        explicit_bzero(memory, malloc_usable_size(memory));
    free(memory);
}

/* ---- life ---- */

static bool is_blank(struct span text)
{
    while (text.len > 0 && strchr(" \t\r\n", text.ptr[0]) != NULL)
        text = span_skip(text, 1);
    return text.len == 0;
}

static enum err read_tree(const char *path, json_t **out, struct err_text *why)
{
    struct span text = SPAN_EMPTY;
    json_error_t where;
    enum err error = acme_file_read(path, &text, why);
    json_t *root = NULL;
    if (error == ERR_OK && !is_blank(text))
        root = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, &where);
    else if (error == ERR_OK || error == ERR_NOTFOUND)
        root = json_object();
    bool parsed = error == ERR_OK || error == ERR_NOTFOUND;
    acme_file_release(&text);
    if (!parsed)
        return error;
    if (!json_is_object(root)) {
        bool is_json = root != NULL;
        json_decref(root);
        return is_json
                   ? err_set(why, ERR_SYNTAX, "%s is no JSON object", path)
                   : err_set(why, ERR_SYNTAX, "%s is no JSON as Traefik writes it: %d:%d: %s", path,
                             where.line, where.column, where.text);
    }
    *out = root;
    return ERR_OK;
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
            error = read_tree(store->paths[i], &store->roots[i], why);
    }
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

enum err acme_store_text(struct acme_store *store, enum acme_store_file file, struct span *out)
{
    struct span text = SPAN_EMPTY;
    if (file == ACME_STORE_MAIN || json_object_size(store->roots[file]) > 0) {
        char *bytes = json_dumps(store->roots[file], JSON_INDENT(2));
        if (bytes == NULL)
            return ERR_NOMEM;
        text = span_cstr(bytes);
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

enum err acme_store_cert(const struct acme_store *store, const char *resolver, size_t i,
                         struct acme_stored_cert *out)
{
    const json_t *object = json_array_get(cert_list(store, resolver), i);
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

static json_t *find_cert(json_t *list, const struct span *names, size_t count)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (has_names(json_array_get(list, i), names, count))
            return json_array_get(list, i);
    return NULL;
}

static json_t *add_cert(json_t *resolver, const struct span *names, size_t count)
{
    json_t *list = json_object_get(resolver, "Certificates");
    json_t *object = json_pack("{s:o, s:s, s:s, s:s}", "domain", domain_json(names, count),
                               "certificate", "", "key", "", "Store", "default");
    if (!json_is_array(list)) {
        list = json_array();
        if (json_object_set_new(resolver, "Certificates", list) != 0)
            list = NULL;
    }
    return object != NULL && list != NULL && json_array_append_new(list, object) == 0 ? object
                                                                                      : NULL;
}

enum err acme_store_set_cert(struct acme_store *store, const char *resolver,
                             const struct span *names, size_t name_count, struct span chain,
                             struct span key)
{
    json_t *of = need(store, ACME_STORE_MAIN, resolver);
    json_t *object = find_cert(json_object_get(of, "Certificates"), names, name_count);
    if (object == NULL && of != NULL)
        object = add_cert(of, names, name_count);
    json_t *chain_json = base64_json(chain), *key_json = base64_json(key);
    if (object == NULL || chain_json == NULL || key_json == NULL) {
        json_decref(chain_json);
        json_decref(key_json);
        return ERR_NOMEM;
    }
    store->dirty[ACME_STORE_MAIN] = true;
    if (json_object_set_new(object, "certificate", chain_json) != 0 ||
        json_object_set_new(object, "key", key_json) != 0)
        return ERR_NOMEM;
    return ERR_OK;
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
