-- Finds or makes a session of its owner, makes it the current one, registers the connection and
-- attaches: one script, so that two first devices get one session.
--
-- Which session that is, and which others there are, the caller has read from the user's hash
-- before; the script changes nothing if that has changed since.
--
-- KEYS 1-10 the session's (lib/session), 11 user, 12 online, 13 the process's connections,
--      then meta and mail of each session in ARGV 14...
-- ARGV 1 session, 2 user, 3 the user's revision that the caller read, '' for none
--      4 connection, 5 device, 6 process, 7 nonce of a new epoch
--      8 epoch, 9 seq or '', 10 id of the reader's position; 11 bytes a page, 12 events of a
--      snapshot, 13 sessions that a user may have, 14... the user's other sessions that are listed
-- Reply: {'ok', existed, attachment (lib/attachment)} | {'changed'} read the user's hash again
--        | {'refused', code, sentence}
-- By: edge. A repeat finds the session that the first call made, and calls it new as well as long as
-- nothing was said in it.
-- include: now
-- include: session
-- include: attachment
-- include: listing
local session, user = ARGV[1], ARGV[2]
local field = 's:' .. session

local known = redis.call('HMGET', KEYS[11], 'rev', 'current', field)
if (known[1] or '') ~= ARGV[3] then
  return {'changed'}
end
local found = redis.call('HMGET', KEYS[1], 'owner', 'opener', 'seq', 'kept')
local owner = found[1]
-- The first call made it, and this one repeats that.
local is_repeat = found[2] == ARGV[4] and found[3] == '0'
if owner and owner ~= user then
  return {'refused', 'FORBIDDEN', 'This session belongs to somebody else.'}
end

local gone, idle, listed = look_at_listed(14, 14)
local full = listed >= tonumber(ARGV[13])
if full and known[3] ~= 'owner' and not idle then
  return {'refused', 'SESSION_LIMIT', 'All of your sessions are busy.'}
end

-- Everything is checked: write.
if not owner then
  -- Remains of a life whose meta is gone must not be taken for this one's.
  redis.call('DEL', unpack(KEYS, 2, 10))
  redis.call('HSET', KEYS[1], 'epoch', string.format('%d', now) .. '-' .. ARGV[7], 'seq', 0, 'id', '',
    'floor', 0, 'floor_id', '', 'owner', user, 'opener', ARGV[4], 'topic', '',
    'reply', 'always', 'created', now, 'active', now)
end
if #gone > 0 then
  redis.call('HDEL', KEYS[11], unpack(gone))
end
if full and known[3] ~= 'owner' then
  redis.call('HSET', KEYS[11], idle, 'archived')
end
if known[3] ~= 'owner' or known[2] ~= session or #gone > 0 then
  redis.call('HSET', KEYS[11], field, 'owner', 'current', session)
  redis.call('HINCRBY', KEYS[11], 'rev', 1)
end
-- One of one's own is the current one now.
redis.call('HDEL', KEYS[11], 'group')
redis.call('HSETNX', KEYS[12], ARGV[4],
  ARGV[5] .. '\n' .. ARGV[6] .. '\n' .. string.format('%d', now))
redis.call('HSET', KEYS[13], ARGV[4], user)
keep_new(found[4])
redis.call('PEXPIREAT', KEYS[11], string.format('%d', now + LIFE))
return {'ok', owner and not is_repeat and 1 or 0,
  attachment({epoch = ARGV[8], seq = tonumber(ARGV[9]), id = ARGV[10]}, tonumber(ARGV[11]), ARGV[12])}
