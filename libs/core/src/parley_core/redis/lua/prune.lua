-- Takes sessions that are gone off their owner's list.
--
-- KEYS 1 user, then meta of each session in ARGV
-- ARGV sessions that the caller read from KEYS 1
-- Reply: how many were taken off
-- By: presence. A repeat finds none. The revision grows, so that an open which read the list
-- before reads it again.
local pruned = 0
for index, session in ipairs(ARGV) do
  if redis.call('EXISTS', KEYS[index + 1]) == 0 then
    pruned = pruned + redis.call('HDEL', KEYS[1], 's:' .. session)
    if redis.call('HGET', KEYS[1], 'current') == session then
      redis.call('HDEL', KEYS[1], 'current')
    end
  end
end
if pruned > 0 then
  redis.call('HINCRBY', KEYS[1], 'rev', 1)
end
return pruned
