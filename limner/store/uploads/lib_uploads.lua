-- Uploads: files that clients name in later requests. Needs lib_base and lib_spool, whose account they are in.
--
--   upload:<id>       HASH  id client key name type size sha256 created_ms expires_ms
--   uploads:<client>  ZSET  their ids → created, ms
--
-- Reads: nothing itself
-- Writes: upload uploads

local function drop_upload(client, id)
    drop_spooled(client, id)
    redis.call('UNLINK', key('upload', id))
    redis.call('ZREM', key('uploads', client), id)
end
