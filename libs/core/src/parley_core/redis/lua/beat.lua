-- A process's sign of life.
--
-- Scores of processes: above 0 alive until then, 0 condemned (its connections are being taken
-- away), below 0 reaped at that time. '@sweep' is when overdue last looked.
--
-- KEYS 1 processes
-- ARGV 1 process, 2 life in ms, 3 '1' if the process has beaten before
-- Reply: 1 if it was reaped since its last beat and must register its connections anew, else 0
-- By: every service, each 2 s. A repeat keeps it alive and answers 0: who has lost a reply takes
-- it for a 1.
-- include: now
local score = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1]))
redis.call('ZADD', KEYS[1], now + tonumber(ARGV[2]), ARGV[1])
if not score then
  -- Redis has forgotten a process that it knew, so it has forgotten the connections too.
  return tonumber(ARGV[3])
end
return score <= 0 and 1 or 0
