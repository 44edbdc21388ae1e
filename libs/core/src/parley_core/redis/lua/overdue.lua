-- The processes to reap: those that stopped beating, and those whose reaping nobody finished.
--
-- A process expires only by time in which Redis could be reached: if the last look is longer ago
-- than anybody ever waits between two, Redis was away (or nobody looked), and every life is extended.
--
-- KEYS 1 processes (see beat)
-- ARGV 1 life in ms, 2 the longest time between two looks in ms
-- Reply: {process ...}
-- By: presence. A repeat returns the same until they are reaped.
-- include: now
local swept = tonumber(redis.call('ZSCORE', KEYS[1], '@sweep'))
redis.call('ZREM', KEYS[1], '@sweep')
if not swept or now - swept > tonumber(ARGV[2]) then
  for _, process in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '(0', '+inf')) do
    redis.call('ZADD', KEYS[1], 'GT', now + tonumber(ARGV[1]), process)
  end
end
local overdue = redis.call('ZRANGEBYSCORE', KEYS[1], 0, now)
redis.call('ZADD', KEYS[1], now, '@sweep')
return overdue
