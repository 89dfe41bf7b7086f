-- uses: base sessions
-- Make a ticket, with which its bearer may enter the console once, as this holder.
--
-- ARGV 3 kind (client, operator) · 4 name · 5 sha256 of the ticket's secret · 6 ms that it is good for
-- Returns 1, or 0: there is no such holder, or it may not enter.
--
-- Reads: tickets
-- Writes: ticket tickets

local kind, name, id, kept_ms = ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[6])
local found = digest_of(kind, name)
if not found then return 0 end

local newest = key('tickets', kind, name)
local before = redis.call('GET', newest)
if before then redis.call('DEL', key('ticket', before)) end
redis.call('SET', newest, id, 'PX', ms(kept_ms))
redis.call('HSET', key('ticket', id), 'kind', kind, 'name', name, 'digest', found)
redis.call('PEXPIRE', key('ticket', id), ms(kept_ms))
return 1
