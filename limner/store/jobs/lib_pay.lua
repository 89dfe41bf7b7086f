-- What drawings cost, in millionths of the operator's currency. Needs lib_base, lib_budgets, lib_health and
-- lib_engines.
--
-- In a job's record: reserved, what its next end may cost: until it is granted, the dearest price of the engines that
-- may draw it, if its client has a budget of money; then its engine's price. spent: what its drawings have cost so far.
-- In the counters (numbers): spent, by client and engine.
--
-- A drawing that was handed over to its engine costs what its host says, else the price; also if nobody will hear of
-- its end. One whose failure the engine told costs what it says that it does, else nothing.
--
-- Reads: job
-- Writes: job numbers

-- The dearest price of the engines that may draw such a job; 0: none has a price.
local function dearest(lane, client, needs)
    local most = 0
    for _, name in ipairs(engine_names()) do
        local engine = engine_of(name)
        if (engine.price or 0) > most and (engine[lane .. '_slots'] or 0) > 0 and suits(engine, needs, client) then
            most = engine.price
        end
    end
    return most
end

-- Reserve this much for a job from now on, instead of what was.
local function reserve(id, money)
    local client, created, before = unpack(redis.call('HMGET', job_key(id), 'client', 'created_ms', 'reserved'))
    before = tonumber(before or '0')
    if money == before then return end
    if money == 0 then
        redis.call('HDEL', job_key(id), 'reserved')
    else
        redis.call('HSET', job_key(id), 'reserved', ms(money))
    end
    book(client, tonumber(created), 0, money - before)
end

-- A job's drawing has ended, or nobody will hear of its end: count what it cost. `said`: what its host says; '': it
-- does not say.
local function spend(id, said)
    local client, engine, created, handle, reserved =
        unpack(redis.call('HMGET', job_key(id), 'client', 'engine', 'created_ms', 'handle', 'reserved'))
    local money = tonumber(said)
    if not money then
        if not handle or not reserved then return end
        money = tonumber(reserved)
    end
    -- Of an engine without a price, it is no news that a failure is free.
    if money == 0 and not reserved then return end
    redis.call('HINCRBY', job_key(id), 'spent', ms(money))
    if money == 0 then return end
    redis.call('HINCRBY', key('numbers'), table.concat({'spent', client, engine or ''}, '|'), ms(money))
    book(client, tonumber(created), 0, money)
end
