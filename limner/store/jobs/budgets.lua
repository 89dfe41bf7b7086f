-- uses: base budgets
-- What a client has used of its budgets.
--
-- ARGV 3 client
-- Returns {drawings accepted today, in this month, what was spent or is reserved today, in this month}
--
-- Reads: nothing itself
-- Writes: nothing itself

local used = budgets_used(ARGV[3])
return {ms(used.day.used), ms(used.month.used), ms(used.day.spent), ms(used.month.spent)}
