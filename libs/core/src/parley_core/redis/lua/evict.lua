-- Hands back all that a process holds in one partition. Nothing of it counts as an attempt.
--
-- KEYS 1 leases, 2 leased, 3 ready, 4 the process's last claim
-- ARGV 1 process
-- Reply: how many sessions are ready again
-- By: conversation at shutdown, operator, local supervisor. A repeat finds none.
-- include: now
local process, evicted = ARGV[1], 0
-- What stands here beside the sessions ('!<session>') has no token.
local leases = redis.call('HGETALL', KEYS[1])
for index = 1, #leases, 2 do
  local session, token = leases[index], leases[index + 1]
  if string.match(token, '^%d+:(.*):[^:]+$') == process then
    redis.call('HDEL', KEYS[1], session)
    redis.call('ZREM', KEYS[2], session)
    redis.call('ZADD', KEYS[3], 'NX', now, session)
    evicted = evicted + 1
  end
end
-- Its last claim is not to be repeated; that a lease expired ('!<session>') stays to be counted.
redis.call('DEL', KEYS[4])
return evicted
