-- What operators change while Limner runs, over limner.toml, and the audit trail of it. Needs lib_base.
--
--   levers          HASH  "<lane|engine>|<name>|<field>" → value. Fields: halt (paused; of engines also
--                         draining), and of engines what counts instead of their settings: fast_slots,
--                         relaxed_slots, fast_gap_ms, relaxed_gap_ms, weight
--   paused_clients  SET   clients that are paused
--   resumed         ZSET  "<lane|engine|client>|<name>" → when it was last resumed, ms
--   audit           LIST  what operators changed, newest first, each a JSON object: at (ms), who, what,
--                         before, after (field → value)
-- Scripts read these in the same step as they decide: what is halted gets no grant from the next script on.
--
-- Reads: levers paused_clients resumed
-- Writes: audit levers paused_clients resumed

local AUDIT_KEPT = 10000

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

-- Resumed just now. What was resumed longer than `kept_ms` ago, or in a future that never came, is forgotten.
local function note_resumed(what, name, kept_ms)
    redis.call('ZADD', key('resumed'), ms(NOW), what .. '|' .. name)
    redis.call('ZREMRANGEBYSCORE', key('resumed'), '-inf', '(' .. ms(NOW - kept_ms))
    redis.call('ZREMRANGEBYSCORE', key('resumed'), '(' .. ms(NOW), '+inf')
end

-- Set a lever; "" returns to limner.toml. Returns the value before, "" if there was none.
local function set_lever(what, name, field, value)
    if what == 'client' then
        local before = client_is_paused(name) and 'paused' or ''
        paused_clients[name] = value ~= ''
        if value == '' then
            redis.call('SREM', key('paused_clients'), name)
        else
            redis.call('SADD', key('paused_clients'), name)
        end
        return before
    end
    local before, full = lever(what, name, field) or '', what .. '|' .. name .. '|' .. field
    if value == '' then
        levers_read[full] = nil
        redis.call('HDEL', key('levers'), full)
    else
        levers_read[full] = value
        redis.call('HSET', key('levers'), full, value)
    end
    return before
end

-- Add a line to the audit trail. `before` and `after`: field → value.
local function audit(who, what, before, after)
    local line = cjson.encode({at = NOW, who = who, what = what, before = before, after = after})
    redis.call('LPUSH', key('audit'), line)
    redis.call('LTRIM', key('audit'), 0, AUDIT_KEPT - 1)
end
