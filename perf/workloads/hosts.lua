-- SPDX-License-Identifier: GPL-3.0-or-later
-- wrk -s hosts.lua … -- COUNT: each request is for another of COUNT hosts, spread over all of them.
dofile(debug.getinfo(1, "S").source:match("^@(.*)workloads/") .. "common/wrk.lua")

local requests, at = {}, 0

function init(arguments)
    local count = tonumber(arguments[1])
    for i = 0, 999 do
        local host = string.format("shop%d.customers.example", (i * 7919) % count)
        requests[i] = wrk.format("GET", "/", {["Host"] = host})
    end
end

function request()
    at = (at + 1) % 1000
    return requests[at]
end
