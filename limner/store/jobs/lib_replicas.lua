-- The replicas of this server, as far as it knows. Needs lib_base.
--
--   touched  STR  when somebody last asked whether replicas have what was written before, ms
--
-- Reads: nothing itself
-- Writes: nothing itself

-- How many replicas are connected and have been given all data, if they are fewer than that; nil: they are enough, or
-- this user may not ask. One that has just fallen silent still counts: only WAIT tells.
local function too_few(replicas)
    local info = redis.pcall('INFO', 'replication')
    if type(info) ~= 'string' then return nil end
    local _, online = string.gsub(info, 'state=online', '')
    return online < replicas and online or nil
end
