-- Says something in a session that is no input of the agent: numbered, logged and published at once.
--
-- KEYS 1 meta, 2 log, 3 ids, 4-10 the rest of the session's (lib/session), 11 rate bucket
-- ARGV 1 message id, 2 the log frame without its last brace, 3 the frame's type, 4 origin
--      5 events kept, 6 ids kept, 7 tokens a second, 8 burst, 9 publish verb, 10 channel
-- Reply: {'ok', seq, epoch, repeated} | {'refused', code, sentence, retry after in ms}
-- By: edge. A repeat of the message id returns the first reply and does nothing else.
-- include: now
-- include: session
-- include: stamp
-- include: log
-- include: bucket
local id = ARGV[1]
local meta = redis.call('HMGET', KEYS[1], 'epoch', 'seq', 'kept')
local epoch, top = meta[1], tonumber(meta[2])
if not epoch then
  return {'refused', 'SESSION_NOT_FOUND', 'There is no such session.'}
end
local known = redis.call('ZSCORE', KEYS[3], id)
if known then
  return {'ok', tonumber(known), epoch, 1}
end
local rate, burst = tonumber(ARGV[7]), tonumber(ARGV[8])
local tokens = tokens_in(KEYS[11], rate, burst)
if tokens < 1 then
  return {'refused', 'RATE_LIMITED', 'Too many notices for this session; slow down.',
    math.ceil((1 - tokens) * 1000 / rate)}
end

-- Everything is checked: write.
local seq = top + 1
log_event({epoch = epoch, seq = seq, id = id, type = ARGV[3], origin = ARGV[4], frame = ARGV[2]},
  ARGV[5], {verb = ARGV[9], channel = ARGV[10]})
keep_tokens(KEYS[11], tokens - 1, rate, burst)
redis.call('ZADD', KEYS[3], seq, id)
redis.call('ZREMRANGEBYRANK', KEYS[3], 0, -(tonumber(ARGV[6]) + 1))
keep_new(meta[3], 2, 3)
return {'ok', seq, epoch, 0}
