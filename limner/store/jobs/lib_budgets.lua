-- A client's budgets: how many drawings it may ask for in a day and in a month, and what they may cost, by the
-- calendar in UTC. A drawing counts, and so does what it costs, in the day and the month in which it was accepted.
-- Needs lib_base.
--
--   budget:<client>  HASH  day, month: their first days, counted from 1970; day_used, month_used: drawings
--                          accepted in them, while a budget of drawings is set; day_spent, month_spent: what the jobs
--                          accepted in them have cost, and what is reserved for them (lib_pay.lua)
--
-- Reads: budget
-- Writes: budget

local DAY_MS = 86400000
local BUDGET_KEPT_MS = 32 * DAY_MS
local MONTHS = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

local function is_leap(year)
    return year % 4 == 0 and (year % 100 ~= 0 or year % 400 == 0)
end

-- The first day of a day's month, and of the month after it.
local function month_around(day)
    local year, first = 1970, 0
    while first + (is_leap(year) and 366 or 365) <= day do
        first = first + (is_leap(year) and 366 or 365)
        year = year + 1
    end
    for i, length in ipairs(MONTHS) do
        if i == 2 and is_leap(year) then length = 29 end
        if first + length > day then return first, first + length end
        first = first + length
    end
end

-- The first days of today's periods, and what was used and spent in each.
local function budgets_used(client)
    local today = math.floor(NOW / DAY_MS)
    local first, after = month_around(today)
    local found = {day = {first = today, after = today + 1}, month = {first = first, after = after}}
    for period, now in pairs(found) do
        local begun, used, spent = unpack(redis.call('HMGET', key('budget', client),
            period, period .. '_used', period .. '_spent'))
        local goes_on = tonumber(begun) == now.first
        now.used, now.spent = goes_on and tonumber(used) or 0, goes_on and tonumber(spent) or 0
    end
    return found
end

-- Whether a budget does not allow one drawing more, of this price: its period ('day', 'month'), of what it is
-- ('used': drawings, 'spent': money) and when the next one begins, ms; or nil. If several do not, the month counts.
-- `most`: '<period>_<of what>' → budget, nil if there is none.
local function budget_spent(client, most, price)
    local periods = budgets_used(client)
    for _, period in ipairs({'month', 'day'}) do
        local now = periods[period]
        local drawings, money = most[period .. '_used'], most[period .. '_spent']
        if drawings and now.used >= drawings then return period, 'used', now.after * DAY_MS end
        if money and (now.spent >= money or now.spent + price > money) then
            return period, 'spent', now.after * DAY_MS
        end
    end
end

-- Count drawings and money in the periods of the time `at`, as far as these go on; below 0: take them back.
local function book(client, at, drawings, money)
    local day, fields = math.floor(at / DAY_MS), {}
    local firsts = {day = day, month = (month_around(day))}
    for period, now in pairs(budgets_used(client)) do
        if now.first == firsts[period] then
            for field, value in pairs({[period] = now.first,
                [period .. '_used'] = math.max(0, now.used + drawings),
                [period .. '_spent'] = math.max(0, now.spent + money)}) do
                fields[#fields + 1] = field
                fields[#fields + 1] = ms(value)
            end
        end
    end
    if #fields == 0 then return end
    redis.call('HSET', key('budget', client), unpack(fields))
    redis.call('PEXPIRE', key('budget', client), ms(BUDGET_KEPT_MS))
end
