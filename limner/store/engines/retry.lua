-- uses: base levers health engines audit
-- Try an engine at once, before its pause is over; an operator's command.
--
-- ARGV 3 engine · 4 who
-- Returns "tried" · "open" (it is not paused) · "unknown"
--
-- Reads: nothing itself
-- Writes: nothing itself

if not is_known(ARGV[3]) then return 'unknown' end
if not engine_is_to_be_tried(ARGV[3]) then return 'open' end
audit(ARGV[4], 'engine ' .. ARGV[3], {}, {tried = 'now'})
return 'tried'
