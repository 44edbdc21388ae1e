-- A turn asks: the question into the log, the input off the mailbox, the turn waiting, the lease
-- released. Nothing is held while people think.
--
-- KEYS 1-10 the session's (lib/session), 11 leases, 12 leased, 13 ready
-- ARGV 1-14 as in lib/finish (7 is 'waiting', 9 is '1')
-- Reply: {'ok', seq} | {'stale'} not the token | {'stopped'} a stop is set
--        | {'ended'} the turn is not open
-- By: conversation. A repeat returns the first reply.
-- include: now
-- include: session
-- include: stamp
-- include: log
-- include: finish
local meta = read_meta()
local first = first_reply(meta)
if first then
  return first
end
if not meta.epoch or redis.call('HGET', KEYS[11], ARGV[1]) ~= ARGV[2] then
  return {'stale'}
end
if meta.stop ~= '' then
  return {'stopped'}
end
if meta.turn ~= ARGV[3] then
  return {'ended'}
end
local open = redis.call('HMGET', KEYS[1], 'counted', 'ckpt', 'base')
local reply = finish(meta)
redis.call('HSET', KEYS[1], 'turn', ARGV[3], 'attempt', meta.attempt, 'status', 'waiting',
  'counted', open[1] or 0, 'ckpt', open[2] or '', 'base', open[3] or '')
return reply
