/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * weir: what Traefik has no key for. The ranges are what the code was built
 * for; a zero means that Weir derives the value.
 */
#include "config/schema_tables.h"

#include "core/base/clock.h"
#include "core/base/limits.h"

#define WEIR(field_) AT(model_static, weir.field_)

static void check_power_of_two(struct decoder *decoder, const struct schema_row *row,
                               const struct node *node, void *base)
{
    int64_t value = *(const int64_t *)((const char *)base + row->offset);
    if (value > 0 && (value & (value - 1)) != 0)
        decoder_reject(decoder, node, "must be a power of two, for example %s", row->fallback);
}

static const struct schema_row ring[] = {
    KEY("entries", INTEGER, "4096",
        "Entries of each worker's submission queue, a power of two.", WEIR(ring_entries),
        RANGE(64, 32768), CHECK(check_power_of_two)),
    KEY("bufferSize", BYTES, "16384",
        "Size of a receive buffer. The default holds the payload of one full TLS record, so "
        "that a record seldom spans more than two buffers.",
        WEIR(buffer_size), RANGE(1024, 1 << 20)),
    KEY("bufferCount", INTEGER, "512",
        "Receive buffers of each worker, a power of two. They are shared by all its "
        "connections and only held while data is in them; 512 of 16 KiB are 8 MiB.",
        WEIR(buffer_count), RANGE(16, 32768), CHECK(check_power_of_two)),
    SCHEMA_END,
};

static const struct schema_choice ktls_modes[] = {
    {"auto", KTLS_AUTO}, {"on", KTLS_ON}, {"off", KTLS_OFF}, {"true", KTLS_ON},
    {"false", KTLS_OFF}, {NULL, 0},
};

static const struct schema_choice tls_profiles[] = {
    {"intermediate", TLS_PROFILE_INTERMEDIATE}, {"modern", TLS_PROFILE_MODERN}, {NULL, 0},
};

static const struct schema_row tls[] = {
    KEY("profile", CHOICE, "intermediate",
        "What TLS options are that do not say otherwise, after Mozilla's guidelines 5.8: "
        "intermediate is TLS 1.2 and 1.3, modern is 1.3 alone; both with forward secrecy and "
        "AEAD suites only.",
        AT_ENUM(model_static, weir.tls_profile), CHOICES(tls_profiles)),
    KEY("crlFiles", STRINGS, NULL,
        "Revocation lists for clients' certificates, PEM or DER, watched. Where any is named, "
        "all TLS options that verify ask them, and each certificate of a chain needs a current "
        "list of its issuer.",
        WEIR(crl_files)),
    KEY("ktls", CHOICE, "auto",
        "Hand the encryption of large responses to the kernel: auto where it can, on (warn "
        "where it cannot), off.",
        AT_ENUM(model_static, weir.ktls), CHOICES(ktls_modes)),
    KEY("ktlsMinBytes", BYTES, "4194304",
        "Shortest response body (and stream of a TCP router) that is spliced to a client of TLS "
        "through the kernel, on which its connection is handed over. The default is what the "
        "kernel buffers for one connection at most: a shorter body can be sent without waiting "
        "for the client, and user space seals it faster than the kernel.",
        WEIR(ktls_min_bytes), RANGE(16384, INT64_MAX)),
    KEY("selectionCacheEntries", INTEGER, "4096",
        "Names each worker remembers the certificate of, a power of two.",
        WEIR(selection_cache_entries), RANGE(64, 1 << 24), CHECK(check_power_of_two)),
    KEY("ocspCache", STRING, NULL,
        "Folder where OCSP staples are kept across restarts; empty: in memory only.",
        WEIR(ocsp_cache)),
    KEY("ticketKeyFiles", STRINGS, NULL,
        "Files with the keys of session tickets, for several machines to share: 48 or 80 raw "
        "bytes each, or lines of base64. The first file's key seals, all open. Read again when "
        "they change. Without files: keys in memory, renewed every 12 hours.",
        WEIR(ticket_key_files)),
    SCHEMA_END,
};

static const struct schema_row limits[] = {
    KEY("connections", INTEGER, "0",
        "Most client connections at once; 0: what the limit of open files allows.",
        WEIR(max_connections), RANGE(0, 1 << 24)),
    KEY("connectionsPerAddress", INTEGER, "0",
        "Most connections at once from one client address; beyond, plain HTTP is answered with "
        "429 and everything else closed at once. 0: no limit, for thousands of people may share "
        "one address.",
        WEIR(connections_per_address), RANGE(0, 1 << 24)),
    KEY("addressPrefix6", INTEGER, "64",
        "Leading bits of an IPv6 address that are one client to connectionsPerAddress; 64 is "
        "what one subscriber has at least.",
        WEIR(address_prefix6), RANGE(1, 128)),
    KEY("clientHelloBytes", BYTES, "16384", "Longest ClientHello.", WEIR(client_hello_bytes),
        RANGE(512, LIMIT_CLIENTHELLO)),
    KEY("clientHelloTimeout", DURATION, "5s", "Longest wait for a whole ClientHello.",
        WEIR(client_hello_timeout), RANGE(NS_PER_MS, 600 * NS_PER_S)),
    KEY("handshakeTimeout", DURATION, "10s", "Longest TLS handshake, ClientHello included.",
        WEIR(handshake_timeout), RANGE(NS_PER_MS, 600 * NS_PER_S)),
    KEY("keyUpdatesPerSecond", INTEGER, "10",
        "KeyUpdates, and other records of TLS without data, that a connection may send, on "
        "average; a burst may have those of five seconds, but 32 in a row end it in any case. 0: "
        "no limit.",
        WEIR(key_updates_per_second), RANGE(0, 100000)),
    KEY("headerTimeout", DURATION, "0s",
        "Longest time to send the head of a request; 0: respondingTimeouts.readTimeout.",
        WEIR(header_timeout), RANGE(0, 3600 * NS_PER_S)),
    KEY("bodyTimeout", DURATION, "60s", "Longest silence within a request's body; 0: no limit.",
        WEIR(body_timeout), RANGE(0, 24 * 3600 * NS_PER_S)),
    KEY("bodyBytesPerSecond", BYTES, "0",
        "Least of a request's body that has to come, counted over each bodyTimeout while Weir "
        "waits for it; 0: any byte will do.",
        WEIR(body_bytes_per_second), RANGE(0, 1 << 30)),
    KEY("sendTimeout", DURATION, "60s",
        "How long a client may take nothing of a response that waits for it. Looked at in spans "
        "of that length, so that its connection is reset after one to two of them; in tunnels "
        "(TCP routers, upgrades) after ten times as long. 0: no limit.",
        WEIR(send_timeout), RANGE(0, 24 * 3600 * NS_PER_S)),
    KEY("sendBytesPerSecond", BYTES, "0",
        "Least of a response that has to be taken, counted over each sendTimeout while it waits "
        "for the client; 0: any byte will do.",
        WEIR(send_bytes_per_second), RANGE(0, 1 << 30)),
    KEY("headerCount", INTEGER, "100", "Most header fields of a message.", WEIR(header_count),
        RANGE(8, LIMIT_HEADERS)),
    KEY("http2HeaderBytes", BYTES, "65536",
        "Longest header list of a request by HTTP/2, decoded: names, values and 32 bytes for each "
        "field. Where http.maxHeaderBytes is less, that holds. Beyond: 431.",
        WEIR(http2_header_bytes), RANGE(4096, 16 << 20)),
    KEY("http2Continuations", INTEGER, "64",
        "Most CONTINUATION frames of one header block; beyond, the connection ends.",
        WEIR(http2_continuations), RANGE(1, 65536)),
    KEY("http2ResetsPerSecond", INTEGER, "100",
        "Streams that a client may reset before they are answered, or provoke Weir to reset, on "
        "average; a burst may have those of five seconds. Beyond, the connection ends. 0: no "
        "limit.",
        WEIR(http2_resets_per_second), RANGE(0, 1000000)),
    KEY("http2SettingsPerSecond", INTEGER, "20",
        "SETTINGS frames that a client may send; counted as http2ResetsPerSecond.",
        WEIR(http2_settings_per_second), RANGE(0, 1000000)),
    KEY("http2PingsPerSecond", INTEGER, "1000",
        "PING frames that a client may send; counted as http2ResetsPerSecond.",
        WEIR(http2_pings_per_second), RANGE(0, 1000000)),
    KEY("http2EmptyDataPerSecond", INTEGER, "100",
        "Frames that do nothing, which a client may send: DATA with neither bytes nor the "
        "stream's end, PRIORITY, types that nobody knows, heads for streams that are over (each "
        "half KB of them), and WINDOW_UPDATE beyond two for each stream and each DATA frame and "
        "one for each 256 bytes that it was sent; counted as http2ResetsPerSecond.",
        WEIR(http2_empty_data_per_second), RANGE(0, 1000000)),
    KEY("http2ControlFrames", INTEGER, "1000",
        "Answers to frames of a client (SETTINGS, PING, resets) that may wait for it to read "
        "them; beyond, the connection ends.",
        WEIR(http2_control_frames), RANGE(16, 1000000)),
    KEY("requestBodyBytes", BYTES, "0", "Longest body of a request; beyond: 413. 0: no limit.",
        WEIR(request_body_bytes), RANGE(0, INT64_MAX)),
    KEY("sendBufferBytes", BYTES, "65536",
        "Bytes that may wait in one direction before the other side has to wait.",
        WEIR(send_buffer_bytes), RANGE(16384, 64 << 20)),
    SCHEMA_END,
};

static const struct schema_row upstream[] = {
    KEY("idlePerServer", INTEGER, "64",
        "Idle connections that each worker keeps to one server; more for a second.",
        WEIR(upstream_idle_per_server),
        RANGE(0, 65536)),
    SCHEMA_END,
};

const struct schema_row schema_weir[] = {
    KEY("workers", INTEGER, "0", "Worker threads; 0: one per core that Weir may run on.",
        WEIR(workers), RANGE(0, LIMIT_WORKERS)),
    KEY("pinWorkers", BOOL, "true", "Bind each worker to its core.", WEIR(pin_workers)),
    SECTION("ring", "io_uring.", ring),
    SECTION("tls", "TLS.", tls),
    SECTION("limits", "Limits.", limits),
    SECTION("upstream", "Connections to servers.", upstream),
    SCHEMA_END,
};
