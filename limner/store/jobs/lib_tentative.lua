-- Jobs that replicas must have before they are accepted (LIMNER_REDIS_REPLICAS). Needs lib_moves and lib_turns.
--
-- Such a job is tentative first: it has its record and is in its client's indexes, but it has no status, no place in
-- its lane and no message. So nothing draws, ends or tells it. Then it is taken up, once enough replicas have it, or by
-- whoever asks for it, or by the sweep; or it is withdrawn, by the request that made it and by nobody else. The two are
-- told apart by the record alone, so whichever script runs first decides. docs/decisions/0012 says why.
--
--   tentative  ZSET  tentative jobs → since when, ms; their records have a field of that name, a JSON object:
--                    picked, lane, message, ends (when it is given up, ms), mark (to set on its parent): what is left
--                    to do · budgeted, asked or tried (its key in idem or tries), took (mark set on its parent):
--                    what to undo · call: which call made it and may undo it
--
-- Reads: job tentative
-- Writes: <lane> deadlines job tentative

-- Longer than a request waits for Redis (limner/store/waits.py): the one that made the job has ended.
local TENTATIVE_MS = 3000

local function has_mark(marks, mark)
    return string.find(' ' .. (marks or '') .. ' ', ' ' .. mark .. ' ', 1, true) ~= nil
end

-- Mark a job that another one follows up, if it is still there.
local function set_mark(parent, mark)
    local status, marks = unpack(redis.call('HMGET', job_key(parent), 'status', 'marks'))
    if status and not has_mark(marks, mark) then
        redis.call('HSET', job_key(parent), 'marks', marks and marks .. ' ' .. mark or mark)
    end
end

-- Do what is left of a job's acceptance. `fields`: of a record that is not written yet.
local function take_up(id, plan, fields)
    move(id, plan.picked and 'picked' or 'accepted', fields)
    if plan.mark then set_mark(redis.call('HGET', job_key(id), 'parent'), plan.mark) end
    if plan.picked then return end
    if plan.ends then redis.call('ZADD', key('deadlines'), plan.ends, id) end
    count('accepted', plan.lane)
    for _, lane in ipairs(LANES) do
        -- The broker's list: kombu pushes at the left and workers pop at the right.
        if lane == plan.lane then redis.call('LPUSH', lane, plan.message) end
    end
end

-- Take up a job if it is tentative.
local function settle(id)
    local plan = redis.call('HGET', job_key(id), 'tentative')
    redis.call('ZREM', key('tentative'), id)
    if not plan then return end
    redis.call('HDEL', job_key(id), 'tentative')
    take_up(id, cjson.decode(plan))
end

-- Take up the jobs whose requests have ended without saying what becomes of them, so many at a time. A caller may have
-- been told that such a job is accepted: a failover can lose what came after that.
local function settle_left(most)
    keep_within(key('tentative'), 0)
    local left = redis.call('ZRANGEBYSCORE', key('tentative'), '-inf', ms(NOW - TENTATIVE_MS), 'LIMIT', 0, most)
    for _, id in ipairs(left) do settle(id) end
end
