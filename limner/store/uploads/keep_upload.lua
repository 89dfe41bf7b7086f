-- uses: base spool uploads
-- Record an upload and charge its file to its client. It makes room for others from the start: nobody waits
-- for it.
--
-- ARGV 3 id · 4 client · 5 bytes · 6 its quota, bytes · 7 fields, a JSON object of strings with the file's key
--      8 ms to keep it · 9 most of one client
-- Returns {"kept", created, expires, both ms} · {"full"} · {"more"}: ask again, more makes room each time
--
-- Reads: upload uploads
-- Writes: upload uploads

local id, client, fields = ARGV[3], ARGV[4], cjson.decode(ARGV[7])
local kept, most = tonumber(ARGV[8]), tonumber(ARGV[9])

-- The connection broke after an earlier run of this very call, and redis-py made it again.
local created, expires = unpack(redis.call('HMGET', key('upload', id), 'created_ms', 'expires_ms'))
if created then return {'kept', created, expires} end
local fits = charge_spooled(client, id, tonumber(ARGV[5]), tonumber(ARGV[6]), fields.key)
if fits ~= 'fits' then return {fits} end
spend_spooled(client, id)
local record = {'client', client, 'created_ms', ms(NOW), 'expires_ms', ms(NOW + kept)}
for field, value in pairs(fields) do
    record[#record + 1] = field
    record[#record + 1] = value
end
redis.call('HSET', key('upload', id), unpack(record))
redis.call('PEXPIRE', key('upload', id), ms(kept))
local all = key('uploads', client)
keep_within(all, 0, -1)
redis.call('ZADD', all, ms(NOW), id)
redis.call('ZREMRANGEBYSCORE', all, '-inf', ms(NOW - kept))
redis.call('PEXPIRE', all, ms(kept))
if redis.call('ZCARD', all) > most then drop_upload(client, redis.call('ZRANGE', all, 0, 0)[1]) end
return {'kept', ms(NOW), ms(NOW + kept)}
