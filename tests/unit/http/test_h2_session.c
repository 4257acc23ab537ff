/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A client's session and a server's, joined in memory: heads, bodies, windows, ends. */
#include "h1_help.h"

#include "core/http/h2.h"

#define OUT_MAX ((size_t)4 << 20)

struct side;

struct end {
    struct h2_stream h2; /* first member */
    struct arena arena;
    struct http_fields trailers;
    size_t heads, bytes, drained;
    bool ended, closed;
    uint32_t error_code;
    uint16_t status;
};

struct side {
    struct h2_session *session;
    struct buf wire; /* towards the other side */
    size_t writes;
    bool blocked;
    struct end *last; /* the newest stream */
    enum h2_limit limit;
    size_t limits;
};

static struct side server, client;

static struct end *end_of(struct h2_stream *h2)
{
    return (struct end *)h2;
}

static struct end *make_end(void)
{
    struct end *end = calloc(1, sizeof(*end));
    assert_non_null(end);
    arena_init(&end->arena, 1024, 1 << 20);
    http_fields_init(&end->trailers, &end->arena);
    h2_stream_init(&end->h2, &end->arena, &end->trailers, OUT_MAX);
    return end;
}

static void free_end(struct end *end)
{
    h2_stream_finish(&end->h2);
    arena_finish(&end->arena);
    free(end);
}

static struct h2_stream *on_stream(struct h2_session *session)
{
    struct side *side = h2_session_owner(session);
    side->last = make_end();
    return &side->last->h2;
}

static void on_head(struct h2_stream *h2, bool end)
{
    end_of(h2)->heads++;
    end_of(h2)->status = h2->head.status;
    end_of(h2)->ended = end;
}

static void on_data(struct h2_stream *h2, struct span data)
{
    end_of(h2)->bytes += data.len;
}

static void on_end(struct h2_stream *h2)
{
    assert_false(end_of(h2)->ended);
    end_of(h2)->ended = true;
}

static void on_closed(struct h2_stream *h2, uint32_t error_code)
{
    assert_false(end_of(h2)->closed);
    end_of(h2)->closed = true;
    end_of(h2)->error_code = error_code;
}

static void on_drained(struct h2_stream *h2)
{
    end_of(h2)->drained++;
}

static void on_limit(struct h2_session *session, enum h2_limit limit)
{
    struct side *side = h2_session_owner(session);
    side->limit = limit;
    side->limits++;
}

static enum err write_out(struct h2_session *session, struct span bytes)
{
    struct side *side = h2_session_owner(session);
    side->writes++;
    return buf_append(&side->wire, bytes);
}

static bool may_write(struct h2_session *session)
{
    return !((struct side *)h2_session_owner(session))->blocked;
}

static const struct h2_handler handler = {
    .on_stream = on_stream, .on_head = on_head, .on_data = on_data, .on_end = on_end,
    .on_closed = on_closed, .on_drained = on_drained, .on_limit = on_limit,
    .write = write_out, .may_write = may_write,
};

static struct h2_settings settings = {
    .max_concurrent_streams = 10, .stream_window = 65536, .connection_window = 1 << 20,
    .decoder_table = 4096, .encoder_table = 4096, .header_bytes = 4096, .header_count = 20,
    .extended_connect = true,
    .limits = {[H2_LIMIT_RESETS] = 10, [H2_LIMIT_CONTINUATIONS] = 4, [H2_LIMIT_SETTINGS] = 2,
               [H2_LIMIT_PINGS] = 2, [H2_LIMIT_EMPTY_FRAMES] = 2, [H2_LIMIT_ANSWERS] = 20},
};

static bool move(struct side *from, struct side *to)
{
    assert_err(h2_session_output(from->session), ERR_OK);
    if (buf_len(&from->wire) == 0)
        return false;
    (void)!h2_session_receive(to->session, buf_span(&from->wire), 1);
    buf_clear(&from->wire);
    return true;
}

/* Until neither has anything to say. */
static void settle(void)
{
    bool moved = true;
    while (moved) {
        moved = move(&client, &server);
        moved |= move(&server, &client);
    }
}

static int setup(void **state)
{
    (void)state;
    server = client = (struct side){0};
    buf_init(&server.wire, 64 << 20);
    buf_init(&client.wire, 64 << 20);
    server.session = h2_session_create_server(&settings, &handler, &server);
    struct h2_settings own = settings;
    own.max_concurrent_streams = 0;
    own.extended_connect = false;
    client.session = h2_session_create_client(&own, &handler, &client);
    assert_true(server.session != NULL && client.session != NULL);
    settle();
    assert_true(h2_session_is_settled(client.session));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    h2_session_destroy(server.session);
    h2_session_destroy(client.session);
    buf_finish(&server.wire);
    buf_finish(&client.wire);
    return 0;
}

static struct end *ask(const char *path, bool end)
{
    struct end *made = make_end();
    struct http_request request = {
        .method_text = SPAN("POST"), .authority = SPAN("a.test"),
        .body = end ? HTTP_BODY_NONE : HTTP_BODY_CHUNKED};
    http_fields_init(&request.fields, &made->arena);
    assert_err(http_fields_add(&request.fields, SPAN("X-Asked"), SPAN("yes")), ERR_OK);
    assert_err(http_fields_add(&request.fields, SPAN("Connection"), SPAN("close")), ERR_OK);
    assert_err(h2_send_request(client.session, &made->h2, &request, SPAN("https"),
                               span_cstr(path), end), ERR_OK);
    settle();
    return made;
}

static void answer(struct end *end, bool without_body)
{
    struct http_response response = {.status = 200, .body = HTTP_BODY_CHUNKED};
    http_fields_init(&response.fields, &end->arena);
    assert_err(h2_send_response(&end->h2, &response, without_body), ERR_OK);
}

static void a_request_and_its_answer(void **state)
{
    (void)state;
    struct end *asked = ask("/x", true);
    struct end *served = server.last;
    assert_int_equal(served->heads, 1);
    assert_true(served->ended);
    assert_span(served->h2.head.path, "/x");
    assert_span(served->h2.head.authority, "a.test");
    assert_int_equal(served->h2.head.fields.count, 1);
    assert_span(served->h2.head.fields.items[0].name, "x-asked");
    answer(served, false);
    assert_err(h2_send_data(&served->h2, SPAN("body")), ERR_OK);
    assert_err(h2_send_end(&served->h2, NULL), ERR_OK);
    settle();
    assert_int_equal(asked->status, 200);
    assert_int_equal(asked->bytes, 4);
    assert_true(asked->ended && asked->closed && served->closed);
    assert_int_equal(asked->error_code, H2_NO_ERROR);
    assert_int_equal(h2_session_streams(server.session) + h2_session_streams(client.session), 0);
    free_end(asked);
    free_end(served);
}

static void trailers_pass_both_ways(void **state)
{
    (void)state;
    struct end *asked = ask("/", false);
    struct end *served = server.last;
    struct http_fields trailers;
    http_fields_init(&trailers, &asked->arena);
    assert_err(http_fields_add(&trailers, SPAN("X-Sum"), SPAN("1")), ERR_OK);
    assert_err(h2_send_end(&asked->h2, &trailers), ERR_OK);
    settle();
    assert_true(served->ended);
    assert_int_equal(served->trailers.count, 1);
    answer(served, false);
    assert_err(h2_send_end(&served->h2, &trailers), ERR_OK);
    settle();
    assert_int_equal(asked->trailers.count, 1);
    assert_span(asked->trailers.items[0].name, "x-sum");
    free_end(asked);
    free_end(served);
}

/* Whoever does not take what comes shuts the window, and opens it when it goes on. */
static void a_paused_stream_takes_its_window_and_no_more(void **state)
{
    (void)state;
    static char bytes[200000];
    struct end *asked = ask("/", false);
    struct end *served = server.last;
    h2_pause(&served->h2);
    assert_err(h2_send_data(&asked->h2, span_make(bytes, sizeof(bytes))), ERR_OK);
    settle();
    assert_int_equal(served->bytes, settings.stream_window);
    assert_int_equal(h2_queued(&asked->h2), sizeof(bytes) - settings.stream_window);
    assert_int_equal(h2_session_queued(client.session), h2_queued(&asked->h2));
    assert_int_equal(asked->drained, 0);
    h2_resume(&served->h2);
    settle();
    assert_int_equal(served->bytes, sizeof(bytes));
    assert_int_equal(asked->drained, 1);
    assert_int_equal(h2_session_queued(client.session), 0);
    h2_reset(&asked->h2, H2_CANCEL);
    settle();
    assert_true(served->closed && asked->closed);
    assert_int_equal(served->error_code, H2_CANCEL);
    free_end(asked);
    free_end(served);
}

static void many_frames_leave_when_the_connection_takes_them(void **state)
{
    (void)state;
    struct end *asked[5], *served[5];
    for (size_t i = 0; i < 5; i++) {
        asked[i] = ask("/", true);
        served[i] = server.last;
    }
    server.blocked = true;
    for (size_t i = 0; i < 5; i++) {
        answer(served[i], false);
        assert_err(h2_send_data(&served[i]->h2, SPAN("body")), ERR_OK);
        assert_err(h2_send_end(&served[i]->h2, NULL), ERR_OK);
    }
    size_t before = server.writes;
    settle();
    assert_int_equal(server.writes, before);
    server.blocked = false;
    settle();
    for (size_t i = 0; i < 5; i++) {
        assert_true(asked[i]->closed && asked[i]->bytes == 4);
        free_end(asked[i]);
        free_end(served[i]);
    }
}

static void an_answer_before_the_request_has_ended_resets_the_rest(void **state)
{
    (void)state;
    struct end *asked = ask("/", false);
    struct end *served = server.last;
    answer(served, true);
    settle();
    assert_true(asked->ended && asked->closed && served->closed);
    assert_int_equal(asked->error_code, H2_NO_ERROR);
    free_end(asked);
    free_end(served);
}

static void a_shutdown_lets_what_runs_finish(void **state)
{
    (void)state;
    struct end *asked = ask("/", true);
    struct end *served = server.last;
    h2_session_shutdown(server.session);
    settle();
    assert_false(h2_session_takes_requests(client.session));
    answer(served, true);
    settle();
    assert_true(asked->closed && asked->error_code == H2_NO_ERROR);
    assert_true(h2_session_is_over(server.session));
    free_end(asked);
    free_end(served);
}

static void a_session_that_ends_closes_its_streams(void **state)
{
    (void)state;
    struct end *asked = ask("/", false);
    struct end *served = server.last;
    h2_session_destroy(server.session);
    server.session = NULL;
    assert_true(served->closed);
    h2_session_destroy(client.session);
    client.session = NULL;
    assert_true(asked->closed);
    free_end(asked);
    free_end(served);
}

static void a_ping_is_answered(void **state)
{
    (void)state;
    size_t before = server.writes;
    assert_err(h2_session_ping(client.session), ERR_OK);
    settle();
    assert_int_equal(server.writes, before + 1);
}

/* ---- floods ---- */

static void flood(struct span frame, enum h2_limit limit)
{
    for (size_t i = 0; i < 100 && server.limits == 0; i++)
        (void)!h2_session_receive(server.session, frame, 1);
    assert_int_equal(server.limits, 1);
    assert_int_equal(server.limit, limit);
    assert_err(h2_session_output(server.session), ERR_OK);
    assert_true(h2_session_is_over(server.session));
}

#define FRAME(text) span_make((text), sizeof(text) - 1)

static void settings_floods_end_the_session(void **state)
{
    (void)state;
    flood(FRAME("\0\0\0\4\0\0\0\0\0"), H2_LIMIT_SETTINGS);
}

static void ping_floods_end_the_session(void **state)
{
    (void)state;
    flood(FRAME("\0\0\10\6\0\0\0\0\0" "12345678"), H2_LIMIT_PINGS);
}

static void frames_of_no_use_end_the_session(void **state)
{
    (void)state;
    flood(FRAME("\0\0\5\2\0\0\0\0\1" "\0\0\0\0\20"), H2_LIMIT_EMPTY_FRAMES);
}

static void frames_that_nobody_knows_end_the_session(void **state)
{
    (void)state;
    flood(FRAME("\0\0\3\52\0\0\0\0\0" "abc"), H2_LIMIT_EMPTY_FRAMES);
}

static void frames_are_counted_however_they_are_cut(void **state)
{
    (void)state;
    static const char frame[] = "\0\0\3\52\0\0\0\0\0" "abc";
    for (size_t i = 0; i < 100 * (sizeof(frame) - 1) && server.limits == 0; i++)
        (void)!h2_session_receive(server.session, span_make(frame + i % 12, 1), 1);
    assert_int_equal(server.limits, 1);
    assert_int_equal(server.limit, H2_LIMIT_EMPTY_FRAMES);
}

#define UPDATE "\0\0\4\10\0\0\0\0\0" "\0\0\0\1"

static void windows_that_open_for_nothing_end_the_session(void **state)
{
    (void)state;
    flood(FRAME(UPDATE), H2_LIMIT_EMPTY_FRAMES);
}

static void drop_sessions(void)
{
    h2_session_destroy(server.session);
    h2_session_destroy(client.session);
    server.session = client.session = NULL;
}

static void windows_that_open_for_what_was_sent_do_not(void **state)
{
    (void)state;
    static const char body[32000];
    struct end *asked = ask("/", true), *served = server.last;
    answer(served, false);
    assert_err(h2_send_data(&served->h2, span_make(body, sizeof(body))), ERR_OK);
    settle();
    for (size_t i = 0; i < sizeof(body) / 256; i++)
        (void)!h2_session_receive(server.session, FRAME(UPDATE), 1);
    assert_int_equal(server.limits, 0);
    flood(FRAME(UPDATE), H2_LIMIT_EMPTY_FRAMES);
    drop_sessions();
    free_end(asked);
    free_end(served);
}

static void heads_for_a_stream_that_is_over_end_the_session(void **state)
{
    (void)state;
    struct end *asked = ask("/", true), *served = server.last;
    answer(served, true);
    settle();
    assert_true(served->closed);
    flood(FRAME("\0\0\1\1\5\0\0\0\1\202"), H2_LIMIT_EMPTY_FRAMES);
    drop_sessions();
    free_end(asked);
    free_end(served);
}

/* The limit is two a second, and ten at once: 31 for a whole frame of it, 1 for a short one. */
static void a_long_head_for_a_stream_that_is_over_counts_more(void **state)
{
    (void)state;
    static const char head[9 + 16000] = "\0\76\200\1\5\0\0\0\1";
    struct end *asked = ask("/", true), *served = server.last;
    answer(served, true);
    settle();
    for (size_t i = 0; i < 5; i++)
        (void)!h2_session_receive(server.session, FRAME("\0\0\1\1\5\0\0\0\1\202"), 1);
    assert_int_equal(server.limits, 0);
    (void)!h2_session_receive(server.session, span_make(head, sizeof(head)), 1);
    assert_int_equal(server.limits, 1);
    assert_int_equal(server.limit, H2_LIMIT_EMPTY_FRAMES);
    drop_sessions();
    free_end(asked);
    free_end(served);
}

static void empty_data_ends_the_session(void **state)
{
    (void)state;
    struct end *asked = ask("/", false);
    struct end *served = server.last;
    flood(FRAME("\0\0\0\0\0\0\0\0\1"), H2_LIMIT_EMPTY_FRAMES);
    drop_sessions();
    assert_true(served->closed && asked->closed);
    free_end(asked);
    free_end(served);
}

static void resets_end_the_session(void **state)
{
    (void)state;
    for (size_t i = 0; i < 100 && server.limits == 0; i++) {
        struct end *asked = ask("/", true);
        struct end *served = server.last;
        h2_reset(&asked->h2, H2_CANCEL);
        settle();
        assert_true(asked->closed && served->closed);
        free_end(asked);
        free_end(served);
    }
    assert_int_equal(server.limit, H2_LIMIT_RESETS);
}

static void a_head_in_endless_pieces_ends_the_session(void **state)
{
    (void)state;
    /* :method GET by index, then nothing, for ever. */
    (void)!h2_session_receive(server.session, FRAME("\0\0\1\1\1\0\0\0\1\202"), 1);
    assert_true(h2_session_in_head(server.session));
    flood(FRAME("\0\0\0\11\0\0\0\0\1"), H2_LIMIT_CONTINUATIONS);
    h2_session_destroy(server.session);
    server.session = NULL;
    free_end(server.last);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_request_and_its_answer),
        TEST(trailers_pass_both_ways),
        TEST(a_paused_stream_takes_its_window_and_no_more),
        TEST(many_frames_leave_when_the_connection_takes_them),
        TEST(an_answer_before_the_request_has_ended_resets_the_rest),
        TEST(a_shutdown_lets_what_runs_finish),
        TEST(a_session_that_ends_closes_its_streams),
        TEST(a_ping_is_answered),
        TEST(settings_floods_end_the_session),
        TEST(ping_floods_end_the_session),
        TEST(frames_of_no_use_end_the_session),
        TEST(frames_that_nobody_knows_end_the_session),
        TEST(frames_are_counted_however_they_are_cut),
        TEST(windows_that_open_for_nothing_end_the_session),
        TEST(windows_that_open_for_what_was_sent_do_not),
        TEST(heads_for_a_stream_that_is_over_end_the_session),
        TEST(a_long_head_for_a_stream_that_is_over_counts_more),
        TEST(empty_data_ends_the_session),
        TEST(resets_end_the_session),
        TEST(a_head_in_endless_pieces_ends_the_session),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
