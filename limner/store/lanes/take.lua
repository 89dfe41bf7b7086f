-- uses: base levers health engines halts domain spool outbox turns moves budgets pay lanes granting taking
-- A worker took a job's message, or asks again: hold the job, and give it a slot if one is free.
--
-- ARGV 8 job id · 9 token of this attempt · 10 worker id · 11 "1": the worker submits at once
-- Returns {"granted", the record, unsent, how many submissions came before ("": this one is not counted
--   yet, see begin)} · {"held" by another or "gone" (drop the message), "", unsent} · {"wait", ms until it
--   may be worth asking again ("" = when told), unsent, "1" if others need not wait behind this job: an
--   engine that does not suit it has room, or one that came back has a slot of its own}
--
-- Reads: nothing itself
-- Writes: nothing itself

reap()
return take_job(ARGV[8], ARGV[9], ARGV[10], ARGV[11] == '1')
