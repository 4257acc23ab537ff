/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Chained hashing with a lock-free push. A bucket is the head of a list to
 * which nodes are only ever added in front, by compare-and-swap; nothing is
 * taken out before the table dies. So a reader that has the head sees a list
 * that never changes, and a writer that loses the race looks again at what was
 * put before its own place.
 *
 * The key is the certificate itself (each node's context holds a reference, so
 * an address cannot be used again meanwhile) and the options' identity, which
 * outlives a reload that did not change them.
 */
#include <stdlib.h>

#include "tls/context_private.h"

struct context_node {
    struct context_node *next;
    const struct cert *cert;
    uint64_t options_identity;
    struct tls_context *context; /* one reference */
};

struct tls_context_table {
    size_t mask;
    _Atomic(struct context_node *) buckets[];
};

enum err tls_context_table_create(size_t capacity, struct tls_context_table **out)
{
    size_t count = 8;
    while (count < capacity && count <= SIZE_MAX / 64)
        count *= 2;
    struct tls_context_table *table =
        calloc(1, sizeof(*table) + count * sizeof(table->buckets[0]));
    if (table == NULL)
        return ERR_NOMEM;
    table->mask = count - 1;
    *out = table;
    return ERR_OK;
}

static void node_destroy(struct context_node *node)
{
    tls_context_unref(node->context);
    free(node);
}

void tls_context_table_destroy(struct tls_context_table *table)
{
    if (table == NULL)
        return;
    for (size_t i = 0; i <= table->mask; i++) {
        struct context_node *node =
            atomic_load_explicit(&table->buckets[i], memory_order_acquire);
        while (node != NULL) {
            struct context_node *next = node->next;
            node_destroy(node);
            node = next;
        }
    }
    free(table);
}

static _Atomic(struct context_node *) *table_bucket(struct tls_context_table *table,
                                                    const struct cert *cert, uint64_t identity)
{
    /* Fibonacci hashing; the low bits of an address are alike, so they go. */
    uint64_t key = ((uint64_t)(uintptr_t)cert >> 4) ^ identity;
    key *= UINT64_C(0x9e3779b97f4a7c15);
    return &table->buckets[(key >> 32) & table->mask];
}

/* Looks from `node` up to, not including, `end`. */
static struct tls_context *list_find(const struct context_node *node,
                                     const struct context_node *end, const struct cert *cert,
                                     uint64_t identity)
{
    for (; node != end; node = node->next)
        if (node->cert == cert && node->options_identity == identity)
            return node->context;
    return NULL;
}

/*
 * Puts the node into the table, or returns the equal context that came first;
 * `seen` is the head below which the caller has looked already.
 */
static struct tls_context *table_push(_Atomic(struct context_node *) *bucket,
                                      struct context_node *node, struct context_node *seen)
{
    node->next = seen;
    for (;;) {
        struct context_node *head = node->next;
        /* Release: the node is complete before anybody finds it. Acquire on
         * failure: we go through the nodes that came between. */
        if (atomic_compare_exchange_strong_explicit(bucket, &head, node, memory_order_release,
                                                    memory_order_acquire))
            return NULL;
        struct tls_context *first =
            list_find(head, node->next, node->cert, node->options_identity);
        if (first != NULL)
            return first;
        node->next = head;
    }
}

static struct context_node *node_create(struct tls_context *context)
{
    struct context_node *node = malloc(sizeof(*node));
    if (node == NULL)
        return NULL;
    *node = (struct context_node){
        .cert = context->cert,
        .options_identity = context->options->identity,
        .context = context,
    };
    return node;
}

static enum err table_make(_Atomic(struct context_node *) *bucket, struct context_node *seen,
                           struct cert *cert, struct tls_options *options,
                           struct tls_context **out, struct err_text *why)
{
    struct tls_context *context;
    TRY(tls_server_context_create(cert, options, &context, why));
    struct context_node *node = node_create(context);
    if (node == NULL) {
        tls_context_unref(context);
        return err_set(why, ERR_NOMEM, "out of memory");
    }
    struct tls_context *first = table_push(bucket, node, seen);
    if (first != NULL) {
        node_destroy(node);
        context = first;
    }
    *out = context;
    return ERR_OK;
}

enum err tls_context_get(struct tls_context_table *table, struct cert *cert,
                         struct tls_options *options, struct tls_context **out,
                         struct err_text *why)
{
    _Atomic(struct context_node *) *bucket = table_bucket(table, cert, options->identity);
    struct context_node *head = atomic_load_explicit(bucket, memory_order_acquire);
    struct tls_context *found = list_find(head, NULL, cert, options->identity);
    if (found == NULL)
        return table_make(bucket, head, cert, options, out, why);
    *out = found;
    return ERR_OK;
}

void tls_context_table_inherit(struct tls_context_table *table, struct tls_context_table *old,
                               bool (*keep)(const struct cert *, const struct tls_options *,
                                            void *),
                               void *argument)
{
    for (size_t i = 0; i <= old->mask; i++) {
        struct context_node *from =
            atomic_load_explicit(&old->buckets[i], memory_order_acquire);
        for (; from != NULL; from = from->next) {
            struct tls_context *context = from->context;
            if (!keep(context->cert, context->options, argument))
                continue;
            struct context_node *node = node_create(context);
            if (node == NULL)
                return; /* made anew on first use */
            tls_context_ref(context);
            _Atomic(struct context_node *) *bucket =
                table_bucket(table, node->cert, node->options_identity);
            struct context_node *head = atomic_load_explicit(bucket, memory_order_acquire);
            if (list_find(head, NULL, node->cert, node->options_identity) != NULL ||
                table_push(bucket, node, head) != NULL)
                node_destroy(node);
        }
    }
}
