-- Sessions of one partition that have work, for a worker with room: expired leases go back to
-- ready first.
--
-- A lease expires only by time in which Redis could be reached: if the partition's last sweep is
-- longer ago than workers ever wait, Redis (or every worker) was away, and every lease is extended.
--
-- KEYS 1 ready, 2 leased, 3 leases, 4 fence, 5 sweep, 6 barred, 7 the process's last claim
-- ARGV 1 process, 2 nonce, 3 room, 4 life of a lease in ms, 5 the longest time between sweeps in ms
--      6 for how long a claim is remembered, in ms
-- Reply: {'ok', session, token, session, token ...} | {'barred', ms until it may claim}
-- By: conversation. A repeat with the nonce returns what the first call claimed and still holds.
-- In leases, '!<session>' remembers that a lease expired.
-- include: now
local process, nonce, room, life = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])

local swept = tonumber(redis.call('GET', KEYS[5]))
if not swept or now - swept > tonumber(ARGV[5]) then
  for _, session in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
    redis.call('ZADD', KEYS[2], 'GT', now + life, session)
  end
end
redis.call('SET', KEYS[5], now)

local barred = tonumber(redis.call('ZSCORE', KEYS[6], process))
if barred and barred > now then
  return {'barred', barred - now}
end

local reply = {'ok'}
local remembered = redis.call('GET', KEYS[7])
if remembered then
  local claimed = cjson.decode(remembered)
  if claimed[1] == nonce then
    for index = 2, #claimed, 2 do
      if redis.call('HGET', KEYS[3], claimed[index]) == claimed[index + 1] then
        reply[#reply + 1] = claimed[index]
        reply[#reply + 1] = claimed[index + 1]
      end
    end
    return reply
  end
end

for _, session in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', '(' .. string.format('%d', now))) do
  redis.call('ZREM', KEYS[2], session)
  redis.call('HDEL', KEYS[3], session)
  redis.call('HSET', KEYS[3], '!' .. session, 1)
  redis.call('ZADD', KEYS[1], 'NX', now, session)
end

local claimed = {nonce}
for _, session in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, room)) do
  local token = redis.call('INCR', KEYS[4]) .. ':' .. process .. ':' .. nonce
  redis.call('ZREM', KEYS[1], session)
  redis.call('HSET', KEYS[3], session, token)
  redis.call('ZADD', KEYS[2], now + life, session)
  reply[#reply + 1], reply[#reply + 2] = session, token
  claimed[#claimed + 1], claimed[#claimed + 2] = session, token
end
if #claimed > 1 then
  redis.call('SET', KEYS[7], cjson.encode(claimed), 'PX', ARGV[6])
end
return reply
