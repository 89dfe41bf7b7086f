-- Places: how many callbacks may be posted at once, so that a bad receiver delays nobody else and one
-- host is not flooded by all clients together. Needs lib_posting, lib_outbox and lib_fates.
--
--   flights:<f>                   ZSET  jobs of one fate being posted → lease until, ms
--   flights:<destination>         ZSET  those of all clients there
--   trials:<destination>          ZSET  of these, those whose fate is not proven
--   parked:<f>                    ZSET  jobs that wait for a place → since, ms
--   parked                        ZSET  the same jobs, of all fates
--   parkedat                      SET   fates with parked jobs
--   line:<destination>            ZSET  clients with a proven fate there that wait for the host → turn
--   strangers:<destination>       ZSET  the other clients that wait for the host → turn
--   rests                         ZSET  sick hosts → when one of these may be let in, ms
--   probation:<poster>            ZSET  jobs in the poster's probation places → lease until, ms
--   probation:<poster>:<client>   ZSET  those of one client
--   lobby                         ZSET  clients whose fates wait for probation → turn
--   lobby:<client>                ZSET  those fates → since, ms
--   turns                         STR   counts the turns
-- A fate has at most CAP flights, and all fates of one host at most twice that. Those that are not
-- proven share a quarter of each poster's threads, the probation places; one client has at most half of
-- them, and so has one host.
--
-- Reads: flights line lobby parked probation strangers trials turns
-- Writes: due flights host line lobby out parked parkedat probation rests strangers trials turns

-- Most clients that one call looks at in a line or the lobby.
local LINE_LOOKS = 20

local function busy(zset)
    redis.call('ZREMRANGEBYSCORE', zset, '-inf', ms(NOW))
    keep_within(zset, LEASE_MS)
    return redis.call('ZCARD', zset)
end

-- How many flights a fate may have.
local function cap_of(fate)
    return (fate.proven and CAP) or (fate.lively and math.min(2, CAP)) or 1
end

local function half_of_places()
    return math.max(1, math.floor(PLACES / 2))
end

local function has_place(client)
    return busy(key('probation', POSTER)) < PLACES
        and busy(key('probation', POSTER, client)) < half_of_places()
end

-- How many more flights the host may have for fates that are proven, or for those that are not.
local function host_room(dest, proven)
    local room = 2 * CAP - busy(key('flights', dest))
    if proven or room < 1 then return room end
    room = math.min(room, half_of_places() - busy(key('trials', dest)))
    local sick = sick_until(dest)
    if sick > NOW then return 0 end
    return sick > 0 and math.min(room, 1) or room
end

-- Whether a job holds a place, or one is kept for it since it was let in (unpark).
local function has_place_kept(id, set)
    return number(redis.call('ZSCORE', set, id)) > NOW
end

-- What a job of this fate has to wait for: breaker, turn (others of the fate), host, lobby; or nil.
local function lacks(fate, id)
    if fate.open then return 'breaker' end
    if not (id and has_place_kept(id, key('flights', fate.name))) then
        if busy(key('flights', fate.name)) >= cap_of(fate) then return 'turn' end
        if host_room(fate.dest, fate.proven) < 1 then return 'host' end
    end
    if fate.proven or (id and has_place_kept(id, key('probation', POSTER))) then return nil end
    return not has_place(fate.client) and 'lobby' or nil
end

-- The sets that count a flight.
local function places_of(fate)
    return {key('flights', fate.name), key('flights', fate.dest), key('trials', fate.dest),
        key('probation', POSTER), key('probation', POSTER, fate.client)}
end

-- Note that the poster holds a job of this fate, or will, until `till`.
local function hold(id, fate, till)
    for i, set in ipairs(places_of(fate)) do
        if i > 2 and fate.proven then return end
        redis.call('ZADD', set, ms(till), id)
        redis.call('PEXPIRE', set, ms(LEASE_MS + 60000))
    end
    if sick_until(fate.dest) > 0 then
        redis.call('HSET', key('host', fate.dest), 'tried', ms(NOW))
        redis.call('ZADD', key('rests'), ms(NOW + SICK_GAP_MS), fate.dest)
    end
end

-- Release a job's place; if it is still being posted, only what proven fates do not need.
local function let_go_of(id, fate, still_posted)
    for i, set in ipairs(places_of(fate)) do
        if i > 2 or not still_posted then redis.call('ZREM', set, id) end
    end
end

-- Later than all that were given. If the count is lost, it goes on from the time, which is further than any count.
local function next_turn()
    local turn = redis.call('INCR', key('turns'))
    if turn > 1 then return turn end
    redis.call('SET', key('turns'), ms(NOW))
    return ms(NOW)
end

local function line_of(fate)
    return key(fate.proven and 'line' or 'strangers', fate.dest)
end

-- Queue a fate with parked jobs for what it lacks; from there it will be let in again.
local function queue_up(fate, lack)
    if lack == 'host' then
        -- By serve_host.
        redis.call('ZADD', line_of(fate), 'NX', next_turn(), fate.client)
        -- So that the turn of a client whose records are lost expires.
        redis.call('PEXPIRE', line_of(fate), ms(HOST_KEPT_MS))
        local sick = sick_until(fate.dest)
        if sick > NOW then redis.call('ZADD', key('rests'), ms(sick), fate.dest) end
    elseif lack == 'lobby' then
        -- By serve_lobby.
        redis.call('ZADD', key('lobby', fate.client), 'NX', ms(NOW), fate.name)
        redis.call('ZADD', key('lobby'), 'NX', number(redis.call('GET', key('turns'))), fate.client)
    end
    -- Behind a breaker: by outbox_tick, when its time is over. For a turn: by refill, when one of the
    -- fate's own flights ends.
end

local function park(id, fate, lack)
    redis.call('ZADD', key('parked', fate.name), ms(NOW), id)
    redis.call('ZADD', key('parked'), ms(NOW), id)
    redis.call('SADD', key('parkedat'), fate.name)
    redis.call('HSET', key('out', id), 'parked', fate.name)
    redis.call('ZREM', key('due'), id)
    queue_up(fate, lack)
end

-- Let in up to `count` jobs of a fate, longest waiting first, each to a place reserved for it.
local function unpark(fate, most)
    keep_within(key('parked', fate.name), 0)
    for _, id in ipairs(redis.call('ZRANGE', key('parked', fate.name), 0, most - 1)) do
        hold(id, fate, NOW + HOLD_MS)
        unpark_one(id, fate.name)
    end
end

-- Let in one job of a fate, or have the fate wait for what it lacks; returns whether one was let in.
local function admit(fate)
    if redis.call('EXISTS', key('parked', fate.name)) == 0 then return false end
    local lack = lacks(fate)
    if lack then
        queue_up(fate, lack)
        return false
    end
    unpark(fate, 1)
    return true
end

local function serve_line(line, dest, proven, most)
    if redis.call('EXISTS', line) == 0 then return end
    local room = math.min(most, host_room(dest, proven))
    for _ = 1, LINE_LOOKS do
        local client = room > 0 and redis.call('ZPOPMIN', line)[1]
        if not client then return end
        if admit(condition(client, dest)) then room = room - 1 end
    end
end

-- Let in up to `most` clients that wait for a host, in turn, as far as it has room.
local function serve_host(dest, most)
    serve_line(key('line', dest), dest, true, most)
    serve_line(key('strangers', dest), dest, false, most)
end

-- Let at most `most` jobs out of the lobby: clients take turns, and so do the fates of each.
local function serve_lobby(most)
    if most < 1 then return end
    local looks = LINE_LOOKS
    for _, client in ipairs(redis.call('ZRANGE', key('lobby'), 0, LINE_LOOKS - 1)) do
        local waits = key('lobby', client)
        keep_within(waits, 0)
        while looks > 0 and has_place(client) do
            looks = looks - 1
            local name = redis.call('ZPOPMIN', waits)[1]
            if not name then break end
            local fate = condition_named(name)
            if fate and admit(fate) then
                most = most - 1
                redis.call('ZADD', key('lobby'), next_turn(), client)
                break
            end
        end
        if redis.call('EXISTS', waits) == 0 then redis.call('ZREM', key('lobby'), client) end
        if most < 1 then return end
    end
end

-- Let in more jobs of a fate, as far as there are places, behind the clients that wait for the host.
local function refill(fate)
    if fate.open or redis.call('EXISTS', key('parked', fate.name)) == 0 then return end
    local free = cap_of(fate) - busy(key('flights', fate.name))
    if free < 1 then return end
    local room = redis.call('EXISTS', line_of(fate)) == 0 and host_room(fate.dest, fate.proven) or 0
    if room < 1 then
        queue_up(fate, 'host')
    elseif fate.proven then
        unpark(fate, math.min(free, room))
    else
        queue_up(fate, 'lobby')
    end
end
