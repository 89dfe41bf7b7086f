-- uses: base spool
-- Drop what ended jobs left in the spool and is old, and say which files are to be deleted.
--
-- ARGV 3 how long spent files are kept, ms · 4 most jobs of a client, and most files, at once
-- Returns keys of the image store; `drops` has them until they are taken out.

local kept, most = tonumber(ARGV[3]), tonumber(ARGV[4])
for _, client in ipairs(redis.call('SMEMBERS', key('clients'))) do
    keep_within(key('spent', client), 0)
    local old = redis.call('ZRANGEBYSCORE', key('spent', client), '-inf', ms(NOW - kept), 'LIMIT', 0, most)
    for _, id in ipairs(old) do drop_spooled(client, id) end
end
return redis.call('ZRANGE', key('drops'), 0, most - 1)
