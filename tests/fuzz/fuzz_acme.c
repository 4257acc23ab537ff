/* SPDX-License-Identifier: GPL-3.0-or-later */
/* USES: weir_control weir_tls weir_base */
/*
 * What comes from outside into ACME: a CA's responses, at each step of an order,
 * and the storage. The input is cut at each NUL into responses; its first byte
 * says what it is for, the first of each response its status.
 */
#include "core/base/hash.h"
#include "core/control/acme_store.h"
#include "tls/acme_order.h"
#include "tls/acme_renewal.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char ec_pem[] =
    "-----BEGIN EC PRIVATE KEY-----\n"
    "MHcCAQEEII6bEJ5xkJi/mASH3x9dd+nLKWBuvtImO19XwhPfhPSyoAoGCCqGSM49\n"
    "AwEHoUQDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEXH8UTNG72b\n"
    "focs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n"
    "-----END EC PRIVATE KEY-----\n";

static const char directory[] =
    "{\"newNonce\":\"https://ca/n\",\"newAccount\":\"https://ca/a\",\"newOrder\":\"https://ca/o\"}";

static struct acme_key *key;
static int memory = -1;

static void prepare(void)
{
    if (key != NULL)
        return;
    hash_seed_set(1);
    if (acme_key_from_pem(span_cstr(ec_pem), &key, NULL) != ERR_OK)
        abort();
    memory = memfd_create("acme.json", 0);
    assert(memory >= 0 && fchmod(memory, 0600) == 0);
}

/* The next response; false: no more. */
static bool next_response(struct span *rest, struct acme_response *out)
{
    static const int statuses[] = {200, 201, 400, 403, 404, 429, 500, 0};
    struct span one;
    if (rest->len == 0)
        return false;
    *rest = span_split(*rest, '\0', &one);
    *out = (struct acme_response){.retry_after_s = -1, .nonce = SPAN("n0nce")};
    if (one.len == 0)
        return true;
    out->status = statuses[(uint8_t)one.ptr[0] % 8];
    out->location = (one.ptr[0] & 8) != 0 ? SPAN("https://ca/x") : SPAN_EMPTY;
    out->retry_after_s = (one.ptr[0] & 16) != 0 ? 5 : -1;
    out->body = span_skip(one, 1);
    out->links = out->body;
    return true;
}

static void run_order(struct acme_client *client, struct span rest)
{
    const struct span name = SPAN("a.test");
    struct acme_order_config config = {.key = key, .names = &name, .name_count = 1,
                                       .profile = "", .preferred_chain = "x", .replaces = "",
                                       .order_url = ""};
    struct acme_order *order;
    struct acme_step step;
    struct acme_response response;
    int64_t now_ms = 1;
    if (acme_order_create(client, &config, &order) != ERR_OK)
        return;
    for (int i = 0; i < 200; i++) {
        acme_order_next(order, now_ms, &step);
        if (step.action == ACME_PRESENT)
            acme_order_presented(order, now_ms);
        else if (step.action == ACME_WAIT)
            now_ms = step.wait_until_ms;
        else if (step.action != ACME_SEND || !next_response(&rest, &response))
            break;
        else
            acme_order_receive(order, now_ms, &response);
    }
    acme_order_destroy(order);
}

static void run_client(struct span rest, bool whole)
{
    struct acme_client_config config = {.directory_url = "https://ca/dir", .key = key,
                                        .account_url = whole ? "" : "https://ca/a/1"};
    struct acme_client *client;
    struct acme_step step;
    struct acme_response response = {.status = 200, .body = span_cstr(directory),
                                     .retry_after_s = -1};
    int64_t now_ms = 1;
    if (acme_client_create(&config, &client) != ERR_OK)
        return;
    for (int i = 0; i < 50; i++) {
        acme_client_next(client, now_ms, &step);
        if (step.action == ACME_WAIT) {
            now_ms = step.wait_until_ms;
            continue;
        }
        if (step.action != ACME_SEND || (whole && !next_response(&rest, &response)))
            break;
        acme_client_receive(client, now_ms, &response);
    }
    if (acme_client_is_ready(client))
        run_order(client, rest);
    acme_client_destroy(client);
}

static void run_store(struct span text)
{
    char path[64];
    struct acme_store *store;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", memory);
    assert(ftruncate(memory, 0) == 0);
    if (text.len > 0 && pwrite(memory, text.ptr, text.len, 0) != (ssize_t)text.len)
        return;
    if (acme_store_open(path, &store, NULL) != ERR_OK)
        return;
    for (size_t i = 0; acme_store_resolver(store, i) != NULL && i < 8; i++) {
        const char *name = acme_store_resolver(store, i);
        struct acme_stored_account account;
        struct acme_stored_cert cert;
        (void)acme_store_account(store, name, &account);
        for (size_t j = 0; j < acme_store_cert_count(store, name) && j < 8; j++)
            if (acme_store_cert(store, name, j, &cert) == ERR_OK)
                acme_stored_cert_finish(&cert);
    }
    acme_store_destroy(store);
}

static void run_texts(struct span text)
{
    struct acme_window window;
    struct acme_failure failure;
    struct acme_response response = {.status = 400, .body = text, .retry_after_s = -1};
    if (acme_window_read(text, &window, NULL) == ERR_OK)
        assert(window.start_s < window.end_s);
    acme_failure_read(&response, "x", &failure);
    free(acme_link(text, "alternate", 1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    prepare();
    if (size == 0)
        return 0;
    struct span rest = span_make(data + 1, size - 1);
    switch (data[0] % 4) {
    case 0:
        run_client(rest, true);
        break;
    case 1:
        run_client(rest, false);
        break;
    case 2:
        run_store(rest);
        break;
    default:
        run_texts(rest);
    }
    return 0;
}
