-- An input of a member: numbered, logged, queued for the agent, made ready and published at once.
--
-- An answer is kept with the turn that asked, and wakes it; the first valid one wins. While a turn
-- waits, a text closes it as cancelled and runs then; from a plain client it is the answer.
--
-- The session's reply mode says whether a text is for the agent. One that is not is logged and
-- published as not addressed, and does nothing else; the next one that is carries the id of the newest
-- such text before it, and its own seq.
--
-- KEYS 1-10 the session's (lib/session), 11 leases, 12 ready, 13 rate bucket
-- ARGV 1 session, 2 message id, 3 the input, as mail
--      4 the log frame without its last brace, '' for a command: queued, not logged
--      5 the frame's type, 6 origin, 7 user, 8 seq that the client had when it first sent this or ''
--      9 strategy, 10 events kept, 11 ids kept, 12 inputs that may wait
--      13 tokens a second, 14 burst, 15 publish verb, 16 channel, 17 wake channel, 18 partition
--      19 kind of the input, 20 the interrupt that it answers, 21 the answer's JSON: of a text, of
--      any question that is open, if it is to be an answer where there is one, else ''
--      22 '0' if a text does not mention the agent
-- Reply: {'ok', seq, epoch, repeated, 0 if the agent does not answer it} | {'refused', code, sentence, retry after in ms}
-- By: edge. A repeat of the message id returns the first reply and does nothing else.
-- include: now
-- include: session
-- include: stamp
-- include: log
-- include: bucket
-- include: turn
-- include: roles
local session, id, frame, user, after, strategy = ARGV[1], ARGV[2], ARGV[4], ARGV[7], ARGV[8], ARGV[9]

local function refused(code, sentence, retry_after)
  return {'refused', code, sentence, retry_after or 0}
end

local kind, interrupt, value = ARGV[19], ARGV[20], ARGV[21]
local meta = redis.call('HMGET', KEYS[1], 'epoch', 'seq', 'id', 'owner', 'turn', 'm:' .. user,
  'status', 'stop', 'asks', 'answers', 'kept', 'reply', 'aside')
local epoch, top, top_id, turn = meta[1], tonumber(meta[2]), meta[3], meta[5]
local stop = meta[8]
local waits = turn and meta[7] == 'waiting' and not stop
if not epoch then
  return refused('SESSION_NOT_FOUND', 'The session has ended.')
end
local role = role_of(meta[4], meta[6], user)
if not may_write(role) then
  return refused('FORBIDDEN', 'You may not write in this session.')
end
-- It takes away what all have said.
if kind == 'clear' and role ~= 'owner' then
  return refused('FORBIDDEN', 'Only its owner may clear a session.')
end
local mode, aside = meta[12] or 'always', meta[13]
local is_addressed = kind ~= 'text' or mode == 'always' or (mode == 'mentioned' and ARGV[22] ~= '0')

local known = redis.call('ZSCORE', KEYS[3], id)
if known then
  return {'ok', tonumber(known), epoch, 1, 1}
end
-- Every id accepted after the client's first try has a higher score than `after`; if ids above it
-- were forgotten, this one may be among them.
if after ~= '' and redis.call('ZCARD', KEYS[3]) >= tonumber(ARGV[11]) then
  local oldest = redis.call('ZRANGE', KEYS[3], 0, 0, 'WITHSCORES')[2]
  if tonumber(oldest) > tonumber(after) then
    return refused('RETRY_TOO_OLD', 'It is too late to tell whether this message was accepted.')
  end
end

local asked
if turn and not stop and (kind == 'answer' or (waits and value ~= '')) then
  asked = unanswered(meta[9], meta[10], interrupt)
end
if kind == 'answer' and not asked then
  return refused('NO_SUCH_INTERRUPT', 'The agent does not wait for this answer.')
end

local waiting = redis.call('LLEN', KEYS[4])
if is_addressed and waiting >= tonumber(ARGV[12]) then
  return refused('BUSY', 'Too many messages wait for an answer.', 1000)
end
if strategy == 'reject' and is_addressed and not asked and (turn or waiting > 0) then
  return refused('BUSY', 'The agent is busy.', 1000)
end

local rate, burst = tonumber(ARGV[13]), tonumber(ARGV[14])
local tokens = tokens_in(KEYS[13], rate, burst)
if tokens < 1 then
  return refused('RATE_LIMITED', 'Too many messages; slow down.', math.ceil((1 - tokens) * 1000 / rate))
end

-- Everything is checked: write.
local seq, to = top + 1, {verb = ARGV[15], channel = ARGV[16]}
if frame ~= '' then
  frame = is_addressed and frame or frame .. ',"addressed":false'
  log_event({epoch = epoch, seq = seq, id = id, type = ARGV[5], origin = ARGV[6], frame = frame},
    ARGV[10], to)
  top, top_id = seq, id
end
keep_tokens(KEYS[13], tokens - 1, rate, burst)
redis.call('ZADD', KEYS[3], seq, id)
redis.call('ZREMRANGEBYRANK', KEYS[3], 0, -(tonumber(ARGV[11]) + 1))
if not is_addressed then
  redis.call('HSET', KEYS[1], 'aside', id)
  keep_new(meta[11], 2, 3)
  return {'ok', seq, epoch, 0, 0}
end
if asked then
  local answers = cjson.decode(meta[10] or '{}')
  answers[asked] = value
  redis.call('HSET', KEYS[1], 'answers', cjson.encode(answers))
  if waits then
    redis.call('HSET', KEYS[1], 'status', 'queued')
    -- Before what came meanwhile: one turn is open at a time.
    redis.call('LPUSH', KEYS[4], resume_mail(turn))
    tell(to, 'live:turn', epoch, top, '-', top_id,
      turn_frame(turn, redis.call('HGET', KEYS[1], 'attempt'), 'queued'))
  end
else
  local replaces = strategy == 'interrupt' or strategy == 'rollback'
  local head = replaces and not turn and redis.call('LINDEX', KEYS[4], 0)
  local mail = ARGV[3]
  if aside and kind == 'text' then
    mail = string.sub(mail, 1, -2) .. ',"unaddressed":' .. cjson.encode(aside) .. ',"seq":' .. seq .. '}'
  end
  redis.call('RPUSH', KEYS[4], id .. '\n' .. mail)
  tell(to, 'live:turn', epoch, top, '-', top_id, turn_frame(id, 0, 'queued'))
  if turn and not stop and (replaces or (waits and kind == 'text')) then
    redis.call('HSET', KEYS[1], 'stop', replaces and strategy or 'cancel')
    redis.call('PUBLISH', ARGV[17], 'stop ' .. session .. ' ' .. turn)
  elseif head then
    redis.call('HSETNX', KEYS[1], stop_before(string.match(head, '^[^\n]*')), strategy)
  end
end
if redis.call('HEXISTS', KEYS[11], session) == 0 then
  redis.call('ZADD', KEYS[12], 'NX', now, session)
  redis.call('PUBLISH', ARGV[17], ARGV[18])
end
keep_new(meta[11], 2, 3, 4)
return {'ok', seq, epoch, 0, 1}
