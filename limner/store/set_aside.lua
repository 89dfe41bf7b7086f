-- uses: base
-- Store a foreign message for operators to read.
--
-- ARGV 3 queue · 4 why · 5 the entry, JSON · 6 most entries · 7 how long they are kept, ms
--      8 how often such a message is logged, ms
-- Returns how many like it came since the last log line, this one included; 0: no line is due.
--
-- Reads: aside_told
-- Writes: aside aside_last aside_told numbers

local kind = ARGV[3] .. '|' .. ARGV[4]
redis.call('LPUSH', key('aside'), ms(NOW) .. ' ' .. ARGV[5])
redis.call('LTRIM', key('aside'), 0, tonumber(ARGV[6]) - 1)
redis.call('PEXPIRE', key('aside'), ARGV[7])
redis.call('SET', key('aside_last'), ms(NOW), 'PX', ARGV[7])
local total = redis.call('HINCRBY', key('numbers'), 'aside|' .. kind, 1)
local at, told = string.match(redis.call('HGET', key('aside_told'), kind) or '0 0', '^(%d+) (%d+)$')
-- A time in the future was written by a clock that has been set back since.
if tonumber(at) <= NOW and NOW - tonumber(at) < tonumber(ARGV[8]) then return 0 end
redis.call('HSET', key('aside_told'), kind, ms(NOW) .. ' ' .. ms(total))
return total - tonumber(told)
