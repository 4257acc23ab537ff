/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tls: certificates, options, stores.
 */
#include "config/schema_tables.h"

static void check_certificate(struct decoder *decoder, const struct schema_row *row,
                              const struct node *node, void *base)
{
    const struct model_certificate *certificate = base;
    (void)row;
    if (certificate->cert.value.len == 0 || certificate->key.value.len == 0)
        decoder_warn(decoder, node, "needs certFile and keyFile; it is left out");
}

static const struct schema_row certificate[] = {
    KEY("certFile", CONTENT, NULL, "Certificate chain in PEM, or the path of its file.",
        AT(model_certificate, cert)),
    KEY("keyFile", CONTENT, NULL, "Private key in PEM, or the path of its file.",
        AT(model_certificate, key)),
    KEY("stores", STRINGS, NULL, "Stores that hold it; only `default` is served.",
        AT(model_certificate, stores)),
    SCHEMA_END,
};

static const struct schema_choice client_auth_types[] = {
    {"NoClientCert", CLIENT_AUTH_NONE},
    {"RequestClientCert", CLIENT_AUTH_REQUEST},
    {"RequireAnyClientCert", CLIENT_AUTH_REQUIRE_ANY},
    {"VerifyClientCertIfGiven", CLIENT_AUTH_VERIFY_IF_GIVEN},
    {"RequireAndVerifyClientCert", CLIENT_AUTH_REQUIRE_AND_VERIFY},
    {NULL, 0},
};

static const struct schema_row client_auth[] = {
    KEY("caFiles", STRINGS, NULL,
        "CAs that clients' certificates must chain to: paths, or PEM. Watched.",
        AT(model_tls_options, client_ca_files)),
    KEY("clientAuthType", CHOICE, NULL,
        "What is asked of clients; with caFiles alone RequireAndVerifyClientCert.",
        AT_ENUM(model_tls_options, client_auth), CHOICES(client_auth_types)),
    SCHEMA_END,
};

static void note_min_version(struct decoder *decoder, const struct schema_row *row,
                             const struct node *node, void *base)
{
    struct model_tls_options *options = base;
    (void)decoder;
    (void)row;
    (void)node;
    options->min_version_set = true;
}

static void check_options(struct decoder *decoder, const struct schema_row *row,
                          const struct node *node, void *base)
{
    struct model_tls_options *options = base;
    (void)row;
    if (options->min_version == TLS_VERSION_10 || options->min_version == TLS_VERSION_11)
        decoder_reject(decoder, node, "minVersion is below VersionTLS12, the lowest that is "
                       "supported (RFC 8996)");
    if (options->max_version != TLS_VERSION_UNSET &&
        options->min_version > options->max_version)
        decoder_reject(decoder, node, "minVersion is above maxVersion");
    bool has_ca = options->client_ca_files.count > 0;
    if (options->client_auth == CLIENT_AUTH_UNSET)
        options->client_auth = has_ca ? CLIENT_AUTH_REQUIRE_AND_VERIFY : CLIENT_AUTH_NONE;
    if (options->client_auth >= CLIENT_AUTH_VERIFY_IF_GIVEN && !has_ca)
        decoder_reject(decoder, node, "clientAuth is to verify certificates and has no caFiles; "
                       "name at least one CA");
}

static const struct schema_row options[] = {
    KEY("minVersion", CHOICE, "VersionTLS12",
        "Lowest version of TLS; unless it is named, `weir.tls.profile` may raise it.",
        AT_ENUM(model_tls_options, min_version), CHOICES(schema_tls_versions),
        CHECK(note_min_version)),
    KEY("maxVersion", CHOICE, NULL, "Highest version of TLS; empty: the newest.",
        AT_ENUM(model_tls_options, max_version), CHOICES(schema_tls_versions)),
    KEY("cipherSuites", CHOICES, NULL, "Cipher suites of TLS 1.2; empty: the secure ones.",
        AT(model_tls_options, cipher_suites), CHOICES(schema_cipher_suites)),
    KEY("curvePreferences", CHOICES, NULL, "Groups for the key exchange, best first.",
        AT(model_tls_options, curves), CHOICES(schema_curves)),
    SECTION("clientAuth", "Certificates of clients.", client_auth),
    KEY("sniStrict", BOOL, "false", "Refuse connections for names without a certificate.",
        AT(model_tls_options, sni_strict)),
    KEY("alpnProtocols", STRINGS, "h2, http/1.1, acme-tls/1", "Protocols offered by ALPN.",
        AT(model_tls_options, alpn)),
    KEY("disableSessionTickets", BOOL, "false", "No session tickets.",
        AT(model_tls_options, disable_session_tickets)),
    KEY("preferServerCipherSuites", BOOL, "false", "Ignored, as in Traefik.", DEPRECATED),
    SCHEMA_END,
};

static const struct schema_row generated[] = {
    KEY("resolver", STRING, NULL, "Resolver that obtains it.",
        AT(model_tls_store, generated_resolver)),
    SECTION("domain", "Its names.", schema_domains, INTO(model_tls_store, generated_domain)),
    SCHEMA_END,
};

static const struct schema_row store[] = {
    SECTION("defaultCertificate", "Certificate for names without one.", schema_certificate,
            INTO(model_tls_store, default_certificate),
            PRESENT(model_tls_store, has_default_certificate)),
    SECTION("defaultGeneratedCert", "The same, obtained from a resolver.", generated),
    SCHEMA_END,
};

const struct schema_row schema_tls[] = {
    KEY("certificates", ARRAY, NULL, "Certificates, chosen by the name that the client asks for.",
        AT_LIST(model_dynamic, certificates, certificate_count, struct model_certificate),
        ROWS(certificate), MARK_AT(model_certificate, mark), CHECK(check_certificate)),
    KEY("options", OBJECTS, NULL, "Options of TLS by name; `default` is for who names none.",
        AT_LIST(model_dynamic, tls_options, tls_option_count, struct model_tls_options),
        ROWS(options), QUALIFIED, CHECK(check_options)),
    KEY("stores", OBJECTS, NULL, "Stores of certificates; only `default` is served.",
        AT_LIST(model_dynamic, tls_stores, tls_store_count, struct model_tls_store), ROWS(store)),
    SCHEMA_END,
};
