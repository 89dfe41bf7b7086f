-- uses: base levers health engines
-- Store what an engine can do.
--
-- ARGV 3 engine · 4 what it cannot do (limner/engine.py, NEEDS), separated by spaces
--      5 what it makes of each parameter (limner/applied.py), "name=level" separated by spaces
-- Returns 1, or 0: there is no such engine.
--
-- Reads: nothing itself
-- Writes: nothing itself

if not is_known(ARGV[3]) then return 0 end
engine_is_able(ARGV[3], ARGV[4], ARGV[5])
return 1
