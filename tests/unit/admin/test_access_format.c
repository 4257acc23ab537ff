/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lines of the access log, as Traefik writes them for the same request.
 */
#include "core/admin/access_format.h"

#include "record_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct record_fixture fixture;

static char *format_line(const struct model_access_log *settings, int32_t utc_offset_s)
{
    struct access_format format;
    struct buf out;
    struct access_facts facts = {.request_count = 42, .utc_offset_s = utc_offset_s};
    buf_init(&out, 65536);
    access_format_init(&format, settings);
    assert_int_equal(access_format_line(&format, &fixture.record, &facts, &out), ERR_OK);
    char *text = span_dup(buf_span(&out));
    buf_finish(&out);
    return text;
}

static void check(const struct model_access_log *settings, int32_t utc_offset_s,
                  const char *expected)
{
    char *text = format_line(settings, utc_offset_s);
    assert_string_equal(text, expected);
    free(text);
}

static struct model_access_log keep_all(enum log_format_choice format)
{
    return (struct model_access_log){
        .enabled = true, .format = format, .fields_default_keep = true,
        .headers_default_mode = SPAN("drop")};
}

static void the_common_format_has_traefiks_additions(void **state)
{
    (void)state;
    struct model_access_log settings = keep_all(LOG_FORMAT_COMMON);
    check(&settings, 0,
          "192.0.2.7 - - [24/Nov/2026:03:08:00 +0000] \"GET /p?q=1 HTTP/1.1\" 200 5 \"-\" \"-\" "
          "42 \"app@file\" \"http://10.0.0.1:8080\" 12ms\n");
}

static void the_generic_format_has_none(void **state)
{
    (void)state;
    struct model_access_log settings = keep_all(LOG_FORMAT_GENERIC_CLF);
    check(&settings, 0,
          "192.0.2.7 - - [24/Nov/2026:03:08:00 +0000] \"GET /p?q=1 HTTP/1.1\" 200 5 \"-\" "
          "\"-\"\n");
}

static void kept_headers_appear_and_quotes_cannot_end_them(void **state)
{
    (void)state;
    struct model_access_log settings = keep_all(LOG_FORMAT_GENERIC_CLF);
    struct model_string_pair modes[] = {{SPAN("User-Agent"), SPAN("keep")},
                                        {SPAN("referer"), SPAN("redact")}};
    settings.header_modes = (struct model_string_map){modes, 2};
    check(&settings, 0,
          "192.0.2.7 - - [24/Nov/2026:03:08:00 +0000] \"GET /p?q=1 HTTP/1.1\" 200 5 "
          "\"REDACTED\" \"curl/8 \\\"x\\\"\"\n");
}

static void control_bytes_cannot_forge_a_line(void **state)
{
    (void)state;
    struct model_access_log settings = keep_all(LOG_FORMAT_GENERIC_CLF);
    fixture.exchange.request.target = SPAN("/a\nb\x7f\\");
    check(&settings, 0,
          "192.0.2.7 - - [24/Nov/2026:03:08:00 +0000] \"GET /a\\x0ab\\x7f\\\\ HTTP/1.1\" 200 5 "
          "\"-\" \"-\"\n");
}

static void dropped_fields_are_dashes(void **state)
{
    (void)state;
    struct model_access_log settings = keep_all(LOG_FORMAT_COMMON);
    struct model_string_pair modes[] = {{SPAN("clienthost"), SPAN("drop")},
                                        {SPAN("ServiceURL"), SPAN("drop")}};
    settings.field_modes = (struct model_string_map){modes, 2};
    check(&settings, 0,
          "- - - [24/Nov/2026:03:08:00 +0000] \"GET /p?q=1 HTTP/1.1\" 200 5 \"-\" \"-\" "
          "42 \"app@file\" \"-\" 12ms\n");
}

static void a_request_without_route_has_dashes(void **state)
{
    (void)state;
    struct model_access_log settings = keep_all(LOG_FORMAT_COMMON);
    fixture.exchange.route = NULL;
    fixture.exchange.server = NULL;
    fixture.exchange.status = 404;
    fixture.exchange.origin_status = 0;
    fixture.exchange.response_bytes = 19;
    check(&settings, 0,
          "192.0.2.7 - - [24/Nov/2026:03:08:00 +0000] \"GET /p?q=1 HTTP/1.1\" 404 19 \"-\" \"-\" "
          "42 \"-\" \"-\" 12ms\n");
}

static void json_has_traefiks_names_in_order(void **state)
{
    (void)state;
    struct model_access_log settings = keep_all(LOG_FORMAT_JSON);
    check(&settings, 7200,
          "{\"ClientAddr\":\"192.0.2.7:4711\",\"ClientHost\":\"192.0.2.7\",\"ClientPort\":\"4711\","
          "\"ClientUsername\":\"-\",\"DownstreamContentSize\":5,\"DownstreamStatus\":200,"
          "\"Duration\":12500000,\"GzipRatio\":0,\"OriginContentSize\":5,"
          "\"OriginDuration\":10000000,\"OriginStatus\":200,\"Overhead\":2500000,"
          "\"RequestAddr\":\"a.example:8443\",\"RequestContentSize\":3,\"RequestCount\":42,"
          "\"RequestHost\":\"a.example\",\"RequestMethod\":\"GET\",\"RequestPath\":\"/p?q=1\","
          "\"RequestPort\":\"8443\",\"RequestProtocol\":\"HTTP/1.1\",\"RequestScheme\":\"https\","
          "\"RetryAttempts\":0,\"RouterName\":\"app@file\",\"ServiceAddr\":\"10.0.0.1:8080\","
          "\"ServiceName\":\"app@file\",\"ServiceURL\":\"http://10.0.0.1:8080\","
          "\"StartLocal\":\"2026-11-24T05:08:00.500000000+02:00\","
          "\"StartUTC\":\"2026-11-24T03:08:00.500000000Z\","
          "\"entryPointName\":\"web\",\"level\":\"info\",\"msg\":\"\","
          "\"time\":\"2026-11-24T03:08:00Z\"}\n");
}

static void json_headers_are_kept_redacted_and_joined(void **state)
{
    (void)state;
    struct model_access_log settings = keep_all(LOG_FORMAT_JSON);
    struct model_string_pair modes[] = {{SPAN("Authorization"), SPAN("redact")},
                                        {SPAN("User-Agent"), SPAN("drop")},
                                        {SPAN("referer"), SPAN("drop")}};
    settings.headers_default_mode = SPAN("keep");
    settings.header_modes = (struct model_string_map){modes, 3};
    settings.fields_default_keep = false;
    check(&settings, 0,
          "{\"downstream_Content-Type\":\"text/plain\",\"level\":\"info\",\"msg\":\"\","
          "\"origin_Content-Type\":\"text/plain\",\"request_X-A\":\"1,2\","
          "\"request_Authorization\":\"REDACTED\",\"time\":\"2026-11-24T03:08:00Z\"}\n");
}

static void a_client_that_went_away_leaves_dashes(void **state)
{
    (void)state;
    struct model_access_log settings = keep_all(LOG_FORMAT_COMMON);
    fixture.exchange.client = NULL;
    fixture.exchange.status = 499;
    fixture.exchange.origin_status = 0;
    check(&settings, 0,
          "- - - [24/Nov/2026:03:08:00 +0000] \"GET /p?q=1 HTTP/1.1\" 499 5 \"-\" \"-\" "
          "42 \"app@file\" \"http://10.0.0.1:8080\" 12ms\n");
}

static int set_up(void **state)
{
    (void)state;
    record_fill(&fixture);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    record_finish(&fixture);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_common_format_has_traefiks_additions),
        TEST(the_generic_format_has_none),
        TEST(kept_headers_appear_and_quotes_cannot_end_them),
        TEST(control_bytes_cannot_forge_a_line),
        TEST(dropped_fields_are_dashes),
        TEST(a_request_without_route_has_dashes),
        TEST(json_has_traefiks_names_in_order),
        TEST(json_headers_are_kept_redacted_and_joined),
        TEST(a_client_that_went_away_leaves_dashes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
