-- uses: base domain spool budgets
-- Withdraw a tentative job, of which nothing stays; its caller is told so. One that was taken up meanwhile goes on, and
-- so does one that another call made: its caller may have been told that it is accepted (lib_tentative.lua).
--
-- ARGV 3 job id · 4 the call that made it
-- Returns 1: there is no such job, now or before · 0: it is accepted, or may be
--
-- Reads: idem job tries
-- Writes: idem job jobs tag tentative tries waits

local id = ARGV[3]
local plan, client, tag, parent, created, reserved =
    unpack(redis.call('HMGET', job_key(id), 'tentative', 'client', 'tag', 'parent', 'created_ms', 'reserved'))
if not plan then return 1 - redis.call('EXISTS', job_key(id)) end
plan = cjson.decode(plan)
if plan.call ~= ARGV[4] then return 0 end

redis.call('DEL', job_key(id))
redis.call('ZREM', key('tentative'), id)
redis.call('ZREM', key('tag', client, tag), id)
redis.call('ZREM', key('jobs', client), id)
redis.call('SREM', key('waits', client), id)
if plan.tried and redis.call('GET', key('tries', client, plan.tried)) == id then
    redis.call('DEL', key('tries', client, plan.tried))
end
if plan.asked and string.match(redis.call('GET', key('idem', client, plan.asked)) or '', ' (%S+)$') == id then
    redis.call('DEL', key('idem', client, plan.asked))
end
if plan.budgeted or reserved then
    book(client, tonumber(created), plan.budgeted and -1 or 0, -tonumber(reserved or '0'))
end
if plan.took then
    local marks = {}
    for mark in string.gmatch(redis.call('HGET', job_key(parent), 'marks') or '', '%S+') do
        if mark ~= plan.took then marks[#marks + 1] = mark end
    end
    if marks[1] then
        redis.call('HSET', job_key(parent), 'marks', table.concat(marks, ' '))
    else
        redis.call('HDEL', job_key(parent), 'marks')
    end
end
drop_spooled(client, id)
return 1
