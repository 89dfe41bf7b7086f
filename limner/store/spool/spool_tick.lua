-- uses: base spool
-- Drop what ended jobs left in the spool and is old, and say which files are to be deleted.
--
-- ARGV 3 how long spent files are kept, ms · 4 most jobs, and most files, at once
-- Returns keys of the image store; `drops` has them until they are taken out.
--
-- Reads: clients drops spent
-- Writes: drops spent

local kept, most = tonumber(ARGV[3]), tonumber(ARGV[4])
local clients, left = redis.call('SMEMBERS', key('clients')), most
for turn = 1, #clients do
    -- Another one is first each time, lest one client's leavings keep all others' from going.
    local client = clients[(NOW + turn) % #clients + 1]
    keep_within(key('spent', client), 0)
    local old = redis.call('ZRANGEBYSCORE', key('spent', client), '-inf', ms(NOW - kept), 'LIMIT', 0, left)
    for _, id in ipairs(old) do drop_spooled(client, id) end
    left = left - #old
    if left < 1 then break end
end
keep_within(key('drops'), 0)
return redis.call('ZRANGE', key('drops'), 0, most - 1)
