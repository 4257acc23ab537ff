/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One allocation for the list and the text, sized for the worst case: an
 * element of GeneralNames is at least two bytes and becomes at most three
 * times its bytes (an IPv4 address of six with its header becomes fifteen).
 */
#include "tls/cert_names.h"

#include "tls/ip_text.h"

#include <stdlib.h>

struct collector {
    struct cert_names names;
    char *to; /* where the next name's text goes */
};

static enum err add_name(struct collector *collector, size_t len, struct err_text *why)
{
    char *name = collector->to;
    if (len == 0)
        return ERR_OK;
    if (memchr(name, '\0', len) != NULL)
        return err_set(why, ERR_INVALID, "the certificate has a name with a zero byte inside");
    for (size_t i = 0; i < len; i++)
        name[i] = ascii_lower(name[i]);
    collector->names.list[collector->names.count++] = span_make(name, len);
    collector->to += len;
    return ERR_OK;
}

static enum err add_alt_name(struct collector *collector, uint8_t tag, struct span value,
                             struct err_text *why)
{
    char ip[IP_TEXT_SIZE];
    if (tag == X509_DNS_NAME && value.len > 0) {
        memcpy(collector->to, value.ptr, value.len);
        return add_name(collector, value.len, why);
    }
    if (tag != X509_IP_ADDRESS)
        return ERR_OK;
    size_t len = ip_text_format((const uint8_t *)value.ptr, value.len, ip);
    if (len == 0)
        return err_set(why, ERR_SYNTAX, "the certificate has an IP address of %zu bytes",
                       value.len);
    memcpy(collector->to, ip, len);
    return add_name(collector, len, why);
}

static enum err add_all(struct collector *collector, const struct x509 *leaf,
                        struct err_text *why)
{
    struct span value, alt_names = leaf->alt_names;
    uint8_t tag;
    if (x509_common_name(leaf->subject, &tag, &value))
        TRY(add_name(collector, x509_text(tag, value, collector->to), why));
    while (x509_next_alt_name(&alt_names, &tag, &value))
        TRY(add_alt_name(collector, tag, value, why));
    return ERR_OK;
}

static int compare_names(const void *a, const void *b)
{
    return span_compare(*(const struct span *)a, *(const struct span *)b);
}

static void sort_and_unify(struct cert_names *names)
{
    size_t kept = 0;
    if (names->count > 1)
        qsort(names->list, names->count, sizeof(*names->list), compare_names);
    for (size_t i = 0; i < names->count; i++) {
        if (kept > 0 && span_equal(names->list[kept - 1], names->list[i]))
            continue;
        names->list[kept++] = names->list[i];
        names->key_len += names->list[i].len;
    }
    names->count = kept;
    names->key_len += kept > 0 ? kept - 1 : 0;
}

enum err cert_names_collect(const struct x509 *leaf, struct cert_names *out, struct err_text *why)
{
    struct collector collector = {0};
    size_t count = 1 + leaf->alt_names.len / 2;
    size_t text = 2 * leaf->subject.len + 3 * leaf->alt_names.len;
    collector.names.memory = malloc(count * sizeof(struct span) + text);
    if (collector.names.memory == NULL)
        return ERR_NOMEM;
    collector.names.list = (struct span *)(void *)collector.names.memory;
    collector.to = collector.names.memory + count * sizeof(struct span);
    enum err error = add_all(&collector, leaf, why);
    if (error != ERR_OK) {
        cert_names_finish(&collector.names);
        return error;
    }
    sort_and_unify(&collector.names);
    *out = collector.names;
    return ERR_OK;
}

void cert_names_finish(struct cert_names *names)
{
    free(names->memory);
    *names = (struct cert_names){0};
}

void cert_names_join(const struct cert_names *names, char *out)
{
    for (size_t i = 0; i < names->count; i++) {
        if (i > 0)
            *out++ = ',';
        memcpy(out, names->list[i].ptr, names->list[i].len);
        out += names->list[i].len;
    }
}
