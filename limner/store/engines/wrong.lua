-- uses: base wrong
-- Count a wrong operator's token.
--
-- ARGV 3 where it was tried · 4 address
-- Returns {ms to wait, "1" if the next one will have to wait}
--
-- Reads: nothing itself
-- Writes: nothing itself

local wait, full = wrong_token(ARGV[3], ARGV[4])
return {ms(wait), full and '1' or ''}
