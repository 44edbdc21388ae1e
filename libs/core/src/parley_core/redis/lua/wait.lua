-- A turn asks: the question into the log, the input off the mailbox, the turn waiting, the lease
-- released. Nothing is held while people think. What was answered while it ran and is still asked
-- wakes it at once.
--
-- KEYS 1-10 the session's (lib/session), 11 leases, 12 leased, 13 ready
-- ARGV 1-14 as in lib/finish (7 is 'waiting', 9 is '1'), 15 '0', 16 '', 17 asks (lib/turn)
-- Reply: {'ok', seq} | {'stale'} not the token | {'stopped'} a stop is set
--        | {'ended'} the turn is not open
-- By: conversation. A repeat returns the first reply.
-- include: now
-- include: session
-- include: stamp
-- include: log
-- include: turn
-- include: open_turn
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
if not meta.is_open then
  return {'ended'}
end
local open = redis.call('HMGET', KEYS[1], 'counted', 'ckpt', 'base', 'answers')
local told, answers, is_answered = cjson.decode(open[4] or '{}'), {}, false
for _, interrupt in ipairs(cjson.decode(ARGV[17])) do
  if told[interrupt] then
    answers[interrupt], is_answered = told[interrupt], true
  end
end
local status = is_answered and 'queued' or 'waiting'
local reply = finish(meta, is_answered and resume_mail(ARGV[3]))
redis.call('HSET', KEYS[1], 'turn', ARGV[3], 'attempt', meta.attempt, 'status', status,
  'counted', open[1] or 0, 'ckpt', open[2] or '', 'base', open[3] or '', 'asks', ARGV[17],
  'answers', cjson.encode(answers))
return reply
