-- uses: base
-- Store these warnings as the ones logged last.
--
-- ARGV 3… "<code>|<subject>" each
-- Returns those that are new and those that are gone, each to one caller only.
--
-- Reads: warned
-- Writes: warned

local came, gone, now = {}, {}, {}
for i = 3, #ARGV do
    now[ARGV[i]] = true
    if redis.call('SADD', key('warned'), ARGV[i]) == 1 then came[#came + 1] = ARGV[i] end
end
for _, name in ipairs(redis.call('SMEMBERS', key('warned'))) do
    if not now[name] then
        redis.call('SREM', key('warned'), name)
        gone[#gone + 1] = name
    end
end
return {came, gone}
