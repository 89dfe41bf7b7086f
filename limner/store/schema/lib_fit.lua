-- Whether this Limner may use the data at all: asked by what changes the lanes unasked, and by what takes on work.
-- Processes look at their start; but a newer Limner may bring the data forward while they run. Needs domain.
--
-- Reads: schema
-- Writes: nothing itself

-- The error to answer with where only a newer Limner may use them, else nil. limner/store/connection.py knows it.
local function refuse_newer()
    local oldest = redis.call('HGET', key('schema'), 'readable_from')
    if not oldest or tonumber(oldest) <= SCHEMA then return nil end
    return redis.error_reply('UNFIT Redis holds data that only a Limner of schema ' .. oldest
        .. ' or newer can use, and this one is of schema ' .. SCHEMA .. ': `limner schema` says more')
end
