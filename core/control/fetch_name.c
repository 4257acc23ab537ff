/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * For libcurl the host of the URL is the name of the server. So the URL gets the name as its
 * host, the Host field is written here, and CONNECT_TO says where the server is.
 */
#include "core/control/fetch_name.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

struct place {
    char *scheme, *host;
    char *port;       /* also where the URL names none */
    char *named_port; /* NULL: the URL names none */
};

static bool read_place(CURLU *url, struct place *out)
{
    (void)curl_url_get(url, CURLUPART_PORT, &out->named_port, 0);
    return curl_url_get(url, CURLUPART_SCHEME, &out->scheme, 0) == CURLUE_OK &&
           curl_url_get(url, CURLUPART_HOST, &out->host, 0) == CURLUE_OK &&
           curl_url_get(url, CURLUPART_PORT, &out->port, CURLU_DEFAULT_PORT) == CURLUE_OK;
}

static void finish_place(struct place *place)
{
    curl_free(place->scheme);
    curl_free(place->host);
    curl_free(place->port);
    curl_free(place->named_port);
}

/* An IPv6 address stands in brackets in a URL. */
static bool set_host(CURLU *url, const char *name)
{
    char *host;
    bool bare = strchr(name, ':') != NULL && name[0] != '[';
    if (asprintf(&host, bare ? "[%s]" : "%s", name) < 0)
        return false;
    bool good = curl_url_set(url, CURLUPART_HOST, host, 0) == CURLUE_OK;
    free(host);
    return good;
}

static enum err append(void **list, char *text)
{
    struct curl_slist *longer = text != NULL ? curl_slist_append(*list, text) : NULL;
    free(text);
    if (longer == NULL)
        return ERR_NOMEM;
    *list = longer;
    return ERR_OK;
}

static enum err add_host_field(struct fetch_job *job, const struct place *place)
{
    char *text;
    bool named = place->named_port != NULL;
    if (asprintf(&text, "Host: %s%s%s", place->host, named ? ":" : "",
                 named ? place->named_port : "") < 0)
        return ERR_NOMEM;
    return append(&job->headers, text);
}

static enum err connect_to(void *easy, struct fetch_job *job, const struct place *place)
{
    char *text; /* whatever the URL says: there */
    if (asprintf(&text, "::%s:%s", place->host, place->port) < 0)
        return ERR_NOMEM;
    TRY(append(&job->connect_to, text));
    return curl_easy_setopt(easy, CURLOPT_CONNECT_TO, job->connect_to) == CURLE_OK ? ERR_OK
                                                                                   : ERR_NOMEM;
}

static enum err set_url(void *easy, CURLU *url)
{
    char *text;
    if (curl_url_get(url, CURLUPART_URL, &text, 0) != CURLUE_OK)
        return ERR_INVALID;
    CURLcode code = curl_easy_setopt(easy, CURLOPT_URL, text); /* copies */
    curl_free(text);
    return code == CURLE_OK ? ERR_OK : ERR_NOMEM;
}

static enum err apply(void *easy, struct fetch_job *job, CURLU *url, struct place *place)
{
    if (curl_url_set(url, CURLUPART_URL, job->url, 0) != CURLUE_OK || !read_place(url, place))
        return ERR_INVALID;
    if (strcmp(place->scheme, "https") != 0)
        return set_url(easy, url);
    if (!set_host(url, job->server_name))
        return ERR_INVALID;
    TRY(add_host_field(job, place));
    TRY(connect_to(easy, job, place));
    return set_url(easy, url);
}

enum err fetch_name_apply(void *easy, struct fetch_job *job)
{
    struct place place = {.scheme = NULL};
    CURLU *url = curl_url();
    enum err error = url != NULL ? apply(easy, job, url, &place) : ERR_NOMEM;
    finish_place(&place);
    curl_url_cleanup(url);
    return error;
}
