-- A process may not claim sessions of one partition for a while.
--
-- KEYS 1 barred
-- ARGV 1 process, 2 for how long, in ms
-- Reply: until when
-- By: operator, local supervisor, before evict. A repeat bars it a little longer.
-- include: now
local ends = now + tonumber(ARGV[2])
redis.call('ZADD', KEYS[1], 'GT', ends, ARGV[1])
return ends
