-- uses: base levers health engines
-- Everything that operators want to know about the engines, computed as for grants.
--
-- Returns for each engine {name, driver, state, why, what it lacks, its clients, living workers that have it,
--   ms that it rests, halt ("", paused, draining), weight, the settings that are overridden ("field=value …"),
--   slots, leased, free, gap ms, ms until it opens and slots kept until drawings are stored in fast, the same in
--   relaxed}
--
-- Reads: nothing itself
-- Writes: nothing itself

local function settings_under(engine)
    local words = {}
    for _, field in ipairs(OVERRIDES) do
        if engine.configured[field] then words[#words + 1] = field .. '=' .. engine.configured[field] end
    end
    return table.concat(words, ' ')
end

local by_name = carried()
local found = {}
for _, name in ipairs(engine_names()) do
    local engine, workers = engine_of(name), by_name[name] or 0
    local row = {name, engine.driver or '', engine.state or 'ok', engine.why or '', engine.lacks or '',
        engine.clients or '', ms(workers), ms(math.max(0, engine.paused_until - NOW)), engine.halt or '',
        tostring(engine.weight or 1), settings_under(engine)}
    for _, lane in ipairs(LANES) do
        local open = workers > 0 and not engine.halt and not halt_of('lane', lane)
        local free = open and math.max(0, room(engine, lane)) or 0
        local numbers = {engine[lane .. '_slots'] or 0, engine.used[lane], free,
            engine[lane .. '_gap_ms'] or 0, math.max(0, opens(engine, lane) - NOW), slots_storing(name, lane)}
        for _, number in ipairs(numbers) do row[#row + 1] = ms(number) end
    end
    found[#found + 1] = row
end
return found
