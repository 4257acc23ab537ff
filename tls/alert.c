/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/alert.h"

struct alert {
    enum tls_alert description;
    const char *name;
    const char *meaning;
};

static const struct alert alerts[] = {
    {TLS_ALERT_CLOSE_NOTIFY, "close_notify", "closed the connection"},
    {TLS_ALERT_UNEXPECTED_MESSAGE, "unexpected_message", "did not expect our message"},
    {TLS_ALERT_BAD_RECORD_MAC, "bad_record_mac", "could not decrypt a record"},
    {TLS_ALERT_RECORD_OVERFLOW, "record_overflow", "got a record that is too long"},
    {TLS_ALERT_HANDSHAKE_FAILURE, "handshake_failure", "found no acceptable parameters"},
    {TLS_ALERT_BAD_CERTIFICATE, "bad_certificate", "refused the certificate"},
    {TLS_ALERT_UNSUPPORTED_CERTIFICATE, "unsupported_certificate",
     "does not support this kind of certificate"},
    {TLS_ALERT_CERTIFICATE_REVOKED, "certificate_revoked", "says that the certificate is revoked"},
    {TLS_ALERT_CERTIFICATE_EXPIRED, "certificate_expired", "says that the certificate is expired"},
    {TLS_ALERT_CERTIFICATE_UNKNOWN, "certificate_unknown", "refused the certificate"},
    {TLS_ALERT_ILLEGAL_PARAMETER, "illegal_parameter", "found an illegal parameter"},
    {TLS_ALERT_UNKNOWN_CA, "unknown_ca", "does not trust this certificate"},
    {TLS_ALERT_ACCESS_DENIED, "access_denied", "denied access"},
    {TLS_ALERT_DECODE_ERROR, "decode_error", "could not decode a message"},
    {TLS_ALERT_DECRYPT_ERROR, "decrypt_error", "could not verify a signature or finished message"},
    {TLS_ALERT_PROTOCOL_VERSION, "protocol_version", "does not support the TLS version"},
    {TLS_ALERT_INSUFFICIENT_SECURITY, "insufficient_security", "wants stronger parameters"},
    {TLS_ALERT_INTERNAL_ERROR, "internal_error", "had an internal error"},
    {TLS_ALERT_INAPPROPRIATE_FALLBACK, "inappropriate_fallback",
     "refused the fallback to a lower version"},
    {TLS_ALERT_USER_CANCELED, "user_canceled", "canceled the handshake"},
    {TLS_ALERT_NO_RENEGOTIATION, "no_renegotiation", "refused to renegotiate"},
    {TLS_ALERT_MISSING_EXTENSION, "missing_extension", "misses an extension"},
    {TLS_ALERT_UNSUPPORTED_EXTENSION, "unsupported_extension",
     "got an extension that it did not ask for"},
    {TLS_ALERT_UNRECOGNIZED_NAME, "unrecognized_name", "does not know the server name"},
    {TLS_ALERT_BAD_CERTIFICATE_STATUS_RESPONSE, "bad_certificate_status_response",
     "refused the OCSP response"},
    {TLS_ALERT_UNKNOWN_PSK_IDENTITY, "unknown_psk_identity", "does not know the key's identity"},
    {TLS_ALERT_CERTIFICATE_REQUIRED, "certificate_required", "wants a client certificate"},
    {TLS_ALERT_NO_APPLICATION_PROTOCOL, "no_application_protocol",
     "supports none of the application protocols"},
};

static const struct alert *find(int description)
{
    for (size_t i = 0; i < sizeof(alerts) / sizeof(alerts[0]); i++)
        if ((int)alerts[i].description == description)
            return &alerts[i];
    return NULL;
}

const char *tls_alert_name(int description)
{
    const struct alert *alert = find(description);
    return alert != NULL ? alert->name : NULL;
}

const char *tls_alert_meaning(int description)
{
    const struct alert *alert = find(description);
    return alert != NULL ? alert->meaning : NULL;
}

enum err tls_alert_append(struct buf *output, enum tls_alert description)
{
    /* alert, legacy version 1.2, two bytes: fatal, description (RFC 8446 §5.1, §6) */
    const char record[] = {21, 3, 3, 0, 2, 2, (char)description};
    return buf_append(output, span_make(record, sizeof(record)));
}
