-- uses: base levers health engines halts domain spool outbox turns moves budgets pay lanes granting
-- What would become of a job if it were accepted now. Changes nothing.
--
-- ARGV 8 lane · 9 what it needs · 10 its client · 11 the parameters that it asks for (limner/applied.py)
-- Returns {engine ("" = none could draw it), what that engine would apply, as JSON ("" = not known),
--   the position that the job would get}
--
-- Reads: waiting
-- Writes: nothing itself

local lane, needs, client, asked = ARGV[8], ARGV[9], ARGV[10], ARGV[11]
local by_name, best, best_worth = carried(), nil, -1
for _, name in ipairs(engine_names()) do
    local engine = engine_of(name)
    if suits(engine, needs, client) and not is_unsaid(engine, needs) and (engine[lane .. '_slots'] or 0) > 0 then
        -- One that could start the job at once goes before one that could not, and that before a dead one.
        local worth = worth_of(engine, math.max(0, room(engine, lane)), asked)
        if not hindrance(engine, lane) then worth = worth + 2 * FIRST end
        if by_name[name] then worth = worth + 4 * FIRST end
        if worth > best_worth then best, best_worth = name, worth end
    end
end
local applied = best and applied_by(engine_of(best), asked)
return {best or '', applied and cjson.encode(applied) or '', redis.call('ZCARD', key('waiting', lane)) + 1}
