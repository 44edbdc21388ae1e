-- The end of a turn, whatever it is: log frame, mail, turn and lease in one step.
--   KEYS 11 leases, 12 leased, 13 ready
--   ARGV 1 session, 2 token, 3 turn, 4 id of the log frame, 5 its type, 6 the frame without its
--        last brace, 7 status, 8 checkpoint id or '', 9 '1' to release the lease, 10 events kept,
--        11 publish verb, 12 channel, 13 wake channel, 14 partition, 15 '1' if 16 is a new topic
local function head_is(turn)
  local head = redis.call('LINDEX', KEYS[4], 0)
  return head and string.sub(head, 1, #turn + 1) == turn .. '\n'
end

-- The reply of the same call when it came first, if it did: the turn's last end remembers its token.
local function first_reply(meta)
  if meta.last == ARGV[3] and meta.last_token == ARGV[2] then
    return {'ok', tonumber(meta.last_seq)}
  end
end

local function read_meta()
  local values = redis.call('HMGET', KEYS[1], 'epoch', 'seq', 'attempt', 'stop', 'last', 'last_seq',
    'last_token', 'turn', 'kept')
  local is_open = values[8] == ARGV[3]
  return {epoch = values[1], seq = tonumber(values[2]),
    attempt = is_open and tonumber(values[3]) or 1, stop = is_open and values[4] or '',
    last = values[5], last_seq = values[6], last_token = values[7], is_open = is_open,
    kept = values[9]}
end

local function give_back(session, partition, wake)
  redis.call('HDEL', KEYS[11], session)
  redis.call('ZREM', KEYS[12], session)
  if redis.call('LLEN', KEYS[4]) > 0 then
    redis.call('ZADD', KEYS[13], 'NX', now, session)
    redis.call('PUBLISH', wake, partition)
  end
end

-- next_mail: what the turn goes on with before anything else, if it does
local function finish(meta, next_mail)
  local session, token, turn, status = ARGV[1], ARGV[2], ARGV[3], ARGV[7]
  local seq, to = meta.seq + 1, {verb = ARGV[11], channel = ARGV[12]}
  log_event({epoch = meta.epoch, seq = seq, id = ARGV[4], type = ARGV[5], origin = '-',
    frame = ARGV[6], checkpoint = ARGV[8]}, ARGV[10], to)
  -- Another turn may wait for an answer meanwhile.
  if meta.is_open then
    redis.call('HDEL', KEYS[1], unpack(TURN))
    redis.call('DEL', KEYS[5])
  end
  redis.call('HDEL', KEYS[1], stop_before(turn))
  redis.call('HSET', KEYS[1], 'last', turn, 'last_seq', seq, 'last_token', token)
  if ARGV[15] == '1' then
    redis.call('HSET', KEYS[1], 'topic', ARGV[16])
  end
  if head_is(turn) then
    redis.call('LPOP', KEYS[4])
  end
  if next_mail then
    redis.call('LPUSH', KEYS[4], next_mail)
  end
  redis.call('HDEL', KEYS[11], '!' .. session)
  tell(to, 'live:turn', meta.epoch, seq, '-', ARGV[4], turn_frame(turn, meta.attempt, status))
  if ARGV[9] == '1' then
    give_back(session, ARGV[14], ARGV[13])
  end
  keep_new(meta.kept, 2, 4)
  return {'ok', seq}
end
