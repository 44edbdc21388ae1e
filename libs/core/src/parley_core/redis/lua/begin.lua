-- Opens or reopens a turn: a new attempt under a new token, its live text beginning with what the
-- checkpoint already has.
--
-- An attempt before this one counts if its lease expired and the checkpoint has not moved since it
-- began; exceptions were counted by release.
--
-- KEYS 1 meta, 2 live, 3 leases, 4 fence
-- ARGV 1 session, 2 token, 3 process, 4 turn, 5 base text, 6 its length in code points,
--      7 checkpoint id or '', 8 nonce, 9 counted attempts that a turn has, 10 publish verb, 11 channel
-- Reply: {'ok', new token, attempt, exhausted, stop} | {'stale'} not the token
-- By: conversation. A repeat with the nonce returns the first reply.
-- include: now
-- include: session
-- include: turn
local session, token, turn, checkpoint, nonce = ARGV[1], ARGV[2], ARGV[4], ARGV[7], ARGV[8]

local meta = redis.call('HMGET', KEYS[1], 'epoch', 'seq', 'id', 'turn', 'attempt', 'counted', 'ckpt',
  'nonce', 'stop')
local attempt, counted, stop = tonumber(meta[5] or 0), tonumber(meta[6] or 0), meta[9] or ''
local current = redis.call('HGET', KEYS[3], session)
local function begun(by)
  return {'ok', by, attempt, counted >= tonumber(ARGV[9]) and 1 or 0, stop}
end

if not meta[1] or not current then
  return {'stale'}
end
if current ~= token then
  local ours = meta[4] == turn and meta[8] == nonce
    and current == string.match(current, '^%d+:') .. ARGV[3] .. ':' .. nonce
  return ours and begun(current) or {'stale'}
end

local expired = redis.call('HDEL', KEYS[3], '!' .. session) == 1
if meta[4] ~= turn then
  -- A stop was meant for the turn that was open, if it did not name this one.
  attempt, counted = 0, 0
  stop = redis.call('HGET', KEYS[1], stop_before(turn)) or ''
  redis.call('HDEL', KEYS[1], 'stop', 'asks', 'answers', stop_before(turn))
  redis.call('HSET', KEYS[1], 'base', checkpoint)
  if stop ~= '' then
    redis.call('HSET', KEYS[1], 'stop', stop)
  end
elseif expired and meta[7] == checkpoint then
  counted = counted + 1
end
attempt = attempt + 1
local successor = redis.call('INCR', KEYS[4]) .. ':' .. ARGV[3] .. ':' .. nonce
redis.call('HSET', KEYS[3], session, successor)
redis.call('HSET', KEYS[1], 'turn', turn, 'attempt', attempt, 'counted', counted, 'status', 'running',
  'ckpt', checkpoint, 'nonce', nonce, 'offset', ARGV[6])
redis.call('SET', KEYS[2], ARGV[5], 'PX', math.max(1, redis.call('PTTL', KEYS[1])))

local to = {verb = ARGV[10], channel = ARGV[11]}
tell(to, 'live:turn', meta[1], meta[2], '-', meta[3], turn_frame(turn, attempt, 'running'))
if ARGV[5] ~= '' then
  local delta = '{"type":"delta","turn_id":' .. cjson.encode(turn) .. ',"attempt":' .. attempt
    .. ',"offset":0,"text":' .. cjson.encode(ARGV[5]) .. '}'
  tell(to, 'live:delta', meta[1], meta[2], '-', meta[3], delta)
end
return begun(successor)
