/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The order of TRAEFIK-CONFIG §3: an HTTPS router with that very host, a TCP
 * router that is no catch-all, an HTTPS catch-all, a TCP catch-all, and last
 * HTTPS where every request is a 404. The certificate is chosen by name in the
 * worker's selection cache, then by what the client can verify. Before all that
 * goes a CA with its challenge, unless the entry point leaves it to routers.
 */
#include "core/proxy/client_tls.h"

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/proxy/challenges.h"
#include "tls/ip_text.h"
#include "tls/refusal.h"

static void handshake_on_open(struct conn *conn);
static void handshake_on_failed(struct conn *conn, enum err error, const struct err_text *why);

static void handshake_on_data(struct conn *conn, struct span data)
{
    /* on_open has installed the front's handler before any data comes. */
    (void)data;
    conn_close(conn);
}

static const struct conn_handler handshake_handler = {
    .on_open = handshake_on_open,
    .on_data = handshake_on_data,
    .on_end = conn_close,
    .on_failed = handshake_on_failed,
    .on_closed = client_closed,
};

static void forget_tcp_route(struct client *client)
{
    if (client->side == CLIENT_TCP && client->tcp.hold != NULL) {
        snapshot_hold_release(client->tcp.hold);
        client->tcp.hold = NULL;
    }
}

void client_tls_refuse(struct client *client, enum tls_alert alert, const char *why)
{
    struct conn *conn = &client->conn;
    metric_add(&conn->worker->metrics.handshakes_failed, 1);
    log_debug("TLS connection refused", "client", client->peer_text, "serverName",
              client->server_name, "error", why);
    forget_tcp_route(client);
    if (tls_alert_append(&conn->filling, alert) != ERR_OK)
        conn_close(conn);
    else
        conn_close_after_flush(conn, true);
}

static void handshake_on_failed(struct conn *conn, enum err error, const struct err_text *why)
{
    struct client *client = client_of(conn);
    struct worker *worker = conn->worker;
    const char *text = why->text[0] ? why->text : err_message(error), *subject = "";
    metric_add(&worker->metrics.handshakes_failed, 1);
    if (error == ERR_TIMEOUT)
        limit_report(client, LIMIT_OF_HANDSHAKE);
    if (conn->tls != NULL && tls_engine_client_refused(conn->tls, &subject))
        log_info("client certificate refused", "client", client->peer_text, "serverName",
                 client->server_name, "subject", subject, "error", text);
    else
        log_debug("TLS handshake failed", "client", client->peer_text, "serverName",
                  client->server_name, "error", text);
    forget_tcp_route(client);
    /* The client may be sending its first request already, and must hear of the alert. */
    conn_close_after_flush(conn, error == ERR_TLS);
}

static void handshake_on_open(struct conn *conn)
{
    struct client *client = client_of(conn);
    struct worker *worker = conn->worker;
    struct tls_engine_info info;
    if (client->side == CLIENT_CHALLENGE) { /* RFC 8737 §4: no byte is exchanged */
        conn_close_after_flush(conn, true);
        return;
    }
    tls_engine_info(conn->tls, &info);
    metric_add(info.resumed ? &worker->metrics.handshakes_resumed
                            : &worker->metrics.handshakes_full, 1);
    if (!info.resumed)
        cert_count_served(tls_engine_cert(conn->tls), worker->index, worker->worker_count);
    if (client->side == CLIENT_TCP)
        front_tcp_start_terminated(client);
    else if (info.alpn != NULL && strcmp(info.alpn, "h2") == 0)
        front_http2_start(client, SPAN_EMPTY);
    else
        front_http1_start(client, SPAN_EMPTY);
}

/* Among the certificates of a name, the cheapest that the client can verify. */
static struct cert *choose_cert(const struct cert_set *set, const struct clienthello *hello)
{
    static const enum cert_key_type preference[] = {
        CERT_KEY_ECDSA_P256, CERT_KEY_ED25519, CERT_KEY_ECDSA_P384, CERT_KEY_RSA,
        CERT_KEY_ECDSA_P521,
    };
    struct cert *any = NULL;
    for (size_t i = 0; i < sizeof(preference) / sizeof(preference[0]); i++) {
        struct cert *cert = set->by_type[preference[i]];
        if (cert == NULL)
            continue;
        if (clienthello_accepts_key(hello, (int)preference[i]))
            return cert;
        any = cert;
    }
    return any; /* the handshake fails with the right alert */
}

/* Without SNI the address that the client came to is the name, in the form that
 * IP SANs have in a store key. */
static struct span local_name(const struct client *client, char out[IP_TEXT_SIZE])
{
    static const uint8_t v4_mapped[12] = {[10] = 0xff, [11] = 0xff};
    struct sock_address local;
    uint8_t bytes[16];
    if (client_local(client, &local) != ERR_OK)
        return SPAN_EMPTY;
    sock_address_bytes(&local, bytes);
    bool is_v4 = memcmp(bytes, v4_mapped, sizeof(v4_mapped)) == 0;
    size_t len = is_v4 ? ip_text_format(bytes + 12, 4, out) : ip_text_format(bytes, 16, out);
    return span_make(out, len);
}

static struct cert *select_cert(struct client *client, const struct clienthello *hello, bool *known)
{
    struct worker *worker = client->conn.worker;
    const struct snapshot *snapshot = worker->hold->snapshot;
    char local[IP_TEXT_SIZE];
    struct span name = span_cstr(client->server_name);
    if (name.len == 0)
        name = local_name(client, local);
    const struct cert_set *set = cert_cache_select(worker->cert_cache, snapshot->certs,
                                                   snapshot->epoch, name,
                                                   worker->now_ms / MS_PER_S, known);
    return choose_cert(set, hello);
}

static void shake_hands(struct client *client, struct tls_context *context,
                        const struct tls_server_params *params, struct span bytes)
{
    struct buf joined;
    buf_init(&joined, 2 * bytes.len + LIMIT_CLIENTHELLO);
    enum err error = clienthello_join(bytes, &joined);
    if (error == ERR_OK)
        error = conn_start_tls_server(&client->conn, context, params, buf_span(&joined));
    else if (error == ERR_EXISTS || error == ERR_LIMIT)
        error = conn_start_tls_server(&client->conn, context, params, bytes);
    buf_finish(&joined);
    if (error == ERR_SYNTAX)
        client_tls_refuse(client, TLS_ALERT_UNEXPECTED_MESSAGE,
                          "something follows the ClientHello in its record");
    else if (error != ERR_OK)
        client_tls_refuse(client, TLS_ALERT_INTERNAL_ERROR, err_message(error));
}

/* Who offers acme-tls/1 is a CA, and gets a challenge's certificate or none. */
static void answer_challenge(struct client *client, struct span bytes)
{
    struct tls_context *context = challenges_find_tls(span_cstr(client->server_name));
    struct tls_server_params params = {CHALLENGE_ALPN};
    forget_tcp_route(client);
    client->side = CLIENT_CHALLENGE;
    if (context == NULL) {
        client_tls_refuse(client, TLS_ALERT_NO_APPLICATION_PROTOCOL,
                          "there is no ACME challenge for this name");
        return;
    }
    client->is_tls = true;
    client->conn.handler = &handshake_handler;
    conn_set_timeout(&client->conn,
                     client->conn.worker->settings->weir.handshake_timeout / NS_PER_MS);
    shake_hands(client, context, &params, bytes);
}

static bool is_challenge(const struct clienthello *hello)
{
    return clienthello_offers_alpn(hello, CHALLENGE_ALPN);
}

static void terminate(struct client *client, const struct clienthello *hello,
                      struct tls_options *options, struct span bytes)
{
    struct worker *worker = client->conn.worker;
    bool known;
    if (is_challenge(hello)) {
        answer_challenge(client, bytes);
        return;
    }
    struct cert *cert = select_cert(client, hello, &known);
    if (options->sni_strict && !known) {
        client_tls_refuse(client, TLS_ALERT_UNRECOGNIZED_NAME,
                          "no certificate for this name (sniStrict)");
        return;
    }
    const struct tls_refusal *refusal = tls_refusal_of(hello, options);
    if (refusal != NULL) {
        client_tls_refuse(client, refusal->alert, refusal->why);
        return;
    }
    struct tls_server_params params = {NULL};
    bool rsa = cert != NULL && cert->key_type == CERT_KEY_RSA;
    if (tls_options_choose_alpn(options, hello, rsa, &params.alpn) != ERR_OK) {
        client_tls_refuse(client, TLS_ALERT_NO_APPLICATION_PROTOCOL, "no ALPN in common");
        return;
    }
    struct tls_context *context;
    struct err_text why = {""};
    if (tls_context_get(worker->hold->snapshot->contexts, cert, options, &context, &why) !=
        ERR_OK) {
        client_tls_refuse(client, TLS_ALERT_INTERNAL_ERROR, why.text);
        return;
    }
    client->is_tls = true;
    client->tls_options_identity = options->identity;
    client->tls_epoch = worker->hold->snapshot->epoch;
    client->conn.handler = &handshake_handler;
    conn_set_timeout(&client->conn, worker->settings->weir.handshake_timeout / NS_PER_MS);
    shake_hands(client, context, &params, bytes);
}

static bool is_catch_all(const struct route *route)
{
    struct rule_hosts hosts;
    rule_hosts(route->rule, &hosts);
    return hosts.catch_all && rule_is_host_only(route->rule);
}

static void start_tcp(struct client *client, const struct clienthello *hello,
                      const struct route *route, struct span bytes)
{
    if (route->model->tls.passthrough) {
        front_tcp_start(client, route, bytes);
        return;
    }
    struct tls_options *options =
        snapshot_tls_options(client->conn.worker->hold->snapshot, route->model->tls.options);
    if (options == NULL) {
        client_tls_refuse(client, TLS_ALERT_INTERNAL_ERROR, "unknown TLS options");
        return;
    }
    client->side = CLIENT_TCP;
    client->tcp = (struct front_tcp){
        .hold = snapshot_hold_use(client->conn.worker->hold),
        .route = route,
    };
    terminate(client, hello, options, bytes);
}

static void start_https(struct client *client, const struct clienthello *hello,
                        struct span options_name, struct span bytes)
{
    struct tls_options *options =
        snapshot_tls_options(client->conn.worker->hold->snapshot, options_name);
    if (options == NULL) {
        client_tls_refuse(client, TLS_ALERT_INTERNAL_ERROR, "unknown TLS options");
        return;
    }
    client->side = CLIENT_HTTP1;
    terminate(client, hello, options, bytes);
}

void client_tls_start(struct client *client, const struct clienthello *hello, struct span bytes)
{
    const struct entry_routes *routes = client_routes(client);
    memcpy(client->server_name, hello->server_name, hello->server_name_len + 1);
    if (is_challenge(hello) && !client_entry(client)->acme_bypass) {
        answer_challenge(client, bytes);
        return;
    }
    struct rule_facts facts;
    client_facts(client, &facts);
    facts.alpn = hello->alpn;
    facts.alpn_count = hello->alpn_count;
    struct span options = SPAN_EMPTY;
    bool https = facts.host.len > 0 &&
                 router_table_tls_options(routes->https, facts.host, &options);
    const struct route *tcp = https ? NULL : router_match(routes->tcp_tls, &facts);
    if (tcp != NULL && routes->https_catch_all && is_catch_all(tcp))
        tcp = NULL;
    if (tcp != NULL)
        start_tcp(client, hello, tcp, bytes);
    else
        start_https(client, hello, options, bytes);
}
