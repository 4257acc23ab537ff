/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * certificatesResolvers.NAME: known, not built.
 */
#include "config/schema_tables.h"

static const struct schema_choice key_types[] = {
    {"EC256", 0}, {"EC384", 0}, {"RSA2048", 0}, {"RSA4096", 0}, {"RSA8192", 0}, {NULL, 0},
};

static const struct schema_row eab[] = {
    KEY("kid", STRING, NULL, "Identifier of the key."),
    KEY("hmacEncoded", STRING, NULL, "HMAC key in Base64."),
    SCHEMA_END,
};

static const struct schema_row http_challenge[] = {
    KEY("entryPoint", STRING, NULL, "Entry point that answers, on port 80."),
    KEY("delay", DURATION, "0s", "Wait before the validation."),
    SCHEMA_END,
};

static const struct schema_row tls_challenge[] = {
    KEY("delay", DURATION, "0s", "Wait before the validation."),
    SCHEMA_END,
};

static const struct schema_row propagation[] = {
    KEY("disableChecks", BOOL, "false", "Do not check the record."),
    KEY("disableANSChecks", BOOL, "false", "Do not check at the authoritative servers."),
    KEY("requireAllRNS", BOOL, "false", "Insist on all recursive servers."),
    KEY("delayBeforeChecks", DURATION, "0s", "Wait before checking."),
    SCHEMA_END,
};

static const struct schema_row dns_challenge[] = {
    KEY("provider", STRING, NULL, "DNS provider."),
    KEY("resolvers", STRINGS, NULL, "DNS servers to ask."),
    SECTION("propagation", "Checks of the record.", propagation, ALLOW_EMPTY),
    KEY("delayBeforeCheck", DURATION, "0s", "Former propagation.delayBeforeChecks.", DEPRECATED),
    KEY("disablePropagationCheck", BOOL, "false", "Former propagation.disableChecks.",
        DEPRECATED),
    SCHEMA_END,
};

static const struct schema_row acme[] = {
    KEY("email", STRING, NULL, "Address of the account."),
    KEY("emailAddresses", STRINGS, NULL, "Addresses put into requests."),
    KEY("caServer", STRING, "https://acme-v02.api.letsencrypt.org/directory",
        "Directory of the CA."),
    KEY("caServerName", STRING, NULL, "Name in the CA's own certificate."),
    KEY("caCertificates", CONTENTS, NULL, "CAs that the CA's own certificate may chain to."),
    KEY("caSystemCertPool", BOOL, "false", "Also the system's."),
    KEY("preferredChain", STRING, NULL, "Chain to prefer, by its root's name."),
    KEY("profile", STRING, NULL, "Profile of the certificates."),
    KEY("storage", STRING, "acme.json", "File that keeps the account and certificates."),
    KEY("keyType", CHOICE, "RSA4096", "Kind of the keys.", CHOICES(key_types)),
    SECTION("eab", "External account binding.", eab),
    KEY("certificatesDuration", INTEGER, "2160", "Life of the certificates.", UNIT("hours")),
    KEY("clientTimeout", DURATION, "2m", "Longest exchange with the CA."),
    KEY("clientResponseHeaderTimeout", DURATION, "30s", "Longest wait for its response."),
    KEY("disableCommonName", BOOL, "false", "No common name in requests."),
    SECTION("httpChallenge", "HTTP-01.", http_challenge, ALLOW_EMPTY),
    SECTION("tlsChallenge", "TLS-ALPN-01.", tls_challenge, ALLOW_EMPTY),
    SECTION("dnsChallenge", "DNS-01.", dns_challenge, ALLOW_EMPTY),
    SCHEMA_END,
};

static const struct schema_row tailscale[] = {SCHEMA_END};

const struct schema_row schema_resolver[] = {
    SECTION("acme", "Obtain certificates by ACME (RFC 8555).", acme),
    SECTION("tailscale", "Obtain certificates from Tailscale.", tailscale, ALLOW_EMPTY),
    SCHEMA_END,
};
