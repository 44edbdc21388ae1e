-- When the agent answers in a session, from the next text on.
--
-- KEYS 1 meta
-- ARGV 1 who asks, '' for a back end, 2 'always', 'mentioned' or 'never'
-- Reply: {'ok'} | {'refused', code, sentence}
-- By: edge. A repeat changes nothing.
local owner = redis.call('HGET', KEYS[1], 'owner')
if not owner then
  return {'refused', 'SESSION_NOT_FOUND', 'The session has ended.'}
end
if ARGV[1] ~= '' and ARGV[1] ~= owner then
  return {'refused', 'FORBIDDEN', 'Only its owner may say when the agent answers.'}
end
redis.call('HSET', KEYS[1], 'reply', ARGV[2])
return {'ok'}
