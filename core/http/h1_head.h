/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What requests, responses and trailer sections have in common: the lines of
 * fields and what they say about framing. Private to core/http. One thread.
 */
#ifndef WEIR_CORE_HTTP_H1_HEAD_H
#define WEIR_CORE_HTTP_H1_HEAD_H

#include "core/http/h1.h"

/* Bytes still to read; `end` is the end of what has arrived or may be used. */
struct h1_cursor {
    const char *p, *end;
};

enum h1_seen {
    H1_SEEN_HOST = 1 << 0,
    H1_SEEN_LENGTH = 1 << 1,
    H1_SEEN_TRANSFER_ENCODING = 1 << 2,
    H1_SEEN_CLOSE = 1 << 3,      /* Connection: close */
    H1_SEEN_KEEP_ALIVE = 1 << 4, /* Connection: keep-alive */
    H1_SEEN_CONNECTION_UPGRADE = 1 << 5,
    H1_SEEN_UPGRADE = 1 << 6,
    H1_SEEN_CONTINUE = 1 << 7, /* Expect: 100-continue */
};

struct h1_head {
    struct http_fields fields;
    size_t field_limit;
    uint32_t seen; /* bits of enum h1_seen */
    size_t connection_options;
    uint64_t content_length;
    uint32_t host_index; /* among the fields, when seen */
    bool request;
    uint16_t status; /* what a broken request is answered with */
    struct err_text *why;
};

/* return H1_FAIL(head, 400, ERR_SYNTAX, "…", …); */
#define H1_FAIL(head, code, error, ...) \
    ((head)->status = (code), err_set((head)->why, (error), __VA_ARGS__))

/* A CR LF at the cursor is taken; ERR_AGAIN, or ERR_SYNTAX for a bare CR, a bare
 * LF or any other byte. */
enum err h1_take_crlf(struct h1_cursor *cursor, struct h1_head *head);
/* "name: value CRLF" at the cursor is taken. */
enum err h1_take_field(struct h1_cursor *cursor, struct h1_head *head, struct span *name,
                       struct span *value);
/* Fields up to and with the empty line, noted and added to head->fields. */
enum err h1_take_fields(struct h1_cursor *cursor, struct h1_head *head);

/* Moves a span that points into [from, from + len) to the copy at `to`. */
void h1_rebase_span(struct span *span, const char *from, size_t len, const char *to);
void h1_rebase_fields(struct http_fields *fields, const char *from, size_t len, const char *to);

/*
 * The frame around the parsers: looks for the end of the head where it was not
 * looked for before. ERR_OK: parse from the beginning (the cursor is set; on
 * the first call the head may yet turn out to be incomplete); ERR_AGAIN; or
 * ERR_LIMIT when the head is longer than allowed.
 */
enum err h1_find_head(struct span bytes, const struct h1_limits *limits, size_t *scanned,
                      struct h1_cursor *cursor);
/* After ERR_AGAIN from a parser: what it means, and how far was scanned. */
enum err h1_head_incomplete(struct span bytes, const struct h1_limits *limits, size_t *scanned);

#endif
