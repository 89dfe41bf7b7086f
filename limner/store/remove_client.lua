-- uses: base audit
-- Forget a client that has no unfinished jobs: its record, its token, and what counts for it alone.
--
-- Its jobs stay as long as any, and what is to be told of them becomes dead letters.
--
-- ARGV 3 who · 4 name
-- Returns how many of its jobs have not ended, if any has not; else −1, or −2: there is no such client.
--
-- Reads: client runs tokens waits
-- Writes: budget client clients endpoint paused_clients reckoned spent spool spooled tokens

local who, name = ARGV[3], ARGV[4]
if redis.call('EXISTS', key('client', name)) == 0 then return -2 end
local unfinished = redis.call('SCARD', key('waits', name)) + redis.call('SCARD', key('runs', name))
if unfinished > 0 then return unfinished end

local flat = redis.call('HGETALL', key('tokens'))
for i = 1, #flat, 2 do
    if flat[i + 1] == name then redis.call('HDEL', key('tokens'), flat[i]) end
end
redis.call('SREM', key('clients'), name)
redis.call('SREM', key('paused_clients'), name)
redis.call('DEL', key('client', name), key('budget', name), key('endpoint', name))
-- Its account; the files are deleted with their day.
redis.call('UNLINK', key('spool', name), key('spent', name), key('reckoned', name))
redis.call('HDEL', key('spooled'), 'live|' .. name, 'spent|' .. name)
audit(who, 'client ' .. name, {token = 'old'}, {token = ''})
return -1
