-- uses: base health engines
-- A worker that starts says what an engine's operator has set.
--
-- ARGV 3 engine · 4 … field, value, …
--
-- Reads: nothing itself
-- Writes: nothing itself

engine_registered(ARGV[3], {unpack(ARGV, 4)})
return 1
