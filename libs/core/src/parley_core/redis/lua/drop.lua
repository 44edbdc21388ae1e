-- Deletes a session with all that it has, and tells the edges. The lists of its members are owed the
-- news (list.lua, paid.lua).
--
-- KEYS 1-10 the session's (lib/session), 11 leases, 12 leased, 13 ready, 14 its owner's user hash,
--      15 owed (lib/owed)
-- ARGV 1 session, 2 who asks, '' for a back end, 3 publish verb, 4 channel
-- Reply: {'ok', member ...} | {'refused', code, sentence}
-- By: edge. A repeat finds nothing and is 'ok'.
-- include: now
-- include: owed
local session = ARGV[1]
local owner = redis.call('HGET', KEYS[1], 'owner')
if owner and ARGV[2] ~= '' and owner ~= ARGV[2] then
  return {'refused', 'FORBIDDEN', 'Only its owner may delete a session.'}
end

-- Everything is checked: write.
local reply = {'ok'}
for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
  if string.sub(field, 1, 2) == 'm:' then
    reply[#reply + 1] = string.sub(field, 3)
    owe(15, session, reply[#reply])
  end
end
redis.call('DEL', unpack(KEYS, 1, 10))
redis.call('HDEL', KEYS[11], session, '!' .. session)
redis.call('ZREM', KEYS[12], session)
redis.call('ZREM', KEYS[13], session)
if redis.call('HDEL', KEYS[14], 's:' .. session) == 1 then
  redis.call('HINCRBY', KEYS[14], 'rev', 1)
  if redis.call('HGET', KEYS[14], 'current') == session then
    redis.call('HDEL', KEYS[14], 'current')
  end
end
if owner then
  notify({verb = ARGV[3], channel = ARGV[4]}, 'dropped', '{}')
end
return reply
