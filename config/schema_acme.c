/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * certificatesResolvers.NAME.
 */
#include "config/schema_tables.h"

static const struct schema_choice key_types[] = {
    {"EC256", ACME_KEY_CHOICE_EC256},     {"EC384", ACME_KEY_CHOICE_EC384},
    {"RSA2048", ACME_KEY_CHOICE_RSA2048}, {"RSA4096", ACME_KEY_CHOICE_RSA4096},
    {"RSA8192", ACME_KEY_CHOICE_RSA8192}, {NULL, 0},
};

static const struct schema_row eab[] = {
    KEY("kid", STRING, NULL, "Identifier of the key.", AT(model_acme, eab_kid)),
    KEY("hmacEncoded", STRING, NULL, "HMAC key in Base64.", AT(model_acme, eab_hmac)),
    SCHEMA_END,
};

static const struct schema_row http_challenge[] = {
    KEY("entryPoint", STRING, NULL, "Entry point that answers, on port 80.",
        AT(model_acme, http_entry_point)),
    KEY("delay", DURATION, "0s", "Wait before the validation.", AT(model_acme, http_delay)),
    SCHEMA_END,
};

static const struct schema_row tls_challenge[] = {
    KEY("delay", DURATION, "0s", "Wait before the validation.", AT(model_acme, tls_delay)),
    SCHEMA_END,
};

static const struct schema_row propagation[] = {
    KEY("disableChecks", BOOL, "false", "Do not check the record.",
        AT(model_acme, dns_disable_checks)),
    KEY("disableANSChecks", BOOL, "false", "Do not check at the authoritative servers.",
        AT(model_acme, dns_disable_ans_checks)),
    KEY("requireAllRNS", BOOL, "false", "Insist on all recursive servers.",
        AT(model_acme, dns_require_all_rns)),
    KEY("delayBeforeChecks", DURATION, "0s", "Wait before checking.", AT(model_acme, dns_delay)),
    SCHEMA_END,
};

static const struct schema_row dns_challenge[] = {
    KEY("provider", STRING, NULL, "DNS provider: `exec`, `httpreq` or `rfc2136`.",
        AT(model_acme, dns_provider)),
    KEY("resolvers", STRINGS, NULL, "DNS servers to ask.", AT(model_acme, dns_resolvers)),
    SECTION("propagation", "Checks of the record.", propagation, ALLOW_EMPTY),
    KEY("delayBeforeCheck", DURATION, "0s", "Former propagation.delayBeforeChecks.", DEPRECATED,
        AT(model_acme, dns_delay_former)),
    KEY("disablePropagationCheck", BOOL, "false", "Former propagation.disableChecks.",
        DEPRECATED, AT(model_acme, dns_disable_checks_former)),
    SCHEMA_END,
};

static const struct schema_row acme[] = {
    KEY("email", STRING, NULL, "Address of the account.", AT(model_acme, email)),
    KEY("emailAddresses", STRINGS, NULL, "Addresses put into requests.",
        AT(model_acme, email_addresses)),
    KEY("caServer", STRING, "https://acme-v02.api.letsencrypt.org/directory",
        "Directory of the CA.",
        AT(model_acme, ca_server)),
    KEY("caServerName", STRING, NULL, "Name in the CA's own certificate.",
        AT(model_acme, ca_server_name)),
    KEY("caCertificates", CONTENTS, NULL, "CAs that the CA's own certificate may chain to.",
        AT_LIST(model_acme, ca_certificates, ca_certificate_count, struct model_content)),
    KEY("caSystemCertPool", BOOL, "false", "Also the system's.", AT(model_acme, ca_system_pool)),
    KEY("preferredChain", STRING, NULL, "Chain to prefer, by its root's name.",
        AT(model_acme, preferred_chain)),
    KEY("profile", STRING, NULL, "Profile of the certificates.", AT(model_acme, profile)),
    KEY("storage", STRING, "acme.json", "File that keeps the account and certificates.",
        AT(model_acme, storage)),
    KEY("keyType", CHOICE, "RSA4096", "Kind of the keys.", CHOICES(key_types),
        AT_ENUM(model_acme, key_type)),
    SECTION("eab", "External account binding.", eab),
    KEY("certificatesDuration", INTEGER, "2160", "Life of the certificates.", UNIT("hours"),
        RANGE(1, 1000000), AT(model_acme, certificates_duration_h)),
    KEY("clientTimeout", DURATION, "2m", "Longest exchange with the CA.",
        AT(model_acme, client_timeout)),
    KEY("clientResponseHeaderTimeout", DURATION, "30s", "Longest wait for its response.",
        AT(model_acme, header_timeout)),
    KEY("disableCommonName", BOOL, "false", "No common name in requests.",
        AT(model_acme, disable_common_name)),
    SECTION("httpChallenge", "HTTP-01.", http_challenge, ALLOW_EMPTY,
            PRESENT(model_acme, has_http)),
    SECTION("tlsChallenge", "TLS-ALPN-01.", tls_challenge, ALLOW_EMPTY,
            PRESENT(model_acme, has_tls)),
    SECTION("dnsChallenge", "DNS-01.", dns_challenge, ALLOW_EMPTY,
            PRESENT(model_acme, has_dns)),
    SCHEMA_END,
};

static const struct schema_row tailscale[] = {SCHEMA_END};

const struct schema_row schema_resolver[] = {
    SECTION("acme", "Obtain certificates by ACME (RFC 8555).", acme, INTO(model_resolver, acme),
            PRESENT(model_resolver, has_acme)),
    SECTION("tailscale", "Obtain certificates from Tailscale.", tailscale, ALLOW_EMPTY,
            NOT_BUILT),
    SCHEMA_END,
};
