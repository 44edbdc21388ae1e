-- An input of a member: numbered, logged, queued for the agent, made ready and published at once.
--
-- KEYS 1-10 the session's (lib/session), 11 leases, 12 ready, 13 rate bucket
-- ARGV 1 session, 2 message id, 3 mail: the message id, a line feed, the input
--      4 the log frame without its last brace, '' for a command: queued, not logged
--      5 the frame's type, 6 origin, 7 user, 8 seq that the client had when it first sent this or ''
--      9 strategy, 10 events kept, 11 ids kept, 12 inputs that may wait
--      13 tokens a second, 14 burst, 15 publish verb, 16 channel, 17 wake channel, 18 partition
-- Reply: {'ok', seq, epoch, repeated} | {'refused', code, sentence, retry after in ms}
-- By: edge. A repeat of the message id returns the first reply and does nothing else.
-- include: now
-- include: session
-- include: stamp
-- include: log
local session, id, frame, user, after, strategy = ARGV[1], ARGV[2], ARGV[4], ARGV[7], ARGV[8], ARGV[9]

local function refused(code, sentence, retry_after)
  return {'refused', code, sentence, retry_after or 0}
end

local meta = redis.call('HMGET', KEYS[1], 'epoch', 'seq', 'id', 'owner', 'turn', 'm:' .. user)
local epoch, top, top_id, turn = meta[1], tonumber(meta[2]), meta[3], meta[5]
if not epoch then
  return refused('SESSION_NOT_FOUND', 'The session has ended.')
end
if meta[4] ~= user and (not meta[6] or meta[6] == 'viewer') then
  return refused('FORBIDDEN', 'You may not write in this session.')
end

local known = redis.call('ZSCORE', KEYS[3], id)
if known then
  return {'ok', tonumber(known), epoch, 1}
end
-- Every id accepted after the client's first try has a higher score than `after`; if ids above it
-- were forgotten, this one may be among them.
if after ~= '' and redis.call('ZCARD', KEYS[3]) >= tonumber(ARGV[11]) then
  local oldest = redis.call('ZRANGE', KEYS[3], 0, 0, 'WITHSCORES')[2]
  if tonumber(oldest) > tonumber(after) then
    return refused('RETRY_TOO_OLD', 'It is too late to tell whether this message was accepted.')
  end
end

local waiting = redis.call('LLEN', KEYS[4])
if waiting >= tonumber(ARGV[12]) then
  return refused('BUSY', 'Too many messages wait for an answer.', 1000)
end
if strategy == 'reject' and (turn or waiting > 0) then
  return refused('BUSY', 'The agent is busy.', 1000)
end

local rate, burst = tonumber(ARGV[13]), tonumber(ARGV[14])
local bucket = redis.call('HMGET', KEYS[13], 'tokens', 'at')
-- After a failover the clock may be behind.
local elapsed = math.max(0, now - tonumber(bucket[2] or now))
local tokens = math.min(burst, tonumber(bucket[1] or burst) + elapsed * rate / 1000)
if tokens < 1 then
  return refused('RATE_LIMITED', 'Too many messages; slow down.', math.ceil((1 - tokens) * 1000 / rate))
end

-- Everything is checked: write.
local seq, to = top + 1, {verb = ARGV[15], channel = ARGV[16]}
if frame ~= '' then
  log_event({epoch = epoch, seq = seq, id = id, type = ARGV[5], origin = ARGV[6], frame = frame},
    ARGV[10], to)
  top, top_id = seq, id
end
redis.call('HSET', KEYS[13], 'tokens', tokens - 1, 'at', now)
redis.call('PEXPIRE', KEYS[13], math.ceil(burst * 1000 / rate) + 1000)
redis.call('ZADD', KEYS[3], seq, id)
redis.call('ZREMRANGEBYRANK', KEYS[3], 0, -(tonumber(ARGV[11]) + 1))
redis.call('RPUSH', KEYS[4], ARGV[3])
tell(to, 'live:turn', epoch, top, '-', top_id, turn_frame(id, 0, 'queued'))
if turn and (strategy == 'interrupt' or strategy == 'rollback') then
  redis.call('HSET', KEYS[1], 'stop', strategy)
  redis.call('PUBLISH', ARGV[17], 'stop ' .. session .. ' ' .. turn)
end
if redis.call('HEXISTS', KEYS[11], session) == 0 then
  redis.call('ZADD', KEYS[12], 'NX', now, session)
  redis.call('PUBLISH', ARGV[17], ARGV[18])
end
keep_alive()
return {'ok', seq, epoch, 0}
