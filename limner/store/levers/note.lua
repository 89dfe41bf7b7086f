-- uses: base audit
-- Add a line to the audit trail, for what more than one script does.
--
-- ARGV 3 who · 4 what · 5 field → value after it, a JSON object of strings
--
-- Reads: nothing itself
-- Writes: nothing itself

audit(ARGV[3], ARGV[4], {}, cjson.decode(ARGV[5]))
return 1
