/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One name a line; "*" alone is every certificate. The file is taken away
 * before the wishes are granted, so that none is granted twice.
 */
#include "core/control/acme_private.h"

#include "core/base/log.h"
#include "core/control/acme_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static bool is_meant(const struct acme_item *item, struct span wish)
{
    if (span_equal(wish, SPAN("*")))
        return true;
    for (size_t i = 0; i < item->name_count; i++)
        if (span_equal_nocase(item->names[i], wish))
            return true;
    return false;
}

/* What has failed is tried at once as well. */
static void grant(struct acme *acme, const struct acme_saver *saver, struct span wish)
{
    size_t count = 0;
    for (size_t i = 0; i < acme->count; i++) {
        struct acme_item *item = acme->list[i];
        if (item->of->saver != saver || !item->wanted || !is_meant(item, wish))
            continue;
        item->forced = true;
        item->not_before_ms = 0;
        count++;
        acme_item_schedule(item);
    }
    char text[24], name[256];
    snprintf(text, sizeof(text), "%zu", count);
    snprintf(name, sizeof(name), "%.*s", SPAN_ARG(wish));
    log_info("certificates are renewed on request", "name", name, "certificates", text);
}

static void take(struct acme *acme, const struct acme_saver *saver)
{
    char path[4096];
    struct span text, rest, line;
    int len = snprintf(path, sizeof(path), "%s%s", acme_store_path(saver->store),
                       ACME_STORE_WISHES_SUFFIX);
    if (len < 0 || (size_t)len >= sizeof(path) || acme_file_read(path, &text, NULL, NULL) != ERR_OK)
        return;
    if (unlink(path) == 0) {
        for (rest = text; rest.len > 0;) {
            rest = span_split(rest, '\n', &line);
            line = span_trim(line);
            if (line.len > 0)
                grant(acme, saver, line);
        }
    }
    acme_file_release(&text);
}

void acme_wishes_take(struct acme *acme)
{
    list_for_each(node, &acme->savers) {
        struct acme_saver *saver = container_of(node, struct acme_saver, link);
        if (saver->owned) /* else they are the owner's */
            take(acme, saver);
    }
}
