-- The outbox: events of a job that its caller has not been told yet. Needs lib_base.
--
--   outq:<job>   LIST  events not yet delivered, oldest first, each a JSON object:
--                      s seq, c class (T transition, P progress, X terminal), id webhook-id, t ms,
--                      v the changing fields of the record as they were at that moment
--   out:<job>    HASH  token, until (lease of the poster), flying (seq in flight), tried
--   due          ZSET  job id → when to try next; while a poster holds it: until its lease ends
--   wake         LIST  one element per job that became due now; a poster waits on it
-- Event bodies are made by the poster from the record and `v`, so a script can tell of any job.

-- What may differ between two events of a job.
local CHANGING = {
    'status', 'progress', 'url', 'width', 'height', 'cells', 'marks', 'engine', 'reason',
    'reason_code', 'notes', 'started_ms', 'finished_ms', 'attempts',
}
local WAKES_KEPT = 1000

local function snapshot(id)
    local values = redis.call('HMGET', job_key(id), unpack(CHANGING))
    local shot = {}
    for i, name in ipairs(CHANGING) do
        if values[i] then shot[name] = values[i] end
    end
    return shot
end

-- Put one event of job `id` into its outbox. `class`: T, P or X. `position`: of a job that waits again.
local function emit(id, class, position)
    local seq = redis.call('HINCRBY', job_key(id), 'seq', 1)
    if not redis.call('HGET', job_key(id), 'dest') then return seq end
    local queue, state = key('outq', id), key('out', id)
    local flying = tonumber(redis.call('HGET', state, 'flying') or '0')
    local event = {s = seq, c = class, t = NOW, v = snapshot(id)}
    if position then event.v.position = tostring(position) end
    local last = redis.call('LINDEX', queue, -1)
    local newest = last and cjson.decode(last)
    -- Progress that nobody was told yet gives its place, and its seq, to what is newer.
    local replaces = newest and newest.c == 'P' and newest.s ~= flying and class ~= 'T'
    if replaces and tonumber(redis.call('HGET', state, 'tried') or '0') == 0 then
        event.s = newest.s
        redis.call('HSET', job_key(id), 'seq', event.s)
    end
    event.id = 'msg_' .. id .. '_' .. event.s
    if replaces then
        redis.call('LSET', queue, -1, cjson.encode(event))
    else
        redis.call('RPUSH', queue, cjson.encode(event))
    end
    local leased_until = tonumber(redis.call('HGET', state, 'until') or '0')
    if leased_until <= NOW and (class ~= 'P' or not redis.call('ZSCORE', key('due'), id)) then
        redis.call('ZADD', key('due'), ms(NOW), id)
        redis.call('LPUSH', key('wake'), id)
        redis.call('LTRIM', key('wake'), 0, WAKES_KEPT - 1)
    end
    return event.s
end
