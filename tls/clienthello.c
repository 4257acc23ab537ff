/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two passes. The first follows the record headers until the whole message is
 * there, and judges nothing else. The second reads the message through a
 * cursor that steps over the record headers inside it, so that nothing has to
 * be copied together. A vector is a cursor of its own, bounded by its length.
 */
#include "tls/clienthello.h"

#include "core/base/buf.h"
#include "tls/cipher_suites.h"
#include "tls/ip_text.h"

#include <arpa/inet.h>
#include <assert.h>

#define RECORD_HEADER 5
#define RECORD_HANDSHAKE 22
#define RECORD_PAYLOAD_MAX 16384 /* RFC 8446 §5.1 */
#define HANDSHAKE_HEADER 4
#define HANDSHAKE_CLIENT_HELLO 1
#define HELLO_RANDOM 32
#define SESSION_ID_MAX 32
#define VERSION_TLS12 0x0303
#define LABEL_MAX 63 /* RFC 1035 §2.3.4 */
#define FALLBACK_SCSV 0x5600 /* RFC 7507 §2 */

struct cursor {
    const uint8_t *at;
    size_t in_record; /* payload bytes from `at` to the end of this record */
    size_t left;      /* bytes of the message or vector from `at`, over all its records */
};

static uint16_t load_u16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

/* out NULL: skips. */
static bool cursor_read(struct cursor *cursor, void *out, size_t n)
{
    uint8_t *to = out;
    if (n > cursor->left)
        return false;
    cursor->left -= n;
    while (n > 0) {
        if (cursor->in_record == 0) {
            cursor->in_record = load_u16(cursor->at + 3);
            cursor->at += RECORD_HEADER;
        }
        size_t piece = n < cursor->in_record ? n : cursor->in_record;
        if (to != NULL) {
            memcpy(to, cursor->at, piece);
            to += piece;
        }
        cursor->at += piece;
        cursor->in_record -= piece;
        n -= piece;
    }
    return true;
}

static bool cursor_u8(struct cursor *cursor, size_t *out)
{
    uint8_t byte;
    if (!cursor_read(cursor, &byte, 1))
        return false;
    *out = byte;
    return true;
}

static bool cursor_u16(struct cursor *cursor, uint16_t *out)
{
    uint8_t bytes[2];
    if (!cursor_read(cursor, bytes, 2))
        return false;
    *out = load_u16(bytes);
    return true;
}

/* A vector whose length stands in 1 or 2 bytes in front of it. */
static bool cursor_vector(struct cursor *cursor, size_t length_bytes, struct cursor *out)
{
    size_t length = 0;
    for (size_t i = 0; i < length_bytes; i++) {
        size_t byte;
        if (!cursor_u8(cursor, &byte))
            return false;
        length = length << 8 | byte;
    }
    *out = *cursor;
    if (!cursor_read(cursor, NULL, length))
        return false;
    out->left = length;
    return true;
}

/* RFC 8701: 0x0a0a, 0x1a1a … 0xfafa. */
static bool is_grease(uint16_t value)
{
    return (value & 0x0f0f) == 0x0a0a && value >> 8 == (value & 0xff);
}

/* A vector of 16-bit values that fills the extension; what is beyond cap, and
 * GREASE, is left out. */
static bool read_u16_list(struct cursor *extension, size_t length_bytes, uint16_t *out, size_t cap,
                          size_t *count)
{
    struct cursor list;
    uint16_t value;
    if (!cursor_vector(extension, length_bytes, &list) || extension->left != 0)
        return false;
    if (list.left < 2 || list.left % 2 != 0)
        return false;
    *count = 0;
    while (cursor_u16(&list, &value)) {
        if (!is_grease(value) && *count < cap)
            out[(*count)++] = value;
    }
    return true;
}

static bool is_host_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

static bool is_host_name(const char *name, size_t len)
{
    size_t label = 0;
    for (size_t i = 0; i < len; i++) {
        if (name[i] == '.') {
            if (label == 0)
                return false;
            label = 0;
        } else if (!is_host_char(name[i]) || ++label > LABEL_MAX) {
            return false;
        }
    }
    return label > 0;
}

/* An IPv6 literal is no host name, but some clients send one: brought to the
 * form that a certificate's IP SAN has. */
static void set_server_name(struct clienthello *hello, char *name, size_t len)
{
    struct in6_addr ip;
    for (size_t i = 0; i < len; i++)
        name[i] = ascii_lower(name[i]);
    if (len > 0 && name[len - 1] == '.')
        len--;
    name[len] = '\0';
    if (is_host_name(name, len)) {
        memcpy(hello->server_name, name, len + 1);
        hello->server_name_len = len;
    } else if (inet_pton(AF_INET6, name, &ip) == 1) {
        hello->server_name_len = ip_text_format(ip.s6_addr, sizeof(ip), hello->server_name);
    }
}

/* RFC 6066 §3; a trailing dot may come on top of LIMIT_HOST_NAME. */
static bool read_host_name(struct cursor *host, struct clienthello *hello)
{
    char name[LIMIT_HOST_NAME + 2];
    size_t len = host->left, kept = 0;
    bool fits = len < sizeof(name);
    if (len == 0)
        return false;
    for (size_t i = 0; i < len; i++) {
        char c;
        if (!cursor_read(host, &c, 1) || c == '\0')
            return false;
        if (fits)
            name[kept++] = c;
    }
    if (fits && (kept <= LIMIT_HOST_NAME || name[kept - 1] == '.'))
        set_server_name(hello, name, kept);
    return true;
}

static bool read_server_name(struct cursor *extension, struct clienthello *hello)
{
    struct cursor list, name;
    size_t type;
    bool seen = false;
    if (!cursor_vector(extension, 2, &list) || extension->left != 0 || list.left == 0)
        return false;
    while (list.left > 0) {
        if (!cursor_u8(&list, &type) || !cursor_vector(&list, 2, &name))
            return false;
        if (type != 0)
            continue;
        if (seen || !read_host_name(&name, hello))
            return false;
        seen = true;
    }
    return true;
}

static bool read_alpn(struct cursor *extension, struct clienthello *hello)
{
    struct cursor list, name;
    if (!cursor_vector(extension, 2, &list) || extension->left != 0 || list.left == 0)
        return false;
    hello->has_alpn = true;
    while (list.left > 0) {
        if (!cursor_vector(&list, 1, &name) || name.left == 0)
            return false;
        size_t len = name.left;
        char *to = hello->alpn[hello->alpn_count % CLIENTHELLO_ALPN_MAX];
        if (hello->alpn_count == CLIENTHELLO_ALPN_MAX || len >= sizeof(hello->alpn[0]))
            continue;
        if (cursor_read(&name, to, len) && memchr(to, '\0', len) == NULL) {
            to[len] = '\0';
            hello->alpn_count++;
        }
    }
    return true;
}

static bool read_versions(struct cursor *extension, struct clienthello *hello)
{
    return read_u16_list(extension, 1, hello->versions,
                         sizeof(hello->versions) / sizeof(hello->versions[0]),
                         &hello->version_count);
}

static bool read_signature_schemes(struct cursor *extension, struct clienthello *hello)
{
    return read_u16_list(extension, 2, hello->signature_schemes, CLIENTHELLO_LIST_MAX,
                         &hello->signature_scheme_count);
}

static bool read_groups(struct cursor *extension, struct clienthello *hello)
{
    hello->has_groups = true;
    return read_u16_list(extension, 2, hello->groups, CLIENTHELLO_LIST_MAX, &hello->group_count);
}

/* RFC 8446 §4.2.11: identities with their ages; the binders are wolfSSL's matter. */
static bool read_psks(struct cursor *extension, struct clienthello *hello)
{
    struct cursor identities, identity;
    if (!cursor_vector(extension, 2, &identities))
        return false;
    while (identities.left > 0) {
        if (!cursor_vector(&identities, 2, &identity) || identity.left == 0 ||
            !cursor_read(&identities, NULL, sizeof(uint32_t)))
            return false;
        hello->psk_count++;
    }
    return true;
}

static const struct {
    uint16_t type;
    bool (*read)(struct cursor *extension, struct clienthello *hello);
} extension_readers[] = {
    {0, read_server_name},        /* RFC 6066 §3 */
    {10, read_groups},            /* RFC 8446 §4.2.7 */
    {13, read_signature_schemes}, /* RFC 8446 §4.2.3 */
    {16, read_alpn},              /* RFC 7301 §3.1 */
    {41, read_psks},              /* RFC 8446 §4.2.11 */
    {43, read_versions},          /* RFC 8446 §4.2.1 */
};

static bool read_extension(uint16_t type, struct cursor *extension, struct clienthello *hello)
{
    for (size_t i = 0; i < sizeof(extension_readers) / sizeof(extension_readers[0]); i++) {
        if (extension_readers[i].type == type)
            return extension_readers[i].read(extension, hello);
    }
    return true;
}

/* RFC 8446 §4.2: no type comes twice. */
static bool read_extensions(struct cursor *list, struct clienthello *hello)
{
    uint8_t seen[(UINT16_MAX + 1) / 8] = {0};
    while (list->left > 0) {
        struct cursor extension;
        uint16_t type;
        if (!cursor_u16(list, &type) || !cursor_vector(list, 2, &extension))
            return false;
        uint8_t bit = (uint8_t)(1u << (type & 7));
        if (seen[type >> 3] & bit)
            return false;
        seen[type >> 3] |= bit;
        if (!read_extension(type, &extension, hello))
            return false;
    }
    return true;
}

struct suite_range {
    uint16_t first, last;
};

/* From IANA's registry of TLS cipher suites: ECDHE, by what authenticates the server. */
static const struct suite_range ecdsa_ranges[] = {
    {0xc006, 0xc00a}, {0xc023, 0xc024}, {0xc02b, 0xc02c}, {0xc048, 0xc049}, {0xc05c, 0xc05d},
    {0xc072, 0xc073}, {0xc086, 0xc087}, {0xc0ac, 0xc0af}, {0xcca9, 0xcca9},
};
static const struct suite_range rsa_ranges[] = {
    {0xc010, 0xc014}, {0xc027, 0xc028}, {0xc02f, 0xc030}, {0xc04c, 0xc04d},
    {0xc060, 0xc061}, {0xc076, 0xc077}, {0xc08a, 0xc08b}, {0xcca8, 0xcca8},
};

static bool in_ranges(uint16_t suite, const struct suite_range *ranges, size_t count)
{
    for (size_t i = 0; i < count && ranges[i].first <= suite; i++) {
        if (suite <= ranges[i].last)
            return true;
    }
    return false;
}

#define IN_RANGES(suite, ranges) in_ranges(suite, ranges, sizeof(ranges) / sizeof((ranges)[0]))

static bool read_suites(struct cursor *list, struct clienthello *hello)
{
    uint16_t suite;
    if (list->left < 2 || list->left % 2 != 0)
        return false;
    while (cursor_u16(list, &suite)) {
        hello->ecdsa_suites |= IN_RANGES(suite, ecdsa_ranges);
        hello->rsa_suites |= IN_RANGES(suite, rsa_ranges);
        hello->http2_suites |= cipher_suite_http2_bit(suite);
        hello->is_fallback |= suite == FALLBACK_SCSV;
    }
    return true;
}

static bool read_hello(struct cursor *message, struct clienthello *hello)
{
    struct cursor session_id, suites, compression, extensions;
    uint16_t legacy_version;
    if (!cursor_u16(message, &legacy_version) || legacy_version >> 8 != 3 ||
        !cursor_read(message, NULL, HELLO_RANDOM) || !cursor_vector(message, 1, &session_id) ||
        session_id.left > SESSION_ID_MAX || !cursor_vector(message, 2, &suites) ||
        !read_suites(&suites, hello) || !cursor_vector(message, 1, &compression) ||
        compression.left == 0)
        return false;
    hello->versions[0] = legacy_version < VERSION_TLS12 ? legacy_version : VERSION_TLS12;
    hello->version_count = 1;
    if (message->left == 0)
        return true;
    return cursor_vector(message, 2, &extensions) && message->left == 0 &&
           read_extensions(&extensions, hello);
}

/* ---- the first pass ---- */

struct measure {
    uint8_t header[HANDSHAKE_HEADER];
    size_t have;  /* bytes of the message seen */
    size_t total; /* its length with the header; 0 while unknown */
};

/* Looks at one record, of which `available` payload bytes are here. */
static enum err measure_payload(struct measure *measure, const uint8_t *payload, size_t available,
                                size_t max_bytes)
{
    for (size_t i = 0; i < available && measure->have + i < HANDSHAKE_HEADER; i++)
        measure->header[measure->have + i] = payload[i];
    measure->have += available;
    if (measure->have > 0 && measure->header[0] != HANDSHAKE_CLIENT_HELLO)
        return ERR_SYNTAX;
    if (measure->have < HANDSHAKE_HEADER)
        return ERR_AGAIN;
    measure->total = HANDSHAKE_HEADER + ((size_t)measure->header[1] << 16 |
                                         (size_t)measure->header[2] << 8 | measure->header[3]);
    if (measure->total + RECORD_HEADER > max_bytes)
        return ERR_LIMIT;
    return measure->have >= measure->total ? ERR_OK : ERR_AGAIN;
}

/* ERR_OK with the message's length once all of it is in `bytes`. */
static enum err measure_message(struct span bytes, size_t max_bytes, size_t *total)
{
    struct measure measure = {0};
    const uint8_t *at = (const uint8_t *)bytes.ptr;
    size_t left = bytes.len;
    for (;;) {
        bool first = measure.have == 0;
        if ((left > 0 && at[0] != RECORD_HANDSHAKE) || (left > 1 && at[1] != 3))
            return first ? ERR_PROTOCOL : ERR_SYNTAX;
        if (left < RECORD_HEADER)
            return ERR_AGAIN;
        size_t payload = load_u16(at + 3);
        if (payload == 0 || payload > RECORD_PAYLOAD_MAX)
            return ERR_SYNTAX;
        at += RECORD_HEADER;
        left -= RECORD_HEADER;
        size_t available = payload < left ? payload : left;
        enum err error = measure_payload(&measure, at, available, max_bytes);
        if (error == ERR_OK)
            *total = measure.total;
        if (error != ERR_AGAIN || available < payload)
            return error;
        at += payload;
        left -= payload;
    }
}

enum err clienthello_peek(struct span bytes, size_t max_bytes, struct clienthello *out)
{
    size_t total;
    enum err error = measure_message(bytes, max_bytes, &total);
    if (error == ERR_AGAIN && bytes.len >= max_bytes)
        return ERR_LIMIT;
    if (error != ERR_OK)
        return error;

    const uint8_t *at = (const uint8_t *)bytes.ptr;
    struct cursor message = {.at = at, .in_record = 0, .left = total};
    struct clienthello hello = {0};
    bool header = cursor_read(&message, NULL, HANDSHAKE_HEADER);
    assert(header);
    if (!read_hello(&message, &hello))
        return ERR_SYNTAX;
    *out = hello;
    return ERR_OK;
}

enum err clienthello_join(struct span bytes, struct buf *out)
{
    size_t total;
    const uint8_t *start = (const uint8_t *)bytes.ptr;
    TRY(measure_message(bytes, SIZE_MAX, &total));
    if (total <= load_u16(start + 3))
        return ERR_EXISTS;
    if (total > RECORD_PAYLOAD_MAX)
        return ERR_LIMIT;
    char *record;
    TRY(buf_reserve(out, RECORD_HEADER + total + bytes.len, &record));
    struct cursor message = {.at = start, .in_record = 0, .left = total};
    bool whole = cursor_read(&message, record + RECORD_HEADER, total);
    assert(whole);
    if (message.in_record > 0)
        return ERR_SYNTAX;
    memcpy(record, start, 3); /* type and version of the first */
    record[3] = (char)(total >> 8);
    record[4] = (char)total;
    size_t rest = bytes.len - (size_t)(message.at - start);
    memcpy(record + RECORD_HEADER + total, message.at, rest);
    buf_commit(out, RECORD_HEADER + total + rest);
    return ERR_OK;
}
