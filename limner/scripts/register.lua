-- uses: base
-- A worker that starts says what an engine's settings allow.
--
-- ARGV 3 engine · 4 … field, value, …
-- An engine that is new, or whose settings changed, begins as a well one. Any other may be tried again now,
-- as its operator may have mended it, and all that was known against it stands until it draws: an engine
-- that was out has one trial, and stays out if that fails.

local engine, changed = key('engine', ARGV[3]), false
redis.call('SADD', key('engines'), ARGV[3])
for i = 4, #ARGV, 2 do
    if redis.call('HGET', engine, ARGV[i]) ~= ARGV[i + 1] then
        redis.call('HSET', engine, ARGV[i], ARGV[i + 1])
        changed = true
    end
end
redis.call('HSET', engine, 'paused_until', '0')
if changed then redis.call('HSET', engine, 'state', 'ok', 'why', '', 'fails', '0', 'busy', '0', 'struck', '') end
