-- uses: base sessions
-- Begin a session of a holder by name, for whoever may use the store itself: a command on the gateway's machine.
--
-- ARGV 3 kind (client, operator) · 4 name · 5 sha256 of the new session's secret · 6 most sessions of one holder
--      7 ms that one may be idle · 8 ms that one lasts at most
-- Returns 1, or 0: there is no such holder, or it may not enter.
--
-- Reads: nothing itself
-- Writes: nothing itself

local kind, name, id = ARGV[3], ARGV[4], ARGV[5]
local digest = digest_of(kind, name)
if not digest then return 0 end
begin_session(id, kind, name, digest, tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8]))
return 1
