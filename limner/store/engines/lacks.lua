-- uses: base health engines
-- Store what an engine lacks.
--
-- ARGV 3 engine · 4 what it cannot do (limner/engine.py, NEEDS), separated by spaces
-- Returns 1, or 0: there is no such engine.
--
-- Reads: nothing itself
-- Writes: nothing itself

if not is_known(ARGV[3]) then return 0 end
engine_lacks(ARGV[3], ARGV[4])
return 1
