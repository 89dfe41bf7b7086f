-- The spool: what callers sent inline, reckoned by client in bytes of the image store. Needs lib_base.
--
--   spool:<client>   HASH  job → "<bytes> <key> <key> …", its files in the image store
--   spent:<client>   ZSET  those of them that have ended → when, ms. Their files stay for follow-ups
--                          until they are old, or the client needs the room
--   spooled          HASH  "live|<client>" and "spent|<client>" → the sum of their bytes
--   drops            ZSET  files that no job has any more → since, ms; whoever deletes one takes it out

local function spooled(kind, client)
    return tonumber(redis.call('HGET', key('spooled'), kind .. '|' .. client) or '0')
end

local function add_spooled(kind, client, bytes)
    local name = kind .. '|' .. client
    local sum = redis.call('HINCRBY', key('spooled'), name, ms(bytes))
    -- Below 0 only where the sum was lost: the next look mends it.
    if sum <= 0 then redis.call('HDEL', key('spooled'), name) end
end

local function entry_of(client, id)
    local entry = redis.call('HGET', key('spool', client), id)
    if not entry then return nil end
    local bytes, keys = string.match(entry, '^(%d+) (.*)$')
    return tonumber(bytes), keys
end

-- Reckon a job's files off, have them deleted, and return their keys.
local function drop_spooled(client, id)
    local bytes, keys = entry_of(client, id)
    local kind = redis.call('ZREM', key('spent', client), id) == 1 and 'spent' or 'live'
    local gone = {}
    if not bytes then return gone end
    redis.call('HDEL', key('spool', client), id)
    add_spooled(kind, client, -bytes)
    for name in string.gmatch(keys, '%S+') do
        redis.call('ZADD', key('drops'), ms(NOW), name)
        gone[#gone + 1] = name
    end
    return gone
end

-- A job has ended: its files make room when they are in the way.
local function spend_spooled(client, id)
    local bytes = entry_of(client, id)
    if not bytes or redis.call('ZADD', key('spent', client), ms(NOW), id) == 0 then return end
    add_spooled('live', client, -bytes)
    add_spooled('spent', client, bytes)
end

-- Charge a new job's files, in place of the oldest spent ones if need be. Returns whether they fit, and
-- the jobs' files that had to go.
local function charge_spooled(client, id, bytes, quota, keys)
    local gone = {}
    if spooled('live', client) + bytes > quota then return false, gone end
    while spooled('live', client) + spooled('spent', client) + bytes > quota do
        local oldest = redis.call('ZRANGE', key('spent', client), 0, 0)[1]
        if not oldest then break end
        for _, name in ipairs(drop_spooled(client, oldest)) do gone[#gone + 1] = name end
    end
    redis.call('HSET', key('spool', client), id, ms(bytes) .. ' ' .. keys)
    add_spooled('live', client, bytes)
    return true, gone
end
