-- What operators change while Limner runs, over limner.toml. Needs lib_base.
--
--   levers          HASH  "<lane|engine>|<name>|<field>" → value. Fields: halt (paused; of engines also
--                         draining), and of engines what counts instead of their settings: fast_slots,
--                         relaxed_slots, fast_gap_ms, relaxed_gap_ms, weight
--   paused_clients  SET   clients that are paused
--   resumed         ZSET  "<lane|engine|client>|<name>" → when it was last resumed, ms
-- Scripts read these in the same step as they decide: what is halted gets no grant from the next script on.
-- steer.lua alone writes them.
--
-- Reads: levers paused_clients resumed
-- Writes: nothing itself

local levers_read = nil

-- All levers of lanes and engines, read once per script: there are at most a few.
local function levers()
    if levers_read then return levers_read end
    levers_read = {}
    local flat = redis.call('HGETALL', key('levers'))
    for i = 1, #flat, 2 do levers_read[flat[i]] = flat[i + 1] end
    return levers_read
end

-- The value of a lane's or an engine's lever, or nil.
local function lever(what, name, field)
    return levers()[what .. '|' .. name .. '|' .. field]
end

local paused_clients = {}

local function client_is_paused(name)
    if paused_clients[name] == nil then
        paused_clients[name] = redis.call('SISMEMBER', key('paused_clients'), name) == 1
    end
    return paused_clients[name]
end

-- 'paused', 'draining' or nil.
local function halt_of(what, name)
    if what == 'client' then return client_is_paused(name) and 'paused' or nil end
    return lever(what, name, 'halt')
end

-- Whether a lane, a client or an engine was resumed less than `ago_ms` ago.
local function resumed_within(what, name, ago_ms)
    local at = tonumber(redis.call('ZSCORE', key('resumed'), what .. '|' .. name) or '')
    return at ~= nil and NOW - at <= ago_ms
end
