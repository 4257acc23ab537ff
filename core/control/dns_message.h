/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DNS messages without I/O (RFC 1035 §4, RFC 2136, RFC 6891): what ACME's DNS-01
 * asks and sends, and a strict reader of what comes back.
 *
 * A message is read whole before any of it is used: counts, names, lengths and
 * the known kinds of data have to fit, and nothing may follow. A compression
 * pointer must point before the name it stands in, so that no chain of them can
 * turn back; a name has at most 255 bytes. Any thread.
 */
#ifndef WEIR_CORE_CONTROL_DNS_MESSAGE_H
#define WEIR_CORE_CONTROL_DNS_MESSAGE_H

#include "core/base/buf.h"

#define DNS_MESSAGE_MAX 65535
#define DNS_NAME_MAX 255  /* bytes in wire form */
#define DNS_LABEL_MAX 63
#define DNS_NAME_TEXT 1024 /* room for a name as text: each byte may become "\ddd" */
#define DNS_RECORDS_MAX 1024 /* of one message that we read */
#define DNS_UDP_SIZE 1232 /* what we take over UDP: DNS flag day 2020 */
#define DNS_PORT 53

enum dns_type {
    DNS_A = 1,
    DNS_NS = 2,
    DNS_CNAME = 5,
    DNS_SOA = 6,
    DNS_TXT = 16,
    DNS_AAAA = 28,
    DNS_OPT = 41,
    DNS_TSIG = 250,
};
enum dns_class { DNS_IN = 1, DNS_NONE = 254, DNS_ANY = 255 };
enum dns_opcode { DNS_QUERY = 0, DNS_UPDATE = 5 };
enum dns_rcode { DNS_NOERROR = 0, DNS_SERVFAIL = 2, DNS_NXDOMAIN = 3, DNS_NOTAUTH = 9 };

/* "NXDOMAIN", or the number; a static text. */
const char *dns_rcode_name(unsigned rcode);

/* In wire form without compression, the case as it came. */
struct dns_name {
    uint8_t len; /* at least 1: the root */
    uint8_t wire[DNS_NAME_MAX];
};

/* "a.example.test" or with a trailing dot; "." is the root. \. and \ddd are understood.
 * ERR_SYNTAX, ERR_LIMIT. */
MUST_USE enum err dns_name_parse(struct span text, struct dns_name *out);
/* With a trailing dot. */
void dns_name_format(const struct dns_name *name, char out[DNS_NAME_TEXT]);
/* Without regard to the case of ASCII letters. */
bool dns_name_equal(const struct dns_name *a, const struct dns_name *b);
/* Takes the first label away; false: it is the root. */
bool dns_name_go_up(struct dns_name *name);
/* Lower case in place (RFC 4034 §6.2). */
void dns_name_canonicalize(struct dns_name *name);

/* ---- writing ---- */

/* Begins a query for one name, with EDNS if `edns`. */
MUST_USE enum err dns_query_append(struct buf *out, uint16_t id, const struct dns_name *name,
                                   enum dns_type type, bool recursive, bool edns);

/* An update (RFC 2136) that adds the TXT record to what its name has, or takes away
 * exactly it. The text has at most 255 bytes. */
MUST_USE enum err dns_update_append(struct buf *out, uint16_t id, const struct dns_name *zone,
                                    const struct dns_name *name, struct span text, uint32_t ttl,
                                    bool add);

/* ---- reading ---- */

enum dns_section { DNS_ANSWER, DNS_AUTHORITY, DNS_ADDITIONAL };

struct dns_record {
    enum dns_section section;
    struct dns_name name;
    uint16_t type, class_;
    uint32_t ttl;
    struct span data;  /* in the message */
    size_t at, data_at; /* where the record and its data begin */
};

struct dns_message {
    struct span bytes; /* the caller's */
    uint16_t id;
    unsigned opcode, rcode;
    bool is_response, authoritative, truncated;
    bool has_question; /* at most one is taken */
    struct dns_name question;
    uint16_t question_type, question_class;
    uint16_t counts[3]; /* of the sections' records */
    size_t records_at;
};

/* ERR_SYNTAX: it is malformed; ERR_LIMIT: it has too many records. */
MUST_USE enum err dns_message_read(struct span bytes, struct dns_message *out);

/* Goes through the records of a message that has been read. */
struct dns_cursor {
    size_t at;
    unsigned section, left;
};
void dns_cursor_init(struct dns_cursor *cursor, const struct dns_message *message);
bool dns_cursor_next(struct dns_cursor *cursor, const struct dns_message *message,
                     struct dns_record *out);

/* The name that a CNAME, NS or SOA record holds (of SOA the first). */
MUST_USE enum err dns_record_target(const struct dns_message *message,
                                    const struct dns_record *record, struct dns_name *out);
/* Whether the strings of a TXT record together are the text. */
bool dns_record_text_is(const struct dns_record *record, struct span text);

/* A name at `*at`, which moves behind it. For TSIG. */
MUST_USE enum err dns_name_read(struct span bytes, size_t *at, struct dns_name *out);

#endif
