/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An answer that does not fit into memory becomes a refusal, and one without a
 * body when even that does not fit.
 */
#include "core/admin/api_answer.h"

#include <stdio.h>

void api_answer_init(struct api_answer *answer)
{
    *answer = (struct api_answer){0};
    buf_init(&answer->body, API_ANSWER_MAX);
}

void api_answer_finish(struct api_answer *answer)
{
    buf_finish(&answer->body);
}

void api_refuse(struct api_answer *answer, uint16_t status, const char *message)
{
    struct json json;
    answer->status = status;
    answer->next_page = 0;
    buf_clear(&answer->body);
    json_init(&json, &answer->body, true);
    json_begin_object(&json);
    json_field_cstr(&json, "message", message);
    json_end_object(&json);
    if (json_finish(&json) != ERR_OK || buf_append(&answer->body, SPAN("\n")) != ERR_OK)
        buf_clear(&answer->body);
}

void api_refuse_name(struct api_answer *answer, const char *kind, struct span name)
{
    char message[400];
    snprintf(message, sizeof(message), "%s not found: %.*s", kind,
             SPAN_ARG(span_first(name, 300)));
    api_refuse(answer, 404, message);
}

void api_complete(struct api_answer *answer, struct json *json)
{
    enum err error = json_finish(json);
    if (error == ERR_OK)
        error = buf_append(&answer->body, SPAN("\n"));
    if (error != ERR_OK)
        api_refuse(answer, 503, err_message(error));
}
