-- uses: base
-- Say which schema the data have, and take the lock if they are to be brought to another.
--
--   schema       HASH  the mark: version, readable_from (the oldest schema whose Limner may use them), limner (the
--                      release that wrote the mark), at (ms). None: the data are of 0.1.0, or there are none
--   schema_lock  STR   token of the process that migrates them; gone when it gives no sign of life
--
-- ARGV 3 the schema to bring them to · 4 "forward" or "back" · 5 token · 6 ms that the lock lasts
-- Returns {"there", "taken" or "busy", version, readable_from, limner, at, "1" if operators ever made anything}
--
-- Reads: audit clients operators schema schema_lock
-- Writes: schema_lock

local wanted, way, token = tonumber(ARGV[3]), ARGV[4], ARGV[5]
local mark = redis.call('HMGET', key('schema'), 'version', 'readable_from', 'limner', 'at')
local used = redis.call('EXISTS', key('clients'), key('operators'), key('audit')) > 0
local version = tonumber(mark[1] or '1')

local function said(what)
    return {what, ms(version), mark[2] or '1', mark[3] or '', mark[4] or '', used and '1' or ''}
end

if way == 'forward' and version >= wanted or way == 'back' and version <= wanted then return said('there') end
local holder = redis.call('GET', key('schema_lock'))
-- Our own token: this very call was made before, and its answer was lost.
if holder and holder ~= token then return said('busy') end
redis.call('SET', key('schema_lock'), token, 'PX', ARGV[6])
return said('taken')
