-- Whose turn it is: the order of a lane's waiting jobs that no worker holds. Needs lib_base.
--
-- Start-time fair queueing by client. Each lane has a virtual time. A client's first job starts at a tag: the
-- virtual time when the client began to wait, or where its former jobs ended, whichever is later. The job with
-- the smallest tag is picked; of equal ones that of the client with the larger share, then the one accepted
-- first. The virtual time becomes its tag, and the client's next job starts there plus cost/share. So of clients
-- that always wait each gets its share, a newcomer is next at once, nobody saves up, and one client alone is
-- first come, first served.
--
-- Equal tags are no rare case: all clients that came while the virtual time stood still have one. By place
-- alone, the starts of clients of shares 1, 2 and 4 would depart from these by more than one, so whoever is due
-- more often goes first. Among clients of one share it is first come, first served, however many they are.
--
-- A job costs 1: what a plain drawing of four cells costs. Once it is known how long its kind takes in this lane,
-- it costs as many times more, or less, in 64ths: rounding of other fractions would make equal tags differ.
--
-- A job that was picked has a turn, a number. If it comes back, it goes before all that have none.
--
--   queue:<lane>:<client>  ZSET  a client's jobs that were never picked → their places
--   turns:<lane>           ZSET  "<1/share, millionths> <place of its first job> <client>", of each client with a
--                                queue → its tag
--   heads:<lane>           HASH  client → its member of turns
--   ends:<lane>            HASH  client → the tag at which its picked jobs end, while that is ahead
--   virtual:<lane>         HASH  tag: the virtual time; turn: the last turn given
--   back:<lane>            ZSET  jobs that came back → their turns
--   pace:<lane>            HASH  how long it takes from one start to the next while jobs wait: mean, ms, over the
--                                last starts, and how many these were; last start, ms; waited: jobs waited then
--   costs:<lane>           HASH  kind of drawing → how long it takes: mean, ms, over the last ones, and how many
--                                these were
-- All but the pace and the costs is made again from the waiting jobs' records, or from the rest of these keys, if
-- it is lost: sweep.lua, mend.lua.
--
-- Reads: back client costs ends heads holds job pace queue ready turns virtual waiting
-- Writes: back costs ends heads job pace queue ready turns virtual

local SHARE_LEAST, SHARE_MOST = 0.001, 1000

-- A tag as text: more digits than Lua would write.
local function tag_text(tag)
    return string.format('%.17g', tag)
end

local function share_of(client)
    local share = tonumber(redis.call('HGET', key('client', client), 'share') or '1')
    -- What is no number is not equal to itself.
    if not share or share ~= share or share <= 0 then return 1 end
    return math.min(math.max(share, SHARE_LEAST), SHARE_MOST)
end

-- What a client is named by in turns: of equal tags, the one that is read first goes first.
local function member_of(client, place)
    return string.format('%010.0f %016.0f %s', 1e6 / share_of(client), tonumber(place), client)
end

local function client_of(member)
    return string.match(member, '^%d+ %d+ (.*)$')
end

-- The client's member of turns, or nil: it has no queue. The hash may be lost: then it is the one that the first
-- job of the queue makes.
local function head_of(lane, client)
    local member = redis.call('HGET', key('heads', lane), client)
    if member then return member end
    local first = redis.call('ZRANGE', key('queue', lane, client), 0, 0, 'WITHSCORES')[2]
    member = first and member_of(client, first)
    if not member or not redis.call('ZSCORE', key('turns', lane), member) then return nil end
    redis.call('HSET', key('heads', lane), client, member)
    return member
end

-- The tag of a client's first job, or nil: it has no queue.
local function tag_of(lane, client)
    local member = head_of(lane, client)
    return member and tonumber(redis.call('ZSCORE', key('turns', lane), member) or nil)
end

-- The lane's virtual time. If it is lost, it is at most the smallest tag: newcomers must not begin at 0, and be
-- first until it has caught up.
local function virtual_tag(lane)
    local now = redis.call('HGET', key('virtual', lane), 'tag')
    if now then return tonumber(now) end
    local least = redis.call('ZRANGE', key('turns', lane), 0, 0, 'WITHSCORES')[2]
    if least then redis.call('HSET', key('virtual', lane), 'tag', least) end
    return tonumber(least or '0')
end

-- Where a client's next job starts, if none of its others waits.
local function start_tag(lane, client)
    return math.max(virtual_tag(lane), tonumber(redis.call('HGET', key('ends', lane), client) or '0'))
end

-- The client whose turn it is, and its first job; nil: no queue has a job. Members without a queue are dropped.
local function first_in_turn(lane)
    while true do
        local member = redis.call('ZRANGE', key('turns', lane), 0, 0)[1]
        local client = member and client_of(member)
        if not client then return nil end
        local id = redis.call('ZRANGE', key('queue', lane, client), 0, 0)[1]
        if id then return client, id end
        redis.call('ZREM', key('turns', lane), member)
        if redis.call('HGET', key('heads', lane), client) == member then
            redis.call('HDEL', key('heads', lane), client)
        end
    end
end

-- The client's queue has another first job, or none: it starts at `tag`.
local function head_changed(lane, client, tag)
    local heads, turns = key('heads', lane), key('turns', lane)
    local member = redis.call('HGET', heads, client)
    if member then redis.call('ZREM', turns, member) end
    local first = redis.call('ZRANGE', key('queue', lane, client), 0, 0, 'WITHSCORES')
    if not first[1] then
        redis.call('HDEL', heads, client)
        -- Nobody waits: whoever comes next owes nothing.
        if redis.call('EXISTS', turns) == 0 then redis.call('DEL', key('ends', lane)) end
        return
    end
    member = member_of(client, first[2])
    redis.call('HSET', heads, client, member)
    redis.call('ZADD', turns, tag_text(tag), member)
end

-- Costs.

local PLAIN = 'draw 4'
-- What is not here draws anew.
local COST_KINDS = {upscale = 'upscale', region = 'edit', zoom = 'edit', pan = 'edit', describe = 'describe'}
-- A mean is over about so many drawings; with fewer than COSTS_LEAST it counts for nothing.
local COSTS_OVER, COSTS_LEAST, COST_MOST, COST_STEPS = 20, 5, 16, 64
local TOOK_MOST_MS = 86400000

-- What tells how long a job takes to draw: what is done, and how many pictures it makes.
local function kind_of(id)
    local button, seeds = unpack(redis.call('HMGET', job_key(id), 'draw_type', 'seeds'))
    local _, commas = string.gsub(seeds or '', ',', '')
    return (COST_KINDS[button or ''] or 'draw') .. ' ' .. (commas + 1)
end

-- A kind's mean, ms, and over how many drawings.
local function mean_cost(lane, kind)
    local mean, drawn = string.match(redis.call('HGET', key('costs', lane), kind) or '', '^(%S+) (%d+)$')
    return tonumber(mean or '0'), tonumber(drawn or '0')
end

-- A job of the lane is done after so long.
local function note_cost(id, lane, took_ms)
    if took_ms <= 0 or took_ms > TOOK_MOST_MS then return end
    local kind = kind_of(id)
    local mean, drawn = mean_cost(lane, kind)
    drawn = math.min(drawn + 1, COSTS_OVER)
    redis.call('HSET', key('costs', lane), kind, tag_text(mean + (took_ms - mean) / drawn) .. ' ' .. drawn)
end

local function cost_of(id, lane)
    local plain, plain_drawn = mean_cost(lane, PLAIN)
    if plain_drawn < COSTS_LEAST then return 1 end
    local mean, drawn = mean_cost(lane, kind_of(id))
    if drawn < COSTS_LEAST then return 1 end
    local cost = math.min(math.max(mean / plain, 1 / COST_MOST), COST_MOST)
    return math.floor(cost * COST_STEPS + 0.5) / COST_STEPS
end

-- A new job waits behind its client's others.
local function queue_up(id, lane, client, place)
    local tag = tag_of(lane, client)
    local first = redis.call('ZRANGE', key('queue', lane, client), 0, 0, 'WITHSCORES')
    redis.call('ZADD', key('queue', lane, client), place, id)
    if tag and first[2] and tonumber(first[2]) <= tonumber(place) then return end
    head_changed(lane, client, tag or start_tag(lane, client))
end

-- A job waits no more, or a worker holds it.
local function leave_queue(id, lane, client)
    redis.call('ZREM', key('back', lane), id)
    local tag = tag_of(lane, client)
    if redis.call('ZREM', key('queue', lane, client), id) == 1 then head_changed(lane, client, tag or 0) end
end

-- A new turn, after all that were given. If the count is lost, it goes on after those of the jobs that have one.
local function next_turn(lane)
    local turn = redis.call('HINCRBY', key('virtual', lane), 'turn', 1)
    if turn > 1 then return turn end
    for _, name in ipairs({'ready', 'back'}) do
        turn = math.max(turn, tonumber(redis.call('ZREVRANGE', key(name, lane), 0, 0, 'WITHSCORES')[2] or '0') + 1)
    end
    redis.call('HSET', key('virtual', lane), 'turn', ms(turn))
    return turn
end

-- A worker holds the job: its client pays for it, unless it has before. Returns its turn.
local function give_turn(id, lane, client)
    local turn = redis.call('HGET', job_key(id), 'turn')
    local tag = tag_of(lane, client)
    redis.call('ZREM', key('back', lane), id)
    if redis.call('ZREM', key('queue', lane, client), id) == 1 then
        tag = tag or 0
        local ends = tag + cost_of(id, lane) / share_of(client)
        if tag > virtual_tag(lane) then redis.call('HSET', key('virtual', lane), 'tag', tag_text(tag)) end
        redis.call('HSET', key('ends', lane), client, tag_text(ends))
        head_changed(lane, client, ends)
    end
    if not turn then
        turn = next_turn(lane)
        redis.call('HSET', job_key(id), 'turn', turn)
    end
    return turn
end

-- A job waits again that a worker had held: before all that were never picked.
local function come_back(id, lane, client, place)
    local turn = redis.call('HGET', job_key(id), 'turn')
    if turn then
        redis.call('ZADD', key('back', lane), turn, id)
    else
        queue_up(id, lane, client, place)
    end
end

-- Clients that are known to get turns in a lane.
local gets_turns = {}

-- See to it that a waiting job that no worker holds is in its queue, and its client among those that get turns.
local function be_in_queue(id, lane, client, place)
    if redis.call('ZSCORE', key('back', lane), id) then return end
    if not redis.call('ZSCORE', key('queue', lane, client), id) then
        local till, turn = redis.call('ZSCORE', key('holds'), id), redis.call('HGET', job_key(id), 'turn')
        if not till or not turn or tonumber(till) <= NOW then return come_back(id, lane, client, place) end
        -- A worker holds it after all.
        return redis.call('ZADD', key('ready', lane), turn, id)
    end
    local name = lane .. ':' .. client
    if gets_turns[name] then return end
    gets_turns[name] = true
    if not tag_of(lane, client) then head_changed(lane, client, start_tag(lane, client)) end
end

-- Positions.

-- Of how many clients the queues are counted exactly; of further ones as many are assumed on average.
local EXACT_CLIENTS = 16

-- As if all jobs cost 1: with drawings of several kinds, positions are estimates.

-- How many jobs of a client in turns are picked before one of `mine`, a member of it, that starts at `tag`.
local function jobs_before(lane, member, its_tag, mine, tag)
    -- One that starts at the same tag goes first only if it is read first.
    if tag == its_tag then return member < mine and 1 or 0 end
    local other = client_of(member)
    local steps = (tag - its_tag) * share_of(other)
    local whole = math.floor(steps + 1e-9)
    local ties = math.abs(steps - whole) < 1e-9
    if whole == 0 and not ties then return 1 end
    local next = redis.call('ZRANGE', key('queue', lane, other), whole, whole, 'WITHSCORES')[2]
    if not next then return redis.call('ZCARD', key('queue', lane, other)) end
    return whole + ((not ties or member_of(other, next) < mine) and 1 or 0)
end

-- How many of the other clients' jobs are picked before a job that starts at `tag`, accepted at `place`.
local function before_tag(lane, client, tag, place)
    local turns, mine = key('turns', lane), member_of(client, place)
    local rows = redis.call('ZRANGEBYSCORE', turns, '-inf', tag_text(tag), 'WITHSCORES', 'LIMIT', 0, EXACT_CLIENTS)
    local sum, others = 0, 0
    for i = 1, #rows, 2 do
        if client_of(rows[i]) ~= client then
            others = others + 1
            sum = sum + jobs_before(lane, rows[i], tonumber(rows[i + 1]), mine, tag)
        end
    end
    if #rows / 2 < EXACT_CLIENTS then return sum end
    -- The job's own client is counted, too: its first job starts no later.
    local all = redis.call('ZCOUNT', turns, '-inf', tag_text(tag)) - 1
    return math.floor(sum * all / others + 0.5)
end

-- The place of a waiting job in the order in which jobs get slots, from 1.
local function position_of(id, lane, client, place)
    local held = redis.call('ZRANK', key('ready', lane), id)
    if held then return held + 1 end
    local before = redis.call('ZCARD', key('ready', lane))
    local back = redis.call('ZRANK', key('back', lane), id)
    if back then return before + back + 1 end
    before = before + redis.call('ZCARD', key('back', lane))
    local own, tag = redis.call('ZRANK', key('queue', lane, client), id), tag_of(lane, client)
    if not own or not tag then return before + 1 end
    return before + own + before_tag(lane, client, tag + own / share_of(client), place) + 1
end

-- Pace.

-- A start that is ahead of now, as the clock was set back, counts as of now.
local function pace_at_most_now(lane)
    within(key('pace', lane), 'last', redis.call('HGET', key('pace', lane), 'last'), 0)
end

-- The mean is over about so many starts; with fewer than PACE_LEAST nothing is said.
local PACE_OVER, PACE_LEAST, PACE_MOST_MS = 20, 5, 3600000

-- A job of the lane starts: count the time since the one before, if this one waited for it.
local function note_pace(lane)
    local pace = key('pace', lane)
    local mean, starts, last, waited = unpack(redis.call('HMGET', pace, 'mean', 'starts', 'last', 'waited'))
    mean, starts, last = tonumber(mean or '0'), tonumber(starts or '0'), tonumber(last or '0')
    if waited == '1' and last <= NOW then
        local took = math.min(NOW - last, PACE_MOST_MS)
        starts = math.min(starts + 1, PACE_OVER)
        mean = mean + (took - mean) / starts
    end
    redis.call('HSET', pace, 'mean', tag_text(mean), 'starts', starts, 'last', ms(NOW),
        'waited', redis.call('ZCARD', key('waiting', lane)) > 0 and 1 or 0)
end

-- In how many ms a job at a position may start, or nil: too few were started to say.
local function starts_in(lane, position)
    local mean, starts = unpack(redis.call('HMGET', key('pace', lane), 'mean', 'starts'))
    if tonumber(starts or '0') < PACE_LEAST then return nil end
    return math.floor(position * tonumber(mean) + 0.5)
end

-- What is told of where a waiting job stands: its position, how many of its client's own go before it, and in
-- how many ms it may start ("": not known).
local function standing(id, lane, client, place)
    local position = position_of(id, lane, client, place)
    local own = redis.call('ZRANK', key('queue', lane, client), id) or 0
    return {position, own, starts_in(lane, position) or ''}
end
