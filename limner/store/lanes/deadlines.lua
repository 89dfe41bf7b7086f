-- uses: base levers health engines halts domain fit spool outbox turns moves budgets pay lanes granting
-- End the jobs whose deadlines have passed, and give their slots to others.
--
-- Returns how many.
--
-- Reads: nothing itself
-- Writes: nothing itself

local newer = refuse_newer()
if newer then return newer end
local passed = pass_deadlines()
if passed > 0 then grant_ready() end
return passed
