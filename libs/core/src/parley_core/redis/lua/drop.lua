-- Deletes a session with all that it has.
--
-- KEYS 1-10 the session's (lib/session), 11 leases, 12 leased, 13 ready, 14 its owner's user hash
-- ARGV 1 session, 2 user
-- Reply: {'ok'} | {'refused', code, sentence}
-- By: edge. A repeat finds nothing and is 'ok'.
local owner = redis.call('HGET', KEYS[1], 'owner')
if owner and owner ~= ARGV[2] then
  return {'refused', 'FORBIDDEN', 'Only its owner may delete a session.'}
end
redis.call('DEL', unpack(KEYS, 1, 10))
redis.call('HDEL', KEYS[11], ARGV[1], '!' .. ARGV[1])
redis.call('ZREM', KEYS[12], ARGV[1])
redis.call('ZREM', KEYS[13], ARGV[1])
if redis.call('HDEL', KEYS[14], 's:' .. ARGV[1]) == 1 then
  redis.call('HINCRBY', KEYS[14], 'rev', 1)
  if redis.call('HGET', KEYS[14], 'current') == ARGV[1] then
    redis.call('HDEL', KEYS[14], 'current')
  end
end
return {'ok'}
