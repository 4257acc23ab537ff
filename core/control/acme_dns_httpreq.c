/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `httpreq`: JSON is sent to HTTPREQ_ENDPOINT/present and /cleanup,
 * {"fqdn", "value"}, or with HTTPREQ_MODE=RAW {"domain", "token", "keyAuth"}.
 * Every status below 300 is success; redirections are not followed.
 */
#include "core/control/acme_dns_private.h"

#include "core/base/clock.h"

#include <curl/curl.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#define URL_MAX 2048
#define ANSWER_MAX 200 /* bytes of it that are told */

struct call {
    struct patience patience;
    char answer[ANSWER_MAX + 1];
    size_t len;
};

static enum err set_up(struct acme_dns *dns, struct err_text *why)
{
    char *mode;
    int64_t timeout_s;
    TRY(acme_dns_env_needed("HTTPREQ_", "ENDPOINT", &dns->endpoint, why));
    TRY(acme_dns_env("HTTPREQ_", "USERNAME", &dns->username, why));
    TRY(acme_dns_env("HTTPREQ_", "PASSWORD", &dns->password, why));
    TRY(acme_dns_env_number("HTTPREQ_", "HTTP_TIMEOUT", ACME_DNS_HTTP_TIMEOUT_S, 3600, &timeout_s,
                            why));
    dns->timeout_ms = timeout_s * MS_PER_S;
    TRY(acme_dns_env("HTTPREQ_", "MODE", &mode, why));
    dns->raw = strcmp(mode, "RAW") == 0;
    free(mode);
    if (strncmp(dns->endpoint, "http://", 7) != 0 && strncmp(dns->endpoint, "https://", 8) != 0)
        return err_set(why, ERR_INVALID,
                       "the environment variable HTTPREQ_ENDPOINT is no http:// or https:// URL");
    return ERR_OK;
}

static size_t on_bytes(char *bytes, size_t size, size_t count, void *argument)
{
    struct call *call = argument;
    size_t room = ANSWER_MAX - call->len, got = size * count;
    size_t kept = got < room ? got : room;
    memcpy(call->answer + call->len, bytes, kept);
    call->len += kept;
    return got;
}

/* Not 0: the transfer is given up. */
static int on_progress(void *argument, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const struct call *call = argument;
    struct patience now = {patience_now_ms(), call->patience.stop_fd};
    (void)a;
    (void)b;
    (void)c;
    (void)d;
    return patience_wait(now, -1, 0) == ERR_CANCELED;
}

static bool set_credentials(CURL *easy, const struct acme_dns *dns)
{
    if (dns->username[0] == '\0' || dns->password[0] == '\0') /* lego's rule */
        return true;
    return curl_easy_setopt(easy, CURLOPT_HTTPAUTH, CURLAUTH_BASIC) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_USERNAME, dns->username) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PASSWORD, dns->password) == CURLE_OK;
}

static bool set_options(CURL *easy, const struct acme_dns *dns, const char *url, const char *body,
                        struct curl_slist *fields, struct call *call)
{
    int64_t left = call->patience.until_ms - patience_now_ms();
    return curl_easy_setopt(easy, CURLOPT_URL, url) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_USERAGENT, "Weir/" WEIR_VERSION) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HTTPHEADER, fields) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_bytes) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEDATA, call) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_XFERINFODATA, call) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)(left > 1 ? left : 1)) == CURLE_OK &&
           set_credentials(easy, dns);
}

static enum err explain(CURLcode code, long status, const struct call *call, struct err_text *why)
{
    if (code == CURLE_ABORTED_BY_CALLBACK)
        return ERR_CANCELED;
    if (code != CURLE_OK)
        return err_set(why, code == CURLE_OPERATION_TIMEDOUT ? ERR_TIMEOUT : ERR_IO,
                       "the endpoint: %s", curl_easy_strerror(code));
    if (status < 300)
        return ERR_OK;
    return err_set(why, ERR_REFUSED, "the endpoint answers with status %ld%s%s", status,
                   call->len > 0 ? ": " : "", call->answer);
}

static enum err post(const struct acme_dns *dns, const char *url, const char *body,
                     struct patience patience, struct err_text *why)
{
    struct call call = {.patience = patience_at_most(patience, dns->timeout_ms)};
    long status = 0;
    CURL *easy = curl_easy_init();
    struct curl_slist *fields = curl_slist_append(NULL, "Content-Type: application/json");
    enum err error = err_set(why, ERR_NOMEM, "out of memory");
    if (easy != NULL && fields != NULL && set_options(easy, dns, url, body, fields, &call)) {
        CURLcode code = curl_easy_perform(easy);
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        error = explain(code, status, &call, why);
    }
    curl_slist_free_all(fields);
    curl_easy_cleanup(easy);
    return error;
}

static char *write_body(const struct acme_dns *dns, const struct acme_dns_record *record)
{
    char name[DNS_NAME_TEXT];
    dns_name_format(&record->name, name);
    json_t *root = dns->raw ? json_pack("{s:s,s:s,s:s}", "domain", record->domain, "token",
                                        record->token, "keyAuth", record->key_authorization)
                            : json_pack("{s:s,s:s}", "fqdn", name, "value", record->value);
    char *text = root != NULL ? json_dumps(root, JSON_COMPACT) : NULL;
    json_decref(root);
    return text;
}

static enum err change(const struct acme_dns *dns, const struct acme_dns_record *record,
                       bool present, struct patience patience, struct err_text *why)
{
    char url[URL_MAX];
    size_t len = strlen(dns->endpoint);
    while (len > 0 && dns->endpoint[len - 1] == '/')
        len--;
    int size = snprintf(url, sizeof(url), "%.*s/%s", (int)len, dns->endpoint,
                        present ? "present" : "cleanup");
    if (size < 0 || (size_t)size >= sizeof(url))
        return err_set(why, ERR_LIMIT, "HTTPREQ_ENDPOINT is too long");
    char *body = write_body(dns, record);
    enum err error = body != NULL ? post(dns, url, body, patience, why)
                                  : err_set(why, ERR_NOMEM, "out of memory");
    free(body);
    return error;
}

const struct acme_dns_provider acme_dns_httpreq = {"httpreq", "HTTPREQ_", false, set_up, NULL,
                                                     change};
