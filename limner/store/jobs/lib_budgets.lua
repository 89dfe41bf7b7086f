-- A client's budgets: how many drawings it may ask for in a day and in a month, by the calendar in UTC.
-- Needs lib_base.
--
--   budget:<client>  HASH  day, month: their first days, counted from 1970; day_used, month_used: drawings
--                          accepted in them. Kept only while a budget is set
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

-- The first days of today's periods, and what was used in each.
local function budgets_used(client)
    local today = math.floor(NOW / DAY_MS)
    local day, day_used, month, month_used =
        unpack(redis.call('HMGET', key('budget', client), 'day', 'day_used', 'month', 'month_used'))
    local first, after = month_around(today)
    return {
        day = {first = today, after = today + 1, used = tonumber(day) == today and tonumber(day_used) or 0},
        month = {first = first, after = after, used = tonumber(month) == first and tonumber(month_used) or 0},
    }
end

-- Whether a budget is spent: its period ('day', 'month') and when the next one begins, ms; or nil. If both
-- are, the month counts. `most`: period → budget, nil if there is none.
local function budget_spent(client, most)
    local used = budgets_used(client)
    for _, period in ipairs({'month', 'day'}) do
        if most[period] and used[period].used >= most[period] then return period, used[period].after * DAY_MS end
    end
end

-- Count one drawing.
local function spend_budget(client)
    local used = budgets_used(client)
    redis.call('HSET', key('budget', client), 'day', ms(used.day.first), 'day_used', ms(used.day.used + 1),
        'month', ms(used.month.first), 'month_used', ms(used.month.used + 1))
    redis.call('PEXPIRE', key('budget', client), ms(BUDGET_KEPT_MS))
end

-- Take back one drawing that was counted at a time, if its periods go on.
local function return_to_budget(client, counted)
    local today = math.floor(counted / DAY_MS)
    local month = month_around(today)
    for period, first in pairs({day = today, month = month}) do
        if tonumber(redis.call('HGET', key('budget', client), period)) == first then
            redis.call('HINCRBY', key('budget', client), period .. '_used', -1)
        end
    end
end
