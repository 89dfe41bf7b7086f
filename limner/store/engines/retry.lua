-- uses: base levers health engines
-- Try an engine at once, before its pause is over; an operator's command.
--
-- ARGV 3 engine
-- Returns "tried" · "open" (it is not paused) · "unknown"
--
-- Reads: nothing itself
-- Writes: nothing itself

if not is_known(ARGV[3]) then return 'unknown' end
return engine_is_to_be_tried(ARGV[3]) and 'tried' or 'open'
