-- What comes after a reader's position, or the newest events if the position is not proved, and
-- the live turn: one consistent view, for somebody who is in the session.
--
-- KEYS 1-10 the session's (lib/session)
-- ARGV 1 epoch, 2 seq or '', 3 id of the reader's position; 4 bytes a page, 5 events of a snapshot,
--      6 user
-- Reply: {'ok', role, attachment (lib/attachment)} | {'refused', code, sentence}
-- By: edge. Reads only: a repeat may give a newer view.
-- include: roles
-- include: attachment
local meta = redis.call('HMGET', KEYS[1], 'owner', 'm:' .. ARGV[6])
local role = role_of(meta[1], meta[2], ARGV[6])
if not meta[1] then
  return {'refused', 'SESSION_NOT_FOUND', 'The session has ended.'}
end
if not role then
  return {'refused', 'FORBIDDEN', 'You are not in this session.'}
end
return {'ok', role,
  attachment({epoch = ARGV[1], seq = tonumber(ARGV[2]), id = ARGV[3]}, tonumber(ARGV[4]), ARGV[5])}
