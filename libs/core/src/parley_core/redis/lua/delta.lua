-- A piece of the answer that is being written: onto the live text, and to the edges.
--
-- KEYS 1 meta, 2 live, 3 leases
-- ARGV 1 session, 2 token, 3 turn, 4 attempt, 5 offset and 6 length of the piece in code points,
--      7 the piece, 8 its frame, 9 publish verb, 10 channel
-- Reply: {'ok', the turn's stop or ''} | {'stale'} not the token, or not the open attempt
--        | {'hole', offset expected}
-- By: conversation. A repeat, known by its offset, changes and publishes nothing.
if redis.call('HGET', KEYS[3], ARGV[1]) ~= ARGV[2] then
  return {'stale'}
end
local meta = redis.call('HMGET', KEYS[1], 'epoch', 'seq', 'id', 'turn', 'attempt', 'offset', 'stop')
-- A turn that waits has no offset: nobody writes before it has begun again.
if meta[4] ~= ARGV[3] or meta[5] ~= ARGV[4] or not meta[6] then
  return {'stale'}
end
local offset, expected = tonumber(ARGV[5]), tonumber(meta[6])
if offset > expected then
  return {'hole', expected}
end
if offset == expected then
  redis.call('APPEND', KEYS[2], ARGV[7])
  redis.call('HSET', KEYS[1], 'offset', expected + tonumber(ARGV[6]))
  redis.call(ARGV[9], ARGV[10], 'live:delta ' .. meta[1] .. ' ' .. meta[2] .. ' - ' .. meta[3] .. '\n' .. ARGV[8])
end
return {'ok', meta[7] or ''}
