/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A worker with a configuration, clients and backends at the far ends of real
 * sockets. The clients' and the backend's bytes are written out in the tests.
 *
 * Hosts: app.test (the backend), own.test (its own Host, base path kept), h2c.test
 * (the backend, over HTTP/2), none.test (no server), dead.test (nobody listens),
 * name.test (not resolved), gone.test (no such service), broken.test (no such
 * middleware), noop.test, api.test (internal), https.test and moved.test
 * (redirectScheme), hdr.test (only with X-Forwarded-Proto: https), listed.test (only
 * with X-Listed: yes); over TLS secure.test and strict.test, and tls.test (the
 * backend).
 */
#ifndef WEIR_TESTS_UNIT_PROXY_HTTP_SCENE_H
#define WEIR_TESTS_UNIT_PROXY_HTTP_SCENE_H

#include "core/proxy/client.h"
#include "core/proxy/exchange.h"
#include "worker_harness.h"

#define MS(n) ((n) * INT64_C(1000000))

struct http_scene {
    struct harness harness;
    struct model_entry_point entry; /* change it before scene_client */
    struct tls_options *default_options, *strict_options;
    int listener;  /* the backend */
    uint16_t port; /* of the backend */
    char text[1 << 16]; /* of the last scene_read_until or scene_read_to_end */
    size_t text_len;
    /* What the access log was given last. */
    unsigned logged;
    uint16_t logged_status, logged_origin_status;
    char logged_failure[128];
    struct exchange *suspended; /* by api@internal */
};

extern struct http_scene scene;

/* Fixtures of cmocka_unit_test_setup_teardown. */
int scene_setup(void **state);
int scene_teardown(void **state);
/* Publishes the same configuration once more. `with_app`: the servers of
 * app.test and h2c.test in it. */
struct snapshot *scene_publish(bool with_app); /* returns the old one */
/* The same, and destroys the old one, which nothing may use any more. */
void scene_reload(bool with_app);

/* Gives name.test's server two addresses on loopback. */
void scene_resolve_name(uint16_t first_port, uint16_t second_port);
/* A port on which nobody listens. */
uint16_t scene_dead_port(void);

/* A new client's far end. */
int scene_client(void);
/* The same, taken for one that shook hands for `server_name` under `options`. */
int scene_tls_client(const char *server_name, const struct tls_options *options);
/* The next connection that the backend accepts. */
int scene_backend(void);

void scene_send(int fd, const char *text);
/* Exactly these bytes come. */
void scene_expect(int fd, const char *text);
/* Reads until `mark` has come; returns all of it. */
const char *scene_read_until(int fd, const char *mark);
/* Reads to the FIN. */
const char *scene_read_to_end(int fd);
void scene_expect_end(int fd);   /* FIN and nothing before */
void scene_expect_reset(int fd); /* RST, perhaps behind bytes */
/* Whether nothing comes within a moment. */
bool scene_is_silent(int fd);
bool scene_begins(const char *text);
/* Whether the text read last holds this line of a head. */
bool scene_has(const char *line);
/* One request for app.test on a new or old client, answered by the backend. */
void scene_round_trip(int client, int backend);

#endif
