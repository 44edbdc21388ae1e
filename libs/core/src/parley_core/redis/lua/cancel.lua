-- Asks a turn to stop, and tells its worker. One that only waits, for an answer or for its turn, is
-- closed by whoever takes the session next.
--
-- KEYS 1 meta, 2 mail, 3 leases, 4 ready
-- ARGV 1 session, 2 turn or '' for the open one, or else the next, 3 wake channel, 4 partition
--      5 user
-- Reply: {'ok', turn} | {'ended'} no such turn is open or queued | {'refused', code, sentence}
-- By: edge. A repeat tells the worker again; a stop that is set stays as it is.
-- include: now
-- include: turn
-- include: roles
local session, turn = ARGV[1], ARGV[2]

-- The mailbox is short: 100 inputs at most.
local function queued()
  for _, mail in ipairs(redis.call('LRANGE', KEYS[2], 0, turn == '' and 0 or -1)) do
    local id = string.match(mail, '^[^\n]*')
    if turn == '' or id == turn then
      return id
    end
  end
end

local meta = redis.call('HMGET', KEYS[1], 'epoch', 'turn', 'owner', 'm:' .. ARGV[5])
local open = meta[2]
if not meta[1] then
  return {'ended'}
end
if not may_write(role_of(meta[3], meta[4], ARGV[5])) then
  return {'refused', 'FORBIDDEN', 'You may not stop the agent in this session.'}
end
if open and (turn == '' or turn == open) then
  redis.call('HSETNX', KEYS[1], 'stop', 'cancel')
  redis.call('PUBLISH', ARGV[3], 'stop ' .. session .. ' ' .. open)
  if redis.call('HEXISTS', KEYS[3], session) == 0 then
    redis.call('ZADD', KEYS[4], 'NX', now, session)
    redis.call('PUBLISH', ARGV[3], ARGV[4])
  end
  return {'ok', open}
end
local next_turn = queued()
if not next_turn then
  return {'ended'}
end
redis.call('HSETNX', KEYS[1], stop_before(next_turn), 'cancel')
return {'ok', next_turn}
