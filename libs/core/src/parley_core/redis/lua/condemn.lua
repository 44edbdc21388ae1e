-- The first step of reaping: whatever the process does from now on, its next beat tells it.
--
-- KEYS 1 processes (see beat)
-- ARGV 1 process, 2 '1' to spare it unless it is overdue
-- Reply: 1 condemned, 0 spared
-- By: presence, operator, local supervisor. A repeat changes nothing.
-- include: now
if ARGV[2] == '1' then
  local score = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1]))
  if not score or score > now then
    return 0
  end
end
redis.call('ZADD', KEYS[1], 0, ARGV[1])
return 1
