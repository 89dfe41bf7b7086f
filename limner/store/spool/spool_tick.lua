-- uses: base spool
-- Write off expired files of ended jobs, and return which files to delete.
--
-- ARGV 3 how long spent files are kept, ms · 4 most jobs, and most files, at once
-- Returns keys of the image store; `drops` has them until they are removed.
--
-- Reads: clients drops spent
-- Writes: drops spent

local kept, most = tonumber(ARGV[3]), tonumber(ARGV[4])
local clients, left = redis.call('SMEMBERS', key('clients')), most
for turn = 1, #clients do
    -- Start with another client each time, so that one client's files do not hold up all others'.
    local client = clients[(NOW + turn) % #clients + 1]
    keep_within(key('spent', client), 0)
    local old = redis.call('ZRANGEBYSCORE', key('spent', client), '-inf', ms(NOW - kept), 'LIMIT', 0, left)
    for _, id in ipairs(old) do drop_spooled(client, id) end
    left = left - #old
    if left < 1 then break end
end
keep_within(key('drops'), 0)
return redis.call('ZRANGE', key('drops'), 0, most - 1)
