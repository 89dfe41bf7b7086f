-- uses: base levers health engines halts domain spool outbox turns moves budgets pay lanes granting
-- Why a waiting job is not drawn now, engine by engine, by the rules of grants. Changes nothing.
--
-- ARGV 8 job id
-- Returns {engine, word, …}, of engines that living workers have. Words: lacks pinned (the job is for another
--   engine) version (it has no model for it) clients elsewhere (its drawing goes on at another engine) failed (it
--   failed there, and another engine is up) aside (it lets others go first) client_paused lane_paused
--   engine_paused engine_draining (by an operator) no_slots full fast_first rests gap, or "" (it has room for the
--   job)
--
-- Reads: job
-- Writes: nothing itself

local id = ARGV[8]
local lane, worker, engine, prefers =
    unpack(redis.call('HMGET', job_key(id), 'lane', 'worker', 'engine', 'prefers'))
local by_name, names, verdicts = carried(), {}, {}
for _, name in ipairs(engine_names()) do
    if by_name[name] then names[#names + 1] = name end
end
if not lane then return verdicts end

local first = engine or prefers or nil
local kept = kept_at(id, lane, first)
local wish = wish_of(id, lane, worker and engines_of(worker) or names, first)
for _, name in ipairs(names) do
    local word = hindered(name, wish, true)
    if kept then
        word = 'elsewhere'
        if name == first then word = engine_of(name).paused_until > NOW and 'rests' or nil end
    end
    verdicts[#verdicts + 1] = name
    verdicts[#verdicts + 1] = word or ''
end
return verdicts
