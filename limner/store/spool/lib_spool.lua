-- The spool: the size of inline pictures in the image store, by client, in bytes. Needs lib_base.
--
--   spool:<client>   HASH  job → "<bytes> <key> <key> …", its files in the image store
--   spent:<client>   ZSET  those of them that have ended → when, ms. Their files stay for follow-ups
--                          until they are old, or the client needs the room
--   spooled          HASH  "live|<client>" and "spent|<client>" → the sum of their bytes
--   reckoned:<client> HASH while the account is recalculated (spool_mend.lua): the jobs seen so far → "",
--                          "live" and "spent" → the sum of their bytes, "cursor" → where to continue
--   drops            ZSET  files that belong to no job any more → since, ms; removed once deleted
--
-- Reads: reckoned spent spool spooled
-- Writes: drops reckoned spent spool spooled

local function spooled(kind, client)
    return tonumber(redis.call('HGET', key('spooled'), kind .. '|' .. client) or '0')
end

local function add_spooled(kind, client, id, bytes)
    -- A recalculation in progress that has seen the job must not end with its old size.
    if redis.call('HEXISTS', key('reckoned', client), id) == 1 then
        redis.call('HINCRBY', key('reckoned', client), kind, ms(bytes))
    end
    local name = kind .. '|' .. client
    local sum = redis.call('HINCRBY', key('spooled'), name, ms(bytes))
    -- Below 0 only if the sum was lost: the next recalculation corrects it.
    if sum <= 0 then redis.call('HDEL', key('spooled'), name) end
end

local function entry_of(client, id)
    local entry = redis.call('HGET', key('spool', client), id)
    if not entry then return nil end
    local bytes, keys = string.match(entry, '^(%d+) (.*)$')
    return tonumber(bytes), keys
end

-- Write off a job's files, put them on the list for deletion, and return their keys.
local function drop_spooled(client, id)
    local bytes, keys = entry_of(client, id)
    local kind = redis.call('ZREM', key('spent', client), id) == 1 and 'spent' or 'live'
    local gone = {}
    if not bytes then return gone end
    redis.call('HDEL', key('spool', client), id)
    add_spooled(kind, client, id, -bytes)
    redis.call('HDEL', key('reckoned', client), id)
    for name in string.gmatch(keys, '%S+') do
        redis.call('ZADD', key('drops'), ms(NOW), name)
        gone[#gone + 1] = name
    end
    return gone
end

-- A job has ended: its files make room when needed. Returns 1 if that is news.
local function spend_spooled(client, id)
    local bytes = entry_of(client, id)
    if bytes then keep_within(key('spent', client), 0, -1) end
    if not bytes or redis.call('ZADD', key('spent', client), 'NX', ms(NOW), id) == 0 then return 0 end
    add_spooled('live', client, id, -bytes)
    add_spooled('spent', client, id, bytes)
    return 1
end

-- Most jobs whose files make room in one call; a client may have 100,000, and all others would wait.
local EVICTED_MOST = 200

-- Charge a new job's files, in place of the oldest spent ones if need be. Returns "fits", "full", or
-- "more" (another call makes more room), and the jobs' files that had to go.
local function charge_spooled(client, id, bytes, quota, keys)
    local gone = {}
    if spooled('live', client) + bytes > quota then return 'full', gone end
    local evicted = 0
    while spooled('live', client) + spooled('spent', client) + bytes > quota do
        local oldest = redis.call('ZRANGE', key('spent', client), 0, 0)[1]
        if not oldest then break end
        if evicted == EVICTED_MOST then return 'more', gone end
        evicted = evicted + 1
        for _, name in ipairs(drop_spooled(client, oldest)) do gone[#gone + 1] = name end
    end
    redis.call('HSET', key('spool', client), id, ms(bytes) .. ' ' .. keys)
    -- A recalculation in progress may not encounter it.
    if redis.call('EXISTS', key('reckoned', client)) == 1 then
        redis.call('HSET', key('reckoned', client), id, '')
    end
    add_spooled('live', client, id, bytes)
    return 'fits', gone
end
