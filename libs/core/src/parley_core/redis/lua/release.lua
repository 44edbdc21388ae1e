-- Hands a session back; it is ready again if mail waits or its turn is to be stopped. An attempt that ended in an exception
-- counts, and the session rests a little longer after each.
--
-- KEYS 1 meta, 2 mail, 3 leases, 4 leased, 5 ready
-- ARGV 1 session, 2 token, 3 '1' if the attempt counts, 4 rest after the first counted attempt in
--      ms, 5 wake channel, 6 partition
-- Reply: {'ok'} | {'stale'} not the token
-- By: conversation. A repeat of a release that took effect is 'ok' until the next claim.
-- include: now
local session, token = ARGV[1], ARGV[2]
local current = redis.call('HGET', KEYS[3], session)
if current ~= token then
  local done = not current and redis.call('HGET', KEYS[1], 'released') == token
  return {done and 'ok' or 'stale'}
end
local open = redis.call('HMGET', KEYS[1], 'turn', 'stop')
local is_open = open[1]
local has_work = redis.call('LLEN', KEYS[2]) > 0 or open[2]
redis.call('HDEL', KEYS[3], session)
redis.call('ZREM', KEYS[4], session)
if not (is_open and has_work) then
  -- That a lease expired counts against the open turn's next attempt, and there will be none.
  redis.call('HDEL', KEYS[3], '!' .. session)
end
if redis.call('EXISTS', KEYS[1]) == 0 then
  return {'ok'}
end
local rest = 0
if ARGV[3] == '1' and is_open then
  rest = tonumber(ARGV[4]) * redis.call('HINCRBY', KEYS[1], 'counted', 1)
end
redis.call('HSET', KEYS[1], 'released', token)
if has_work then
  redis.call('ZADD', KEYS[5], 'NX', now + rest, session)
  redis.call('PUBLISH', ARGV[5], ARGV[6])
end
return {'ok'}
