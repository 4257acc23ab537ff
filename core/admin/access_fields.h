/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a line of the access log may tell: its fields, which of them the settings
 * keep, and the values that every format shows. The settings are read once, when
 * the log is opened; then any worker may ask. Values point into the exchange.
 */
#ifndef WEIR_CORE_ADMIN_ACCESS_FIELDS_H
#define WEIR_CORE_ADMIN_ACCESS_FIELDS_H

#include "config/model.h"
#include "core/proxy/exchange.h"

#define ACCESS_LOG_VALUE 2048 /* longest value from outside; the rest is cut */

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

struct access_fields {
    bool kept[ACCESS_FIELDS];
    enum access_header_mode header_default;
    const struct model_string_map *header_modes; /* the settings' */
};

void access_fields_init(struct access_fields *fields, const struct model_access_log *settings);
enum access_header_mode access_header_mode_of(const struct access_fields *fields,
                                              struct span name);

/* What the exchange does not know. */
struct access_facts {
    uint64_t request_count; /* of the process, this one included */
    int32_t utc_offset_s;   /* of local time */
};

struct span access_clip(struct span value); /* to ACCESS_LOG_VALUE */
/* The client's address without its port; "-" when it is not known any more. */
struct span access_client_host(const struct exchange *exchange);
struct span access_client_port(const struct exchange *exchange);
struct span access_target(const struct exchange *exchange);
uint16_t access_status(const struct exchange *exchange);

#endif
