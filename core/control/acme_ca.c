/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The authorities become one text, as libcurl takes it.
 */
#include "core/control/acme_ca.h"

#include "config/content.h"
#include "core/base/buf.h"
#include "core/base/clock.h"

#include <curl/curl.h>
#include <stdlib.h>

#define BUNDLE_MAX (16 << 20)
#define TIMEOUT_MAX_MS (3600 * MS_PER_S) /* also where there is to be none */

static enum err append_content(struct span value, struct buf *out, struct err_text *why)
{
    struct span pem;
    bool from_file;
    TRY(content_read(value, &pem, &from_file, why));
    enum err error = buf_append(out, pem);
    if (error == ERR_OK)
        error = buf_append(out, SPAN("\n"));
    content_release(&pem);
    return error;
}

static enum err append_system(struct buf *out, struct err_text *why)
{
    char *path = NULL;
    CURL *easy = curl_easy_init();
    enum err error = ERR_OK;
    if (easy != NULL && curl_easy_getinfo(easy, CURLINFO_CAINFO, &path) == CURLE_OK &&
        path != NULL)
        error = append_content(span_cstr(path), out, why);
    curl_easy_cleanup(easy);
    return error;
}

static enum err read_authorities(const struct model_acme *model, struct span *out,
                                 struct err_text *why)
{
    struct buf pem;
    enum err error = ERR_OK;
    if (model->ca_certificate_count == 0)
        return ERR_OK;
    buf_init(&pem, BUNDLE_MAX);
    for (size_t i = 0; i < model->ca_certificate_count && error == ERR_OK; i++)
        error = append_content(model->ca_certificates[i].value, &pem, why);
    if (error == ERR_OK && model->ca_system_pool)
        error = append_system(&pem, why);
    if (error == ERR_OK) {
        char *copy = span_dup(buf_span(&pem));
        error = copy != NULL ? ERR_OK : ERR_NOMEM;
        if (error == ERR_OK)
            *out = span_make(copy, buf_len(&pem));
    }
    buf_finish(&pem);
    if (error != ERR_OK)
        err_prefix(why, "caCertificates");
    return error;
}

/* 0 is without a limit, in Traefik. */
static int64_t at_most_ms(int64_t duration_ns)
{
    int64_t ms = duration_ns / NS_PER_MS;
    return ms > 0 && ms < TIMEOUT_MAX_MS ? ms : TIMEOUT_MAX_MS;
}

enum err acme_ca_init(struct acme_ca *ca, const struct model_acme *model, struct err_text *why)
{
    struct span authorities = SPAN_EMPTY;
    TRY(read_authorities(model, &authorities, why));
    *ca = (struct acme_ca){
        .authorities = authorities,
        .server_name = model->ca_server_name.len > 0 ? model->ca_server_name.ptr : NULL,
        .timeout_ms = at_most_ms(model->client_timeout),
        .head_timeout_ms = at_most_ms(model->header_timeout),
    };
    return ERR_OK;
}

void acme_ca_finish(struct acme_ca *ca)
{
    free((char *)ca->authorities.ptr);
    ca->authorities = SPAN_EMPTY;
}
