/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A change gets its due time once; later ones before it change nothing.
 */
#include "core/control/throttle.h"

void throttle_init(struct throttle *throttle, int64_t settle_ms, int64_t period_ms)
{
    *throttle = (struct throttle){
        .settle_ms = settle_ms, .period_ms = period_ms, .open_ms = INT64_MIN};
}

void throttle_note(struct throttle *throttle, int64_t now_ms)
{
    if (throttle->pending)
        return;
    int64_t settled = now_ms + throttle->settle_ms;
    throttle->pending = true;
    throttle->due_ms = settled > throttle->open_ms ? settled : throttle->open_ms;
}

int64_t throttle_due_ms(const struct throttle *throttle)
{
    return throttle->pending ? throttle->due_ms : -1;
}

bool throttle_take(struct throttle *throttle, int64_t now_ms)
{
    if (!throttle->pending || now_ms < throttle->due_ms)
        return false;
    throttle_begin(throttle, now_ms);
    return true;
}

void throttle_begin(struct throttle *throttle, int64_t now_ms)
{
    throttle->pending = false;
    throttle->open_ms =
        throttle->period_ms < INT64_MAX - now_ms ? now_ms + throttle->period_ms : INT64_MAX;
}
