-- Gives somebody a role in a session, or takes it away, and tells the edges. The truth about
-- membership is here, in meta; the user's own list is owed the news (list.lua, paid.lua).
--
-- KEYS 1 meta, 2 owed (lib/owed)
-- ARGV 1 session, 2 who asks, '' for a back end, 3 user, 4 role: 'member', 'viewer', or '' to take it
--      away, 5 members that a session may have beside its owner, 6 publish verb, 7 channel
-- Reply: {'ok'} | {'refused', code, sentence}
-- By: edge. A repeat changes nothing.
-- include: now
-- include: owed
local session, asks, user, role = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local meta = redis.call('HMGET', KEYS[1], 'owner', 'm:' .. user, 'members')
local owner, had, count = meta[1], meta[2], tonumber(meta[3] or 0)
if not owner then
  return {'refused', 'SESSION_NOT_FOUND', 'The session has ended.'}
end
local leaves = asks == user and role == ''
if asks ~= '' and asks ~= owner and not leaves then
  return {'refused', 'FORBIDDEN', 'Only its owner may change who is in a session.'}
end
if user == owner then
  return {'refused', 'FORBIDDEN', 'The owner of a session stays its owner.'}
end
if (had or '') == role then
  return {'ok'}
end
if not had and count >= tonumber(ARGV[5]) then
  return {'refused', 'SESSION_LIMIT', 'The session has as many members as it may have.'}
end

-- Everything is checked: write.
owe(2, session, user)
if role == '' then
  redis.call('HSET', KEYS[1], 'members', count - 1)
  redis.call('HDEL', KEYS[1], 'm:' .. user)
else
  redis.call('HSET', KEYS[1], 'm:' .. user, role, 'members', had and count or count + 1)
end
notify({verb = ARGV[6], channel = ARGV[7]}, 'members', cjson.encode({[user] = role}))
return {'ok'}
