-- Keeps a session alive for another 7 days.
--
-- KEYS 1-10 the session's (lib/session), 11 its owner's user hash
-- Reply: 1, or 0 if the session is gone
-- By: edge, once a day for each attached session. A repeat changes nothing.
-- include: now
-- include: session
local meta = redis.call('HMGET', KEYS[1], 'epoch', 'kept')
if not meta[1] then
  return 0
end
keep_new(meta[2])
redis.call('PEXPIREAT', KEYS[11], string.format('%d', now + LIFE))
return 1
