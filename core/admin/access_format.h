/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From a finished exchange to a line. What is kept of it was settled once when
 * the log was opened. Formatting is for the worker's thread and allocates
 * nothing.
 */
#ifndef WEIR_CORE_ADMIN_ACCESS_FORMAT_H
#define WEIR_CORE_ADMIN_ACCESS_FORMAT_H

#include "config/model.h"
#include "core/base/buf.h"
#include "core/proxy/exchange.h"

/* In the order of their names: so Traefik's JSON has them. */
#define ACCESS_FIELD_LIST(X)                                                           \
    X(ClientAddr) X(ClientHost) X(ClientPort) X(ClientUsername)                        \
    X(DownstreamContentSize) X(DownstreamStatus) X(Duration) X(GzipRatio)              \
    X(OriginContentSize) X(OriginDuration) X(OriginStatus) X(Overhead)                 \
    X(RequestAddr) X(RequestContentSize) X(RequestCount) X(RequestHost)                \
    X(RequestMethod) X(RequestPath) X(RequestPort) X(RequestProtocol)                  \
    X(RequestScheme) X(RetryAttempts) X(RouterName) X(ServiceAddr) X(ServiceName)      \
    X(ServiceURL) X(StartLocal) X(StartUTC) X(TLSCipher) X(TLSClientSubject)           \
    X(TLSVersion) X(entryPointName)

enum access_field {
#define ACCESS_FIELD_ENUM(name) ACCESS_##name,
    ACCESS_FIELD_LIST(ACCESS_FIELD_ENUM)
#undef ACCESS_FIELD_ENUM
        ACCESS_FIELDS,
};

enum access_header_mode { ACCESS_HEADER_DROP, ACCESS_HEADER_KEEP, ACCESS_HEADER_REDACT };

struct access_format {
    enum log_format_choice format;
    bool kept[ACCESS_FIELDS];
    enum access_header_mode header_default;
    const struct model_string_map *header_modes;
};

void access_format_init(struct access_format *format, const struct model_access_log *settings);

/* What the exchange does not know. */
struct access_facts {
    uint64_t request_count; /* of the process, this one included */
    int32_t utc_offset_s;   /* of local time */
};

/* One line with its line feed. ERR_LIMIT when it does not fit into `out`. */
MUST_USE enum err access_format_line(const struct access_format *format,
                                     const struct access_record *record,
                                     const struct access_facts *facts, struct buf *out);

/* Shared by the formats. */
enum access_header_mode access_header_mode_of(const struct access_format *format,
                                              struct span name);
struct span access_clip(struct span value); /* to ACCESS_LOG_VALUE */
/* The client's address without its port; "-" when it is not known any more. */
struct span access_client_host(const struct exchange *exchange);
struct span access_client_port(const struct exchange *exchange);
struct span access_target(const struct exchange *exchange);
uint16_t access_status(const struct exchange *exchange);
enum err access_write_json(const struct access_format *format,
                           const struct access_record *record, const struct access_facts *facts,
                           struct buf *out);

#endif
