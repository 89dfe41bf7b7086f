-- uses: base wrong sessions
-- Enter the console with a token or with a ticket, and begin a session.
--
-- ARGV 3 sha256 of the token ("": it is a ticket) · 4 sha256 of the ticket · 5 sha256 of the new session's secret
--      6 the address that it comes from · 7 most sessions of one holder · 8 ms that one may be idle
--      9 ms that one lasts at most
-- Returns {"in", kind, name} · {"wrong", ms to wait, "1" if the next one will have to wait, "1" if the client
--      is disabled}
--
-- Reads: ticket
-- Writes: ticket tickets

local digest, ticket, id, address = ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local most, idle_ms, kept_ms = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])

local kind, name
if digest ~= '' then
    kind, name = holder_of(digest)
else
    kind, name, digest = unpack(redis.call('HMGET', key('ticket', ticket), 'kind', 'name', 'digest'))
    if kind then redis.call('DEL', key('ticket', ticket), key('tickets', kind, name)) end
end

local open, disabled = false, false
if kind then open, disabled = holds(kind, name, digest) end
if not open then
    local wait, full = wrong_token('console', address)
    return {'wrong', ms(wait), full and '1' or '', disabled and '1' or ''}
end
begin_session(id, kind, name, digest, most, idle_ms, kept_ms)
return {'in', kind, name}
