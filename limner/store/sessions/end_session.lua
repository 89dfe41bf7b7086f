-- uses: base sessions
-- End a session.
--
-- ARGV 3 sha256 of its secret
-- Returns 1, or 0: there is none.
--
-- Reads: session
-- Writes: nothing itself

local kind, name = unpack(redis.call('HMGET', key('session', ARGV[3]), 'kind', 'name'))
if not kind then return 0 end
forget_session(kind, name, ARGV[3])
return 1
