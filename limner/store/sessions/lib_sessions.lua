-- Sessions of the console, each made from a token and no longer than that token. Needs lib_base.
--
--   session:<sha256 of its secret>  HASH  kind (client, operator), name, digest (sha256 of the holder's token),
--                                         made and seen, ms
--   sessions:<kind>:<name>          ZSET  the same sha256 → last seen, ms
--   ticket:<sha256 of its secret>   HASH  kind, name, digest: who may enter with it, once
--   tickets:<kind>:<name>           STR   the holder's newest ticket; a newer one replaces it
--
-- Reads: client operator operator_tokens sessions tokens
-- Writes: session sessions

local TOKENS_OF = {client = 'tokens', operator = 'operator_tokens'}

-- Return whether this token is still that holder's, and the holder may enter; else also whether it is a
-- disabled client.
local function holds(kind, name, digest)
    if kind == 'client' then
        if redis.call('HGET', key('tokens'), digest) ~= name then return false end
        local lanes, disabled = unpack(redis.call('HMGET', key('client', name), 'lanes', 'disabled'))
        if disabled and disabled ~= '' then return false, true end
        return lanes and true or false
    end
    if redis.call('HGET', key('operator_tokens'), digest) ~= name then return false end
    return redis.call('HEXISTS', key('operator', name), 'role') == 1
end

-- Return whose token this is: kind and name, or nil.
local function holder_of(digest)
    local name = redis.call('HGET', key('tokens'), digest)
    if name then return 'client', name end
    name = redis.call('HGET', key('operator_tokens'), digest)
    if name then return 'operator', name end
    return nil
end

-- Return the digest of a holder's token, or nil: there is no such holder, or it may not enter.
local function digest_of(kind, name)
    local found
    local flat = redis.call('HGETALL', key(TOKENS_OF[kind]))
    for i = 1, #flat, 2 do
        if flat[i + 1] == name then found = flat[i] end
    end
    return found and holds(kind, name, found) and found or nil
end

local function forget_session(kind, name, id)
    redis.call('DEL', key('session', id))
    redis.call('ZREM', key('sessions', kind, name), id)
end

-- Begin a session. Of the holder's `most`, the one that was seen longest ago makes room.
local function begin_session(id, kind, name, digest, most, idle_ms, kept_ms)
    local mine = key('sessions', kind, name)
    local now = ms(NOW)
    redis.call('HSET', key('session', id), 'kind', kind, 'name', name, 'digest', digest, 'made', now, 'seen', now)
    redis.call('PEXPIRE', key('session', id), ms(idle_ms))
    keep_within(mine, 0, -1)
    for _, old in ipairs(redis.call('ZRANGEBYSCORE', mine, '-inf', ms(NOW - idle_ms))) do
        forget_session(kind, name, old)
    end
    for _, old in ipairs(redis.call('ZRANGE', mine, 0, -most)) do forget_session(kind, name, old) end
    redis.call('ZADD', mine, ms(NOW), id)
    redis.call('PEXPIRE', mine, ms(kept_ms))
end
