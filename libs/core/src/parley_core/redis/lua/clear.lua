-- A new epoch without log and checkpoints; the message ids stay known and the seq goes on, so a
-- repeat is still a repeat and no reader takes the clear for a hole. Ends the mail item that asked.
--
-- KEYS 1-10 the session's (lib/session), 11 leases
-- ARGV 1 session, 2 token, 3 turn, 4 nonce of the new epoch, 5 publish verb, 6 channel
-- Reply: {'ok'} | {'stale'} not the token | {'ended'} the turn is not the mailbox's head
-- By: conversation. A repeat is known by its turn and changes nothing.
-- include: now
-- include: session
-- include: turn
-- include: open_turn
local turn = ARGV[3]
local meta = redis.call('HMGET', KEYS[1], 'epoch', 'seq', 'id', 'last', 'last_token')
if meta[4] == turn and meta[5] == ARGV[2] then
  return {'ok'}
end
if not meta[1] or redis.call('HGET', KEYS[11], ARGV[1]) ~= ARGV[2] then
  return {'stale'}
end
local head = redis.call('LINDEX', KEYS[4], 0)
if not head or string.sub(head, 1, #turn + 1) ~= turn .. '\n' then
  return {'ended'}
end

local epoch, seq, id = string.format('%d', now) .. '-' .. ARGV[4], meta[2], meta[3]
redis.call('DEL', KEYS[2], KEYS[5], unpack(KEYS, 7, 10))
redis.call('LPOP', KEYS[4])
redis.call('HDEL', KEYS[11], '!' .. ARGV[1])
redis.call('HDEL', KEYS[1], 'aside', stop_before(turn), unpack(TURN))
redis.call('HSET', KEYS[1], 'epoch', epoch, 'floor', seq, 'floor_id', id, 'active', now,
  'last', turn, 'last_seq', seq, 'last_token', ARGV[2])
local frame = '{"type":"system","session_id":' .. cjson.encode(ARGV[1]) .. ',"epoch":"' .. epoch
  .. '","seq":' .. seq .. ',"id":' .. cjson.encode(id) .. ',"message_id":' .. cjson.encode(turn)
  .. ',"cleared":true}'
tell({verb = ARGV[5], channel = ARGV[6]}, 'live:system', epoch, seq, '-', id, frame)
keep_alive()
return {'ok'}
