/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How long an HTTP server may take, against one that the test plays itself.
 */
#include "core/control/fetch.h"

#include <arpa/inet.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE_MS 30000
#define SHORT_MS 50

struct scene {
    struct fetch *fetch;
    struct fetch_job job;
    int listener, client;
    char url[64], request[2048];
};

static void start(struct scene *scene)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    struct err_text why;
    memset(scene, 0, sizeof(*scene));
    assert_int_equal(fetch_create(&scene->fetch, &why), ERR_OK);
    scene->client = -1;
    scene->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(scene->listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(scene->listener, 1), 0);
    assert_int_equal(getsockname(scene->listener, (struct sockaddr *)&address, &size), 0);
    snprintf(scene->url, sizeof(scene->url), "http://127.0.0.1:%u/path?query",
             ntohs(address.sin_port));
    list_init(&scene->job.link);
    buf_init(&scene->job.request, 1024);
    buf_init(&scene->job.response, 1024);
    scene->job.method = FETCH_GET;
    scene->job.url = scene->url;
    scene->job.timeout_ms = PATIENCE_MS;
}

static void finish(struct scene *scene)
{
    fetch_destroy(scene->fetch);
    buf_finish(&scene->job.request);
    buf_finish(&scene->job.response);
    close(scene->listener);
    close(scene->client);
}

static bool is_ready(int fd, int wait_ms)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    return poll(&ready, 1, wait_ms) == 1;
}

static void begin(struct scene *scene)
{
    size_t len = 0;
    fetch_start(scene->fetch, &scene->job);
    assert_true(is_ready(scene->listener, PATIENCE_MS));
    scene->client = accept4(scene->listener, NULL, NULL, SOCK_CLOEXEC);
    assert_true(scene->client >= 0);
    while (strstr(scene->request, "\r\n\r\n") == NULL) {
        assert_true(is_ready(scene->client, PATIENCE_MS));
        ssize_t n = read(scene->client, scene->request + len, sizeof(scene->request) - 1 - len);
        assert_true(n > 0);
        len += (size_t)n;
    }
}

static void answer(struct scene *scene, const char *text)
{
    assert_int_equal(write(scene->client, text, strlen(text)), strlen(text));
}

/* The error, "" where there is an answer. */
static const char *result(struct scene *scene)
{
    struct list done;
    list_init(&done);
    assert_true(is_ready(fetch_fd(scene->fetch), PATIENCE_MS));
    fetch_take(scene->fetch, &done);
    assert_ptr_equal(list_pop_front(&done), &scene->job.link);
    return scene->job.error;
}

static void a_response_that_does_not_begin_in_time_is_an_error(void **state)
{
    struct scene scene;
    (void)state;
    start(&scene);
    scene.job.head_timeout_ms = SHORT_MS;
    begin(&scene);
    answer(&scene, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"); /* and no more */
    assert_string_equal(result(&scene), "no response within 0.05 seconds");
    assert_int_equal(scene.job.status, 0);
    finish(&scene);
}

static void one_that_announces_itself_has_not_begun(void **state)
{
    struct scene scene;
    (void)state;
    start(&scene);
    scene.job.head_timeout_ms = SHORT_MS;
    begin(&scene);
    answer(&scene, "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n");
    assert_string_equal(result(&scene), "no response within 0.05 seconds");
    finish(&scene);
}

static void one_that_has_begun_may_take_longer(void **state)
{
    struct scene scene;
    (void)state;
    start(&scene);
    scene.job.head_timeout_ms = 10 * SHORT_MS;
    begin(&scene);
    answer(&scene, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
    assert_false(is_ready(fetch_fd(scene.fetch), 11 * SHORT_MS));
    answer(&scene, "ok");
    assert_string_equal(result(&scene), "");
    assert_int_equal(scene.job.status, 200);
    assert_true(span_equal(buf_span(&scene.job.response), SPAN("ok")));
    finish(&scene);
}

static void the_whole_has_a_limit_of_its_own(void **state)
{
    struct scene scene;
    (void)state;
    start(&scene);
    scene.job.timeout_ms = 10 * SHORT_MS;
    begin(&scene);
    answer(&scene, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no");
    assert_non_null(strstr(result(&scene), "timed out after"));
    finish(&scene);
}

static void a_server_s_name_is_for_https_alone(void **state)
{
    struct scene scene;
    char host[80];
    (void)state;
    start(&scene);
    scene.job.server_name = "ca.test";
    begin(&scene);
    snprintf(host, sizeof(host), "\r\nHost: %.*s\r\n", (int)strcspn(scene.url + 7, "/"),
             scene.url + 7);
    assert_ptr_equal(strstr(scene.request, "GET /path?query HTTP/1.1\r\n"), scene.request);
    assert_non_null(strstr(scene.request, host));
    answer(&scene, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert_string_equal(result(&scene), "");
    finish(&scene);
}

static void a_name_that_is_none_is_an_error(void **state)
{
    struct scene scene;
    (void)state;
    start(&scene);
    scene.job.url = "https://127.0.0.1/";
    scene.job.server_name = "no name";
    fetch_start(scene.fetch, &scene.job);
    assert_string_equal(result(&scene),
                        "libcurl cannot begin: the URL or the server's name is none");
    finish(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_response_that_does_not_begin_in_time_is_an_error),
        cmocka_unit_test(one_that_announces_itself_has_not_begun),
        cmocka_unit_test(one_that_has_begun_may_take_longer),
        cmocka_unit_test(the_whole_has_a_limit_of_its_own),
        cmocka_unit_test(a_server_s_name_is_for_https_alone),
        cmocka_unit_test(a_name_that_is_none_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
