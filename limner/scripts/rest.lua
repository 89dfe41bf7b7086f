-- uses: base
-- A probe asked an engine that had failed how it is: let it rest longer, or have one job try it now.
--
-- ARGV 3 engine · 4 "1": it says that it is well · 5 why not · 6 ms to rest
-- Returns 1, or 0: the engine is not out of rotation.

local engine = key('engine', ARGV[3])
if redis.call('HGET', engine, 'state') ~= 'down' then return 0 end
if ARGV[4] == '1' then
    redis.call('HSET', engine, 'paused_until', '0')
else
    redis.call('HSET', engine, 'why', ARGV[5], 'paused_until', ms(NOW + tonumber(ARGV[6])),
        'pause_ms', ARGV[6])
end
return 1
