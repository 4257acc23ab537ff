/* SPDX-License-Identifier: GPL-3.0-or-later */
/* USES: weir_http weir_base */
/*
 * Everything that takes URLs, paths and queries apart. A sanitised path has no
 * dot segment left and is not changed by sanitising it again.
 */
#include "core/http/uri.h"

#include <assert.h>
#include <stdlib.h>

static bool lies_in(struct span part, struct span whole)
{
    return part.len == 0 || (part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len);
}

static void check_url(struct span text)
{
    struct uri uri;
    if (uri_parse(text, &uri) != ERR_OK)
        return;
    assert(uri.host.len > 0 && lies_in(uri.host, text) && lies_in(uri.authority, text));
    assert(lies_in(uri.path, text) && lies_in(uri.query, text));
    assert(uri.path.len == 0 || uri.path.ptr[0] == '/');
    assert(span_find(uri.authority, '@', 0) < 0 && uri_target_is_clean(uri.path));
}

static void check_authority(struct span text, struct arena *arena)
{
    struct span host, again;
    uint16_t port;
    if (uri_parse_authority(text, arena, &host, &port) != ERR_OK)
        return;
    assert(host.len > 0 && host.len <= 255);
    for (size_t i = 0; i < host.len; i++)
        assert(host.ptr[i] == ascii_lower(host.ptr[i]) && host.ptr[i] > 0x20);
    /* An IPv6 address has lost its brackets, and a name may have had two dots. */
    if (span_find(host, ':', 0) < 0 && host.ptr[host.len - 1] != '.') {
        enum err error = uri_parse_authority(host, arena, &again, &port);
        assert(error == ERR_OK && span_equal(host, again));
    }
}

static void check_path(struct span text, struct arena *arena)
{
    struct span clean, again, decoded;
    enum err error = uri_sanitize_path(text, arena, &clean);
    assert(error == ERR_OK && clean.len <= text.len + 1);
    error = uri_sanitize_path(clean, arena, &again);
    assert(error == ERR_OK && span_equal(clean, again));
    if (text.len > 0 && text.ptr[0] == '/') {
        assert(clean.len > 0 && clean.ptr[0] == '/');
        struct span rest = clean;
        while (rest.ptr != NULL) {
            struct span segment;
            rest = span_split(rest, '/', &segment);
            assert(!span_equal(segment, SPAN(".")) && !span_equal(segment, SPAN("..")));
            assert(!span_equal(segment, SPAN("%2e%2E")) && !span_equal(segment, SPAN(".%2e")));
        }
    }
    uri_encoded_characters(text);
    if (uri_decode(text, arena, &decoded) == ERR_OK)
        assert(decoded.len <= text.len);
    if (uri_routing_path(text, arena, &decoded) == ERR_OK)
        assert(decoded.len <= text.len);
}

static void check_query(struct span text)
{
    struct span rest = text, key, value;
    char *out = malloc(text.len + 1);
    size_t len;
    assert(out != NULL);
    while (uri_query_next(&rest, &key, &value)) {
        assert(lies_in(key, text) && lies_in(value, text));
        if (uri_query_decode(value, out, &len))
            assert(uri_query_equal(value, span_make(out, len)));
        else
            assert(!uri_query_equal(value, value));
    }
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = span_make(data, size);
    struct arena arena;
    arena_init(&arena, 1024, 1 << 20);
    check_url(text);
    check_authority(text, &arena);
    check_path(text, &arena);
    check_query(text);
    arena_finish(&arena);
    return 0;
}
