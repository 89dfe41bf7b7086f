-- uses: base levers health engines halts domain fit spool outbox turns moves budgets pay lanes mending
-- Walk through all keys, some with each call, and make again from the records what was lost of the rest.
--
-- A key may be lost by a hand, or to a server that evicts. Most that is kept beside the records says again what they
-- say, for whoever looks for it; what is neither there nor follows from them is gone (docs/operations.md).
--
-- That takes hours where there are a million keys. So beside it there is a round through what lives and was lately
-- there: clients, operators, jobs that wait or run, and those that may have callbacks left. It is made at once, and in
-- a hurry, when a set as a whole is gone. That may be well, as a set without members is none: not too often.
--
--   mended    HASH  cursor: where the walk through the keys goes on; at: when it last did, ms; had: which whole sets
--                   there were then; hurried: when it was last in a hurry, ms; hurry: it is
--   mending   LIST  sets that the walk has come to, whose members it looks at next: "<kind> <cursor> <rest>"
--   mending:round  LIST  the same of the round
--
-- ARGV 8 "1": also if somebody has called this a moment ago
-- Returns {how much was missing that is there now, what cannot be looked at and why: "" or the first such thing}.
--
-- Reads: back client clients dead deadlines due holds job jobs leases log mended mending operator
--   operator_tokens operators out outq queue ready resend runs story tokens turns upload uploads waiting
--   waits
-- Writes: back client clients dead deadlines heads log mended mending operator operator_tokens operators out
--   resend runs story tokens turns uploads waits

-- Nothing else runs in Redis meanwhile; and many processes call this.
local EVERY_MS, KEYS_AT_ONCE, MEMBERS_AT_ONCE, WORK_AT_ONCE = 1000, 100, 100, 100
-- Older jobs with callbacks left are few: their receivers have been failing for long.
local LATELY_MS = 32 * 3600000
local HURRY_EVERY_MS = 300000
local work = 0
local malformed = ''

-- What nobody of ours wrote so must not keep the walk from the rest. A server that refuses to write has said so before,
-- as the cursor is written first. Returns what `look` returns, or nil.
local function try(name, look, ...)
    local could, answer = pcall(look, ...)
    if could then return answer end
    if malformed == '' then malformed = name .. ': ' .. tostring(type(answer) == 'table' and answer.err or answer) end
end

-- The members of sets.

local function through_set(name, cursor, check)
    local found = redis.call('SSCAN', name, cursor, 'COUNT', MEMBERS_AT_ONCE)
    for _, member in ipairs(found[2]) do try(name .. ' ' .. member, check, member) end
    work = work + #found[2]
    return found[1]
end

local function through_zset(name, cursor, check)
    local found = redis.call('ZSCAN', name, cursor, 'COUNT', MEMBERS_AT_ONCE)
    for i = 1, #found[2], 2 do try(name .. ' ' .. found[2][i], check, found[2][i]) end
    work = work + #found[2] / 2
    return found[1]
end

local function through_hash(name, cursor, check)
    local found = redis.call('HSCAN', name, cursor, 'COUNT', MEMBERS_AT_ONCE)
    for i = 1, #found[2], 2 do try(name, check, found[2][i], found[2][i + 1]) end
    work = work + #found[2] / 2
    return found[1]
end

local function status_of(id)
    return redis.call('HGET', job_key(id), 'status')
end

local function lane_and_rest(text)
    return string.match(text, '^(%a+):?(.*)$')
end

-- An older release replaces a token without a word of it in the record, and makes records without.
local function note_digest(record, digest)
    if redis.call('EXISTS', record) == 1 and redis.call('HGET', record, 'digest') ~= digest then
        redis.call('HSET', record, 'digest', digest)
    end
end

-- Kind → what looks at some members; returns where to go on.
local MEMBERS = {
    waits = function(cursor, client)
        return through_set(key('waits', client), cursor, function(id)
            local status, plan = unpack(redis.call('HMGET', job_key(id), 'status', 'tentative'))
            if status ~= 'waiting' and not plan then redis.call('SREM', key('waits', client), id) end
        end)
    end,
    runs = function(cursor, client)
        return through_set(key('runs', client), cursor, function(id)
            if not RUNNING[status_of(id)] then redis.call('SREM', key('runs', client), id) end
        end)
    end,
    queue = function(cursor, rest)
        local lane, client = lane_and_rest(rest)
        return through_zset(key('queue', lane, client), cursor, function(id)
            if status_of(id) ~= 'waiting' then leave_queue(id, lane, client) end
        end)
    end,
    back = function(cursor, lane)
        return through_zset(key('back', lane), cursor, function(id)
            if status_of(id) ~= 'waiting' then redis.call('ZREM', key('back', lane), id) end
        end)
    end,
    deadlines = function(cursor)
        return through_zset(key('deadlines'), cursor, function(id)
            local status = status_of(id)
            if not status or ENDED[status] then redis.call('ZREM', key('deadlines'), id) end
        end)
    end,
    turns = function(cursor, lane)
        return through_zset(key('turns', lane), cursor, function(member)
            local client = client_of(member) or ''
            local is_head = head_of(lane, client) == member
            if is_head and redis.call('EXISTS', key('queue', lane, client)) == 1 then return end
            redis.call('ZREM', key('turns', lane), member)
            if is_head then redis.call('HDEL', key('heads', lane), client) end
        end)
    end,
    tokens = function(cursor)
        return through_hash(key('tokens'), cursor, function(digest, name) note_digest(key('client', name), digest) end)
    end,
    operator_tokens = function(cursor)
        return through_hash(key('operator_tokens'), cursor, function(digest, name)
            note_digest(key('operator', name), digest)
        end)
    end,
}

-- The keys themselves.

local function has_record(id)
    return redis.call('EXISTS', job_key(id)) == 1
end

-- Key → the names that have a token there.
local named = {}

local function has_token(tokens, name)
    if not named[tokens] then
        named[tokens] = {}
        local flat = redis.call('HGETALL', tokens)
        for i = 2, #flat, 2 do named[tokens][flat[i]] = true end
    end
    return named[tokens][name]
end

-- As long as a name has any token, that is its token, and another one in its record was replaced.
local function mend_name(names, name, tokens, digest)
    add(redis.call('SADD', names, name))
    if not digest or redis.call('HEXISTS', tokens, digest) == 1 or has_token(tokens, name) then return end
    add(redis.call('HSET', tokens, digest, name))
    named[tokens][name] = true
end

-- Kind → what sees to one key of it, by what comes after the kind.
local OF_KIND = {
    job = mend_job,
    client = function(name)
        mend_name(key('clients'), name, key('tokens'), redis.call('HGET', key('client', name), 'digest'))
    end,
    operator = function(name)
        mend_name(key('operators'), name, key('operator_tokens'), redis.call('HGET', key('operator', name), 'digest'))
    end,
    slots = function(rest)
        local engine, lane = string.match(rest, '^(.*):(%a+)$')
        if engine then check_slots(engine, lane) end
    end,
    outq = be_due,
    resend = function(id)
        if has_record(id) then be_due(id) else forget_later(key('resend', id)) end
    end,
    out = function(id)
        if not has_record(id) then forget_later(key('out', id)) end
    end,
    log = function(id)
        if not has_record(id) then forget_later(key('log', id)) end
    end,
    story = function(id)
        if not has_record(id) then forget_later(key('story', id)) end
    end,
    dead = function(id)
        if id == '' then return end
        if not has_record(id) then forget_later(key('dead', id)) end
        if redis.call('ZSCORE', key('dead'), id) then return end
        local newest = redis.call('LINDEX', key('dead', id), -1)
        if newest then redis.call('ZADD', key('dead'), ms(cjson.decode(newest).dead), id) end
    end,
    upload = function(id)
        local client, created = unpack(redis.call('HMGET', key('upload', id), 'client', 'created_ms'))
        if not client or not created then return end
        redis.call('ZADD', key('uploads', client), 'NX', created, id)
        if redis.call('PTTL', key('uploads', client)) == -1 then
            redis.call('PEXPIRE', key('uploads', client), redis.call('PTTL', key('upload', id)))
        end
    end,
}

local function come_to(name)
    local kind, rest = string.match(string.sub(name, #PREFIX + 1), '^([^:]+):?(.*)$')
    if OF_KIND[kind] then
        try(name, OF_KIND[kind], rest)
        work = work + 1
    elseif MEMBERS[kind] and (kind ~= 'turns' or rest ~= '') then
        redis.call('RPUSH', key('mending'), kind .. ' 0 ' .. rest)
    end
end

-- Look at members of the sets of a list, as many as one call may.
local function go_through(list, kinds)
    while work < WORK_AT_ONCE and redis.call('EXISTS', list) == 1 do
        local kind, cursor, rest = string.match(redis.call('LPOP', list) or '', '^(%S+) (%d+) (.*)$')
        if kinds[kind] then
            cursor = try(kind .. ' ' .. rest, kinds[kind], cursor, rest) or '0'
            if cursor ~= '0' then redis.call('LPUSH', list, kind .. ' ' .. cursor .. ' ' .. rest) end
        end
        work = work + 1
    end
end

-- The round.

local function look_at(id)
    mend_job(id)
    if redis.call('EXISTS', key('outq', id)) == 1 then be_due(id) end
end

local function look_at_client(name)
    OF_KIND.client(name)
    local list = key('mending', 'round')
    if redis.call('EXISTS', key('waits', name)) == 1 then redis.call('LPUSH', list, 'waits 0 ' .. name) end
    if redis.call('EXISTS', key('runs', name)) == 1 then redis.call('LPUSH', list, 'runs 0 ' .. name) end
    if redis.call('EXISTS', key('jobs', name)) == 1 then redis.call('RPUSH', list, 'jobs 0 ' .. name) end
end

-- Kind → as in MEMBERS.
local LIVING = {
    clients = function(cursor) return through_set(key('clients'), cursor, look_at_client) end,
    tokens = function(cursor)
        return through_hash(key('tokens'), cursor, function(_, name) look_at_client(name) end)
    end,
    operators = function(cursor) return through_set(key('operators'), cursor, OF_KIND.operator) end,
    operator_tokens = function(cursor)
        return through_hash(key('operator_tokens'), cursor, function(_, name) OF_KIND.operator(name) end)
    end,
    waits = function(cursor, client) return through_set(key('waits', client), cursor, look_at) end,
    runs = function(cursor, client) return through_set(key('runs', client), cursor, look_at) end,
    -- The newest first. Where others come meanwhile some are looked at twice.
    jobs = function(cursor, client)
        local from = tonumber(cursor)
        local rows = redis.call('ZREVRANGE', key('jobs', client), from, from + MEMBERS_AT_ONCE - 1, 'WITHSCORES')
        for i = 1, #rows, 2 do
            if tonumber(rows[i + 1]) < NOW - LATELY_MS then return '0' end
            try(job_key(rows[i]), look_at, rows[i])
            work = work + 1
        end
        return #rows < 2 * MEMBERS_AT_ONCE and '0' or ms(from + MEMBERS_AT_ONCE)
    end,
}

-- Which of the whole sets there are, a digit for each.
local function whole_sets()
    local there = {}
    for _, name in ipairs({key('clients'), key('tokens'), key('operators'), key('operator_tokens'), key('due'),
        key('leases'), key('holds'), key('deadlines'), key('waiting', LANES[1]), key('waiting', LANES[2])}) do
        there[#there + 1] = tostring(redis.call('EXISTS', name))
    end
    return table.concat(there)
end

local function is_any_gone(had, there)
    for i = 1, #there do
        if string.sub(had, i, i) == '1' and string.sub(there, i, i) == '0' then return true end
    end
    return false
end

-- Go on with the round, or begin it.
local function go_round(hurry)
    local list = key('mending', 'round')
    if redis.call('EXISTS', list) == 0 then
        -- Of names that are lost their tokens tell.
        local clients = redis.call('EXISTS', key('clients')) == 1 and 'clients' or 'tokens'
        local operators = redis.call('EXISTS', key('operators')) == 1 and 'operators' or 'operator_tokens'
        redis.call('RPUSH', list, clients .. ' 0 ', operators .. ' 0 ')
    end
    go_through(list, LIVING)
    if redis.call('EXISTS', list) == 0 then
        redis.call('HDEL', key('mended'), 'hurry')
    elseif hurry then
        -- Whoever calls goes on until the round is over.
        add(1)
    end
end

-- Few as they are, these are looked at with every call.
local function few()
    for _, name in ipairs(engine_names()) do
        for _, lane in ipairs(LANES) do try('slots ' .. name, check_slots, name, lane) end
    end
    for _, lane in ipairs(LANES) do
        for _, id in ipairs(redis.call('ZRANGE', key('ready', lane), 0, SLOTS_AT_ONCE - 1)) do
            if try(job_key(id), status_of, id) ~= 'waiting' then drop_hold(id, lane) end
        end
    end
end

local newer = refuse_newer()
if newer then return newer end
local at, cursor, had, hurried, hurry =
    unpack(redis.call('HMGET', key('mended'), 'at', 'cursor', 'had', 'hurried', 'hurry'))
local since = NOW - (tonumber(at or '') or -EVERY_MS)
if since >= 0 and since < EVERY_MS and ARGV[8] ~= '1' then return {0, ''} end
cursor = cursor or '0'
local names, there = {}, whole_sets()
if redis.call('EXISTS', key('mending')) == 0 then
    local found = redis.pcall('SCAN', cursor, 'MATCH', PREFIX .. '*', 'COUNT', KEYS_AT_ONCE)
    -- A user of an access list may not be allowed to.
    cursor, names = found[1] or '0', found[2] or {}
end
local is_gone = is_any_gone(had or '', there)
local may_hurry = within(key('mended'), 'hurried', hurried, 0) <= NOW - HURRY_EVERY_MS
-- What is gone is remembered until it may be seen to.
if is_gone and not may_hurry then there = had end
redis.call('HSET', key('mended'), 'at', ms(NOW), 'cursor', cursor, 'had', there)
if is_gone and may_hurry then
    redis.call('HSET', key('mended'), 'hurried', ms(NOW), 'hurry', '1')
    redis.call('DEL', key('mending', 'round'))
    hurry = '1'
end
few()
go_round(hurry)
work = 0
for _, name in ipairs(names) do come_to(name) end
go_through(key('mending'), MEMBERS)
return {found_missing, malformed}
