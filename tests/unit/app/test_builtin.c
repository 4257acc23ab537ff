/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The built-in default is a configuration without fault, and says what the
 * documents promise.
 */
#include "core/app/builtin.h"

#include "core/base/hash.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct diagnostics diagnostics;

static int start(void **state)
{
    (void)state;
    hash_seed_set(1);
    diagnostics_init(&diagnostics);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    diagnostics_print(&diagnostics, stderr);
    int status = diagnostics.count == 0 ? 0 : -1;
    diagnostics_finish(&diagnostics);
    return status;
}

static struct model_static *parse_static(void)
{
    struct config_text text = builtin_static();
    struct model_static *model;
    assert_int_equal(config_parse_static(&text, &diagnostics, &model), ERR_OK);
    return model;
}

static void entry_points_are_the_documented_ones(void **state)
{
    (void)state;
    struct model_static *model = parse_static();
    const struct model_entry_point *web = model_entry_point(model, SPAN("web"));
    const struct model_entry_point *websecure = model_entry_point(model, SPAN("websecure"));
    assert_int_equal(model->entry_point_count, 2);
    assert_int_equal(web->port, 8080);
    assert_true(web->has_redirect);
    assert_true(span_equal(web->redirect_to, SPAN("websecure")));
    assert_int_equal(websecure->port, 8443);
    model_static_destroy(model);
}

static void every_request_goes_to_the_demonstration_backend(void **state)
{
    char buffer[BUILTIN_DYNAMIC_SIZE];
    struct model_dynamic *dynamic;
    (void)state;
    struct model_static *model = parse_static();
    struct config_text text = builtin_dynamic(65535, buffer);
    assert_int_equal(config_parse_dynamic(model, &text, 1, &diagnostics, &dynamic), ERR_OK);
    const struct model_service *service = model_http_service(dynamic, SPAN("demo@file"));
    assert_non_null(service);
    assert_int_equal(service->server_count, 1);
    assert_true(span_equal(service->servers[0].url, SPAN("http://127.0.0.1:65535")));
    const struct model_router *router = NULL;
    for (size_t i = 0; i < dynamic->http_router_count; i++) {
        if (span_equal(dynamic->http_routers[i].object.name, SPAN("demo@file")))
            router = &dynamic->http_routers[i];
        assert_int_equal(dynamic->http_routers[i].object.problem.len, 0);
    }
    assert_non_null(router);
    assert_true(router->has_tls);
    model_dynamic_destroy(dynamic);
    model_static_destroy(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(entry_points_are_the_documented_ones, start, stop),
        cmocka_unit_test_setup_teardown(every_request_goes_to_the_demonstration_backend, start,
                                        stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
