-- The tries of a client library that repeats its requests: all are about one job. Needs lib_base and lib_domain.
--
--   tries:<client>:<what tells the request>  STRING  the job that the newest first try made; kept for an hour
--
-- Reads: job tries
-- Writes: nothing itself

-- How long after a job's end its answer may have been lost, and a retry be on its way.
local ANSWER_LOST_MS = 120000

-- Return the job that an earlier try of the same request made, if it goes on or has just ended; else nil.
-- One that was cancelled is no answer: its caller was taken for gone.
local function tried_before(client, request)
    local first = redis.call('GET', key('tries', client, request))
    if not first then return nil end
    local status, tentative, code, finished =
        unpack(redis.call('HMGET', job_key(first), 'status', 'tentative', 'reason_code', 'finished_ms'))
    if not (status or tentative) or code == WHY.cancelled[1] then return nil end
    if (tonumber(finished or NOW) or NOW) < NOW - ANSWER_LOST_MS then return nil end
    return first
end
