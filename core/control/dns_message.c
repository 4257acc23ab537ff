/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names are kept in wire form, since that is what is compared, sent and signed;
 * text is for people and for the configuration.
 */
#include "core/control/dns_message.h"

#include <stdio.h>

#define HEADER_SIZE 12
#define FLAG_RESPONSE 0x8000
#define FLAG_AUTHORITATIVE 0x0400
#define FLAG_TRUNCATED 0x0200
#define FLAG_RECURSION 0x0100
#define POINTER 0xc0

const char *dns_rcode_name(unsigned rcode)
{
    static const char *const names[] = {"NOERROR", "FORMERR",  "SERVFAIL", "NXDOMAIN",
                                        "NOTIMP",  "REFUSED",  "YXDOMAIN", "YXRRSET",
                                        "NXRRSET", "NOTAUTH",  "NOTZONE"};
    return rcode < sizeof(names) / sizeof(names[0]) ? names[rcode] : "an unknown error";
}

/* ---- names ---- */

/* One byte of a label as text; false: a bad escape. */
static bool take_byte(struct span text, size_t *at, uint8_t *out)
{
    uint64_t value;
    if (text.ptr[*at] != '\\') {
        *out = (uint8_t)text.ptr[(*at)++];
        return true;
    }
    if (*at + 1 >= text.len)
        return false;
    if (text.ptr[*at + 1] < '0' || text.ptr[*at + 1] > '9') {
        *out = (uint8_t)text.ptr[*at + 1];
        *at += 2;
        return true;
    }
    if (*at + 4 > text.len || !span_to_u64(span_make(text.ptr + *at + 1, 3), &value) ||
        value > 255)
        return false;
    *out = (uint8_t)value;
    *at += 4;
    return true;
}

enum err dns_name_parse(struct span text, struct dns_name *out)
{
    struct dns_name name;
    size_t len = 1, label = 0, at = 0; /* label: where its length goes */
    if (span_equal(text, SPAN("."))) {
        *out = (struct dns_name){1, {0}};
        return ERR_OK;
    }
    if (text.len == 0)
        return ERR_SYNTAX;
    while (at < text.len) {
        if (text.ptr[at] == '.') {
            if (len == label + 1)
                return ERR_SYNTAX;
            name.wire[label] = (uint8_t)(len - label - 1);
            label = len++;
            at++;
            continue;
        }
        if (len - label > DNS_LABEL_MAX || len + 1 >= DNS_NAME_MAX)
            return ERR_LIMIT;
        if (!take_byte(text, &at, &name.wire[len++]))
            return ERR_SYNTAX;
    }
    name.wire[label] = (uint8_t)(len - label - 1); /* 0 behind a trailing dot: the root */
    if (name.wire[label] > 0)
        name.wire[len++] = 0;
    name.len = (uint8_t)len;
    *out = name;
    return ERR_OK;
}

void dns_name_format(const struct dns_name *name, char out[DNS_NAME_TEXT])
{
    size_t len = 0;
    if (name->len <= 1)
        out[len++] = '.';
    for (size_t at = 0; at + 1 < name->len;) {
        size_t end = at + 1 + name->wire[at];
        for (at++; at < end; at++) {
            uint8_t byte = name->wire[at];
            if (byte == '.' || byte == '\\' || byte == '"')
                len += (size_t)snprintf(out + len, DNS_NAME_TEXT - len, "\\%c", byte);
            else if (byte <= ' ' || byte >= 127)
                len += (size_t)snprintf(out + len, DNS_NAME_TEXT - len, "\\%03u", byte);
            else
                out[len++] = (char)byte;
        }
        out[len++] = '.';
    }
    out[len] = '\0';
}

bool dns_name_equal(const struct dns_name *a, const struct dns_name *b)
{
    return span_equal_nocase(span_make(a->wire, a->len), span_make(b->wire, b->len));
}

bool dns_name_go_up(struct dns_name *name)
{
    if (name->len <= 1)
        return false;
    uint8_t gone = (uint8_t)(name->wire[0] + 1);
    memmove(name->wire, name->wire + gone, name->len - gone);
    name->len = (uint8_t)(name->len - gone);
    return true;
}

void dns_name_canonicalize(struct dns_name *name)
{
    for (size_t i = 0; i < name->len; i++) /* lengths are below 'A' */
        name->wire[i] = (uint8_t)ascii_lower((char)name->wire[i]);
}

static unsigned read_u16(struct span bytes, size_t at)
{
    return (unsigned)(uint8_t)bytes.ptr[at] << 8 | (uint8_t)bytes.ptr[at + 1];
}

enum err dns_name_read(struct span bytes, size_t *at, struct dns_name *out)
{
    struct dns_name name = {0};
    size_t from = *at, floor = *at, after = 0;
    for (;;) {
        if (from >= bytes.len)
            return ERR_SYNTAX;
        uint8_t size = (uint8_t)bytes.ptr[from];
        if ((size & POINTER) == POINTER) {
            if (from + 2 > bytes.len)
                return ERR_SYNTAX;
            size_t to = read_u16(bytes, from) & 0x3fff;
            if (to >= floor || to < HEADER_SIZE)
                return ERR_SYNTAX; /* each lies before the one that led to it */
            after = after > 0 ? after : from + 2;
            from = floor = to;
            continue;
        }
        if (size > DNS_LABEL_MAX || from + 1 + size > bytes.len ||
            name.len + 1U + size + (size > 0) > DNS_NAME_MAX)
            return ERR_SYNTAX;
        memcpy(name.wire + name.len, bytes.ptr + from, 1U + size);
        name.len = (uint8_t)(name.len + 1 + size);
        from += 1U + size;
        if (size == 0)
            break;
    }
    *at = after > 0 ? after : from;
    *out = name;
    return ERR_OK;
}

/* ---- writing ---- */

static enum err append_u16(struct buf *out, unsigned value)
{
    uint8_t bytes[2] = {(uint8_t)(value >> 8), (uint8_t)value};
    return buf_append(out, span_make(bytes, 2));
}

static enum err append_header(struct buf *out, uint16_t id, unsigned flags,
                              const uint16_t counts[4])
{
    TRY(append_u16(out, id));
    TRY(append_u16(out, flags));
    for (size_t i = 0; i < 4; i++)
        TRY(append_u16(out, counts[i]));
    return ERR_OK;
}

static enum err append_name(struct buf *out, const struct dns_name *name)
{
    return buf_append(out, span_make(name->wire, name->len));
}

static enum err append_question(struct buf *out, const struct dns_name *name, enum dns_type type)
{
    TRY(append_name(out, name));
    TRY(append_u16(out, type));
    return append_u16(out, DNS_IN);
}

enum err dns_query_append(struct buf *out, uint16_t id, const struct dns_name *name,
                          enum dns_type type, bool recursive, bool edns)
{
    const uint16_t counts[4] = {1, 0, 0, edns};
    TRY(append_header(out, id, recursive ? FLAG_RECURSION : 0, counts));
    TRY(append_question(out, name, type));
    if (!edns)
        return ERR_OK;
    /* RFC 6891 §6.1.2: the root, OPT, our size, no flags, no options. */
    TRY(buf_append(out, span_make("\0\0\051", 3)));
    TRY(append_u16(out, DNS_UDP_SIZE));
    return buf_append(out, span_make("\0\0\0\0\0\0", 6));
}

enum err dns_update_append(struct buf *out, uint16_t id, const struct dns_name *zone,
                           const struct dns_name *name, struct span text, uint32_t ttl, bool add)
{
    const uint16_t counts[4] = {1, 0, 1, 0}; /* zone, prerequisites, updates, additional */
    char size = (char)text.len;
    if (text.len > 255)
        return ERR_LIMIT;
    TRY(append_header(out, id, DNS_UPDATE << 11, counts));
    TRY(append_question(out, zone, DNS_SOA));
    TRY(append_name(out, name));
    TRY(append_u16(out, DNS_TXT));
    TRY(append_u16(out, add ? DNS_IN : DNS_NONE)); /* RFC 2136 §2.5.1, §2.5.4 */
    TRY(append_u16(out, add ? ttl >> 16 : 0));
    TRY(append_u16(out, add ? ttl & 0xffff : 0));
    TRY(append_u16(out, (unsigned)text.len + 1));
    TRY(buf_append(out, span_make(&size, 1)));
    return buf_append(out, text);
}

/* ---- reading ---- */

static enum err read_question(struct dns_message *message, size_t *at)
{
    TRY(dns_name_read(message->bytes, at, &message->question));
    if (*at + 4 > message->bytes.len)
        return ERR_SYNTAX;
    message->question_type = (uint16_t)read_u16(message->bytes, *at);
    message->question_class = (uint16_t)read_u16(message->bytes, *at + 2);
    message->has_question = true;
    *at += 4;
    return ERR_OK;
}

static enum err read_record(struct span bytes, size_t *at, struct dns_record *record)
{
    record->at = *at;
    TRY(dns_name_read(bytes, at, &record->name));
    if (*at + 10 > bytes.len)
        return ERR_SYNTAX;
    record->type = (uint16_t)read_u16(bytes, *at);
    record->class_ = (uint16_t)read_u16(bytes, *at + 2);
    record->ttl = read_u16(bytes, *at + 4) << 16 | read_u16(bytes, *at + 6);
    size_t size = read_u16(bytes, *at + 8);
    record->data_at = *at + 10;
    if (size > bytes.len - record->data_at)
        return ERR_SYNTAX;
    record->data = span_make(bytes.ptr + record->data_at, size);
    *at = record->data_at + size;
    return ERR_OK;
}

/* Names in data must end where the data ends, or `more` bytes before it. */
static bool holds_names(struct span bytes, const struct dns_record *record, unsigned count,
                        size_t more)
{
    struct dns_name name;
    size_t at = record->data_at;
    while (count-- > 0)
        if (dns_name_read(bytes, &at, &name) != ERR_OK)
            return false;
    return at + more == record->data_at + record->data.len;
}

static bool holds_strings(struct span data)
{
    size_t at = 0;
    while (at < data.len)
        at += 1U + (uint8_t)data.ptr[at];
    return data.len > 0 && at == data.len;
}

static bool data_is_sound(struct span bytes, const struct dns_record *record)
{
    if (record->class_ != DNS_IN)
        return true;
    switch (record->type) {
    case DNS_A:
        return record->data.len == 4;
    case DNS_AAAA:
        return record->data.len == 16;
    case DNS_NS:
    case DNS_CNAME:
        return holds_names(bytes, record, 1, 0);
    case DNS_SOA:
        return holds_names(bytes, record, 2, 20);
    case DNS_TXT:
        return holds_strings(record->data);
    default:
        return true;
    }
}

static enum err read_records(struct dns_message *message, size_t at)
{
    struct dns_record record;
    unsigned left = message->counts[0] + message->counts[1] + message->counts[2];
    message->records_at = at;
    if (left > DNS_RECORDS_MAX)
        return ERR_LIMIT;
    while (left-- > 0) {
        TRY(read_record(message->bytes, &at, &record));
        if (!data_is_sound(message->bytes, &record))
            return ERR_SYNTAX;
    }
    return at == message->bytes.len ? ERR_OK : ERR_SYNTAX;
}

enum err dns_message_read(struct span bytes, struct dns_message *out)
{
    struct dns_message message = {.bytes = bytes};
    size_t at = HEADER_SIZE;
    if (bytes.len < HEADER_SIZE || bytes.len > DNS_MESSAGE_MAX)
        return ERR_SYNTAX;
    unsigned flags = read_u16(bytes, 2), questions = read_u16(bytes, 4);
    message.id = (uint16_t)read_u16(bytes, 0);
    message.is_response = (flags & FLAG_RESPONSE) != 0;
    message.authoritative = (flags & FLAG_AUTHORITATIVE) != 0;
    message.truncated = (flags & FLAG_TRUNCATED) != 0;
    message.opcode = flags >> 11 & 15;
    message.rcode = flags & 15;
    for (size_t i = 0; i < 3; i++)
        message.counts[i] = (uint16_t)read_u16(bytes, 6 + 2 * i);
    if (questions > 1)
        return ERR_SYNTAX;
    if (questions == 1)
        TRY(read_question(&message, &at));
    TRY(read_records(&message, at));
    *out = message;
    return ERR_OK;
}

void dns_cursor_init(struct dns_cursor *cursor, const struct dns_message *message)
{
    *cursor = (struct dns_cursor){message->records_at, DNS_ANSWER, message->counts[0]};
}

bool dns_cursor_next(struct dns_cursor *cursor, const struct dns_message *message,
                     struct dns_record *out)
{
    while (cursor->left == 0) {
        if (cursor->section == DNS_ADDITIONAL)
            return false;
        cursor->left = message->counts[++cursor->section];
    }
    cursor->left--;
    out->section = (enum dns_section)cursor->section;
    return read_record(message->bytes, &cursor->at, out) == ERR_OK;
}

enum err dns_record_target(const struct dns_message *message, const struct dns_record *record,
                           struct dns_name *out)
{
    size_t at = record->data_at;
    return dns_name_read(message->bytes, &at, out);
}

bool dns_record_text_is(const struct dns_record *record, struct span text)
{
    struct span data = record->data;
    size_t done = 0;
    while (data.len > 0) {
        size_t size = (uint8_t)data.ptr[0];
        if (size > data.len - 1 || size > text.len - done ||
            memcmp(data.ptr + 1, text.ptr + done, size) != 0)
            return false;
        done += size;
        data = span_skip(data, 1 + size);
    }
    return done == text.len;
}
