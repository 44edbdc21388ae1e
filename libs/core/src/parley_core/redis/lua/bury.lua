-- The last step of reaping: nothing of the process is left. It is remembered for a while, so that
-- what arrived late from it can be taken away too.
--
-- A process that beat since it was condemned may have registered connections that the reaper then
-- took away: it is condemned again, which its next beat tells it.
--
-- KEYS 1 processes (see beat)
-- ARGV 1 process
-- Reply: 1 buried, 0 condemned again
-- By: presence, operator, local supervisor. A repeat of a burial moves its time.
-- include: now
local score = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1]))
if not score then
  return 1
end
redis.call('ZADD', KEYS[1], score > 0 and 0 or -now, ARGV[1])
return score > 0 and 0 or 1
