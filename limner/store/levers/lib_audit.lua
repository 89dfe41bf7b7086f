-- The audit trail: what operators changed. Needs lib_base.
--
--   audit   LIST  newest first, each a JSON object: at (ms), who, what, before, after (field → value)
--
-- Reads: nothing itself
-- Writes: audit

local AUDIT_KEPT = 10000

-- Add a line to the audit trail. `before` and `after`: field → value.
local function audit(who, what, before, after)
    local line = cjson.encode({at = NOW, who = who, what = what, before = before, after = after})
    redis.call('LPUSH', key('audit'), line)
    redis.call('LTRIM', key('audit'), 0, AUDIT_KEPT - 1)
end
