/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * USES: weir_control
 * A message that is read has all that it counts, each name goes to text and back,
 * and no signature is right that was made without the key.
 */
#include "core/control/dns_tsig.h"

#include <assert.h>

static void check_name(const struct dns_name *name)
{
    struct dns_name again;
    char text[DNS_NAME_TEXT];
    assert(name->len >= 1 && name->wire[name->len - 1] == 0);
    dns_name_format(name, text);
    assert(dns_name_parse(span_cstr(text), &again) == ERR_OK);
    assert(again.len == name->len && memcmp(again.wire, name->wire, name->len) == 0);
    while (dns_name_go_up(&again))
        continue;
    assert(again.len == 1);
}

static void check_record(const struct dns_message *message, const struct dns_record *record)
{
    struct dns_name target;
    bool has_name = record->class_ == DNS_IN &&
                    (record->type == DNS_CNAME || record->type == DNS_NS ||
                     record->type == DNS_SOA);
    check_name(&record->name);
    assert(record->data_at + record->data.len <= message->bytes.len);
    enum err error = dns_record_target(message, record, &target);
    assert(error == ERR_OK || !has_name);
    if (error == ERR_OK)
        check_name(&target);
    (void)dns_record_text_is(record, SPAN("a value that it may have"));
}

static void check_signature(const struct dns_message *message)
{
    struct dns_tsig_key key;
    struct dns_tsig_mac mac = {.len = 32};
    assert(dns_tsig_key_set(&key, SPAN("weir.key"), SPAN("hmac-sha256"), SPAN("c2VjcmV0"),
                            NULL) == ERR_OK);
    assert(dns_tsig_verify(message, &key, &mac, 1700000000, NULL) != ERR_OK);
    (void)dns_tsig_complaint(message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dns_message message;
    struct dns_cursor cursor;
    struct dns_record record;
    struct dns_name name;
    size_t count = 0;
    if (dns_name_parse(span_make(data, size), &name) == ERR_OK)
        check_name(&name);
    if (dns_message_read(span_make(data, size), &message) != ERR_OK)
        return 0;
    if (message.has_question)
        check_name(&message.question);
    dns_cursor_init(&cursor, &message);
    for (; dns_cursor_next(&cursor, &message, &record); count++)
        check_record(&message, &record);
    assert(count == (size_t)message.counts[0] + message.counts[1] + message.counts[2]);
    check_signature(&message);
    return 0;
}
