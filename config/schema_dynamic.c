/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The root of the dynamic configuration.
 */
#include "config/schema_tables.h"

const struct schema_row schema_dynamic[] = {
    SECTION("http", "HTTP.", schema_http),
    SECTION("tcp", "TCP.", schema_tcp),
    SECTION("udp", "UDP.", schema_udp, NOT_BUILT),
    SECTION("tls", "Certificates and TLS options.", schema_tls),
    SCHEMA_END,
};
