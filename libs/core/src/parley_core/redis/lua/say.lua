-- A frame of a turn that is only live: which node runs, what the graph streams.
--
-- KEYS 1 meta, 2 leases
-- ARGV 1 session, 2 token, 3 the frame's type, 4 the frame, 5 publish verb, 6 channel
-- Reply: {'ok', the turn's stop or ''} | {'stale'} not the token
-- By: conversation. A repeat publishes it again: it is worth no more than that.
if redis.call('HGET', KEYS[2], ARGV[1]) ~= ARGV[2] then
  return {'stale'}
end
local meta = redis.call('HMGET', KEYS[1], 'epoch', 'seq', 'id', 'stop')
if not meta[1] then
  return {'stale'}
end
redis.call(ARGV[5], ARGV[6],
  'live:' .. ARGV[3] .. ' ' .. meta[1] .. ' ' .. meta[2] .. ' - ' .. meta[3] .. '\n' .. ARGV[4])
return {'ok', meta[4] or ''}
