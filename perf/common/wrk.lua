-- SPDX-License-Identifier: GPL-3.0-or-later
-- wrk says what it saw as one line of JSON. Refused, broken and timed out connections and answers
-- other than 2xx and 3xx are errors.
function done(summary, latency, _)
    local e = summary.errors
    print(string.format('result {"operations": %d, "errors": %d, "seconds": %.6f, ' ..
        '"p50_us": %.1f, "p99_us": %.1f, "max_us": %.1f}',
        summary.requests - e.status, e.connect + e.read + e.write + e.status + e.timeout,
        summary.duration / 1e6, latency:percentile(50), latency:percentile(99), latency.max))
end
