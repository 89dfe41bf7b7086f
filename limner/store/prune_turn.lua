-- uses: base
-- Whose turn it is to look through the image store, and what is due: one process at a time.
--
--   pruning             HASH  holder (a process), until (ms: its turn ends then, unless it says that it goes on), and
--                             of each of sweep and fit "<when it was done last, ms> <how long to rest from it, ms>"
--
-- ARGV 3 process · 4 take, keep or leave · 5 how long a turn lasts without a word, ms
--      · 6, 7 of sweep and fit: of a take how often they are done, ms; of a leave the rest ("": it was not done)
-- Returns of a take which of sweep and fit are due, "1" or "0" each: it has the turn if any is; of the others
-- whether it had the turn.
--
-- Reads: pruning
-- Writes: pruning

local PARTS = {'sweep', 'fit'}
local process, what, lasts_ms, turn = ARGV[3], ARGV[4], tonumber(ARGV[5]), key('pruning')
local holder, ends = unpack(redis.call('HMGET', turn, 'holder', 'until'))

local function hold() redis.call('HSET', turn, 'holder', process, 'until', ms(NOW + lasts_ms)) end

if what == 'take' then
    -- One that ends later than any can was taken by another clock.
    local ends_ms = tonumber(ends or '0')
    if holder and holder ~= process and ends_ms > NOW and ends_ms <= NOW + lasts_ms then return {'0', '0'} end
    local due, any = {}, false
    for place, part in ipairs(PARTS) do
        local done, rest = string.match(redis.call('HGET', turn, part) or '', '^(%d+) (%d+)$')
        local waits_ms = math.max(tonumber(ARGV[5 + place]), tonumber(rest or '0'))
        local now = not done or tonumber(done) > NOW or NOW - tonumber(done) >= waits_ms
        due[place] = now and '1' or '0'
        any = any or now
    end
    if any then hold() end
    return due
end
-- Nobody else has taken it since, though it may have ended.
local mine = holder == process
if mine and what == 'keep' then hold() end
if mine and what == 'leave' then
    redis.call('HDEL', turn, 'holder', 'until')
    for place, part in ipairs(PARTS) do
        local rest = ARGV[5 + place]
        if rest ~= '' then redis.call('HSET', turn, part, ms(NOW) .. ' ' .. rest) end
    end
end
return mine and '1' or '0'
