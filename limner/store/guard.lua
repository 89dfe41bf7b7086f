-- uses: base wrong
-- Admit a request or not: which client holds the token, and whether its rate allows the request now.
--
-- ARGV 3 sha256 of the token · 4 the address that it comes from
-- Returns {"wrong", ms to wait, "1" if the next one will have to wait, "1" if the client is disabled}
--       · {ms to wait (0 = admitted), requests left now, ms until all are back, then field, value … of
--         the client}
-- The rate is stored as the time at which the limit is clear again (GCRA); bursts of one second's worth of
-- requests, at least one, are allowed. A refused request does not count.
--
-- Reads: client rate tokens
-- Writes: rate

local name = redis.call('HGET', key('tokens'), ARGV[3])
local client = name and redis.call('HGETALL', key('client', name)) or {}
local record = {}
for i = 1, #client, 2 do record[client[i]] = client[i + 1] end
local disabled = record.disabled and record.disabled ~= ''
if not record.lanes or disabled then
    local wait, full = wrong_token('api', ARGV[4])
    return {'wrong', ms(wait), full and '1' or '', disabled and '1' or ''}
end

local rate = tonumber(record.rate_per_s or '')
local wait, left, back = 0, 0, 0
if rate and rate > 0 then
    local interval = 1000 / rate
    local ahead = (math.max(rate, 1) - 1) * interval
    local caught_up = math.max(tonumber(redis.call('GET', key('rate', name)) or '0'), NOW)
    -- No admitted request can have made it later than that: the clock was set back.
    if caught_up > NOW + ahead + interval then caught_up = NOW + ahead end
    if caught_up - NOW > ahead then
        wait = math.ceil(caught_up - NOW - ahead)
    else
        caught_up = caught_up + interval
        local kept = math.ceil(caught_up - NOW) + 1000
        redis.call('SET', key('rate', name), string.format('%.3f', caught_up), 'PX', ms(kept))
    end
    back = math.max(0, caught_up - NOW)
    if back <= ahead then left = math.floor((ahead - back) / interval) + 1 end
end
return {ms(wait), ms(left), ms(math.ceil(back)), unpack(client)}
