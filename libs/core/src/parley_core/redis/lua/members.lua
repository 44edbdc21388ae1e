-- Gives a member a role, or takes membership away. The truth about membership is here, in meta.
--
-- KEYS 1 meta
-- ARGV 1 who asks, 2 member, 3 role: 'member', 'viewer', or '' to remove
-- Reply: {'ok'} | {'refused', code, sentence}
-- By: edge. A repeat changes nothing.
local owner = redis.call('HGET', KEYS[1], 'owner')
if not owner then
  return {'refused', 'SESSION_NOT_FOUND', 'The session has ended.'}
end
if owner ~= ARGV[1] or owner == ARGV[2] then
  return {'refused', 'FORBIDDEN', 'Only its owner may change who is in a session.'}
end
if ARGV[3] == '' then
  redis.call('HDEL', KEYS[1], 'm:' .. ARGV[2])
else
  redis.call('HSET', KEYS[1], 'm:' .. ARGV[2], ARGV[3])
end
return {'ok'}
