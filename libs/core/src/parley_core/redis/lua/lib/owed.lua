-- A user's own list of sessions lies in another partition. What it lacks is owed, until somebody has
-- told it; each debt of one list is younger than the one before it.
--   at: where KEYS has the zset of '<session>\n<user>', its score the time in ms
local function owe(at, session, user)
  local name = session .. '\n' .. user
  local last = tonumber(redis.call('ZSCORE', KEYS[at], name))
  redis.call('ZADD', KEYS[at], string.format('%d', math.max(now, (last or 0) + 1)), name)
end

-- To the edges, on the session's live channel; no frame for clients (domain/changes.py reads it).
local function notify(to, what, body)
  redis.call(to.verb, to.channel, what .. '\n' .. body)
end
