-- uses: base sessions
-- Return whose session this is, and that it was seen now. It ends with its holder's token.
--
-- ARGV 3 sha256 of its secret · 4 ms that it may be idle · 5 ms that it lasts at most
-- Returns {} (there is none, or it has ended) · {kind, name, sha256 of the holder's token, role or ""}
--
-- Reads: operator session
-- Writes: session sessions

local id, idle_ms, kept_ms = ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local record = key('session', id)
local kind, name, digest, made, seen = unpack(redis.call('HMGET', record, 'kind', 'name', 'digest', 'made', 'seen'))
if not kind then return {} end
made, seen = within(record, 'made', made, 0), within(record, 'seen', seen, 0)
if NOW > made + kept_ms or NOW > seen + idle_ms or not holds(kind, name, digest) then
    forget_session(kind, name, id)
    return {}
end
redis.call('HSET', record, 'seen', ms(NOW))
redis.call('PEXPIRE', record, ms(math.min(idle_ms, made + kept_ms - NOW + 1)))
redis.call('ZADD', key('sessions', kind, name), ms(NOW), id)
redis.call('PEXPIRE', key('sessions', kind, name), ms(kept_ms))
local role = kind == 'operator' and redis.call('HGET', key('operator', name), 'role') or ''
return {kind, name, digest, role}
