-- Makes a session that is a copy of another one of its owner, up to a log entry that has a
-- checkpoint, and lists it: log and message ids under the same numbers, in an epoch of its own. What
-- waits for an answer, members and read positions stay with the original.
--
-- The caller has copied the checkpoints before, under an id that nobody had; without this script they
-- expire as a session does. As in open.lua it has read the user's list of sessions before.
--
-- KEYS 1-10 the new session's (lib/session), 11 meta, 12 log, 13 ids of the original,
--      14 what this fork has come to, 15 user, 16 rate bucket, then meta and mail of each session in
--      ARGV 12...
-- ARGV 1 session, 2 user, 3 the user's revision that the caller read, '' for none
--      4 the original, 5 seq, 6 the checkpoint id there, 7 nonce of the new epoch
--      8 ms for which a repeat is known, 9 sessions that a user may have, 10 forks a second, 11 burst
--      12... the user's sessions that are listed
-- Reply: {'ok', session, seq} | {'changed'} read the user's hash again
--        | {'gone'} the original has no such entry any more | {'refused', code, sentence, retry after in ms}
-- By: conversation. A repeat is known by KEYS 14, whatever session it brings, and gets the first reply.
-- include: now
-- include: session
-- include: listing
-- include: bucket
local session, user, original = ARGV[1], ARGV[2], ARGV[4]
local last, checkpoint = tonumber(ARGV[5]), ARGV[6]

local source = redis.call('HMGET', KEYS[11], 'owner', 'topic', 'reply', 'floor', 'floor_id', 'aside')
if not source[1] then
  return {'refused', 'SESSION_NOT_FOUND', 'There is no such session.'}
end
if source[1] ~= user then
  return {'refused', 'FORBIDDEN', 'This session belongs to somebody else.'}
end
local first = redis.call('GET', KEYS[14])
if first then
  local made, seq = string.match(first, '^(.*)\n(%d+)$')
  return {'ok', made, tonumber(seq)}
end
if redis.call('EXISTS', KEYS[1]) == 1 then
  return {'refused', 'FORBIDDEN', 'There is such a session already.'}
end
if (redis.call('HGET', KEYS[15], 'rev') or '') ~= ARGV[3] then
  return {'changed'}
end
local entry = redis.call('XRANGE', KEYS[12], last .. '-0', last .. '-0')[1]
if not entry or entry[2][10] ~= checkpoint then
  return {'gone'}
end
local gone, idle, listed = look_at_listed(12, 17)
local full = listed >= tonumber(ARGV[9])
if full and not idle then
  return {'refused', 'SESSION_LIMIT', 'All of your sessions are busy.'}
end
local rate, burst = tonumber(ARGV[10]), tonumber(ARGV[11])
local tokens = tokens_in(KEYS[16], rate, burst)
if tokens < 1 then
  return {'refused', 'RATE_LIMITED', 'Too many forks; slow down.', math.ceil((1 - tokens) * 1000 / rate)}
end

-- Everything is checked: write.

-- In a log frame `session_id` stands before whatever could hold a JSON object of somebody else's, and
-- a quote inside a string is escaped: the first one is the frame's own.
local OLD, NEW = '"session_id":"' .. original .. '"', '"session_id":"' .. session .. '"'
local function renamed(frame)
  local from, to = string.find(frame, OLD, 1, true)
  return from and string.sub(frame, 1, from - 1) .. NEW .. string.sub(frame, to + 1) or frame
end

local function topic_of(frame)
  local topic = cjson.decode(frame).topic
  return type(topic) == 'string' and topic or ''
end

-- Returns the topic at the copy's end. Before the first switch in the log it is not known, unless
-- there is none: then it is still the original's.
local function copy_log()
  local AT_ONCE, from, topic, switched_later = 64, '-', nil, false
  while true do
    local entries = redis.call('XRANGE', KEYS[12], from, '+', 'COUNT', AT_ONCE)
    for _, each in ipairs(entries) do
      local fields = each[2]
      local is_switch = fields[6] == 'system'
      if tonumber(string.match(each[1], '^%d+')) > last then
        switched_later = switched_later or is_switch
      else
        topic = is_switch and topic_of(fields[2]) or topic
        fields[2] = renamed(fields[2])
        redis.call('XADD', KEYS[2], each[1], unpack(fields))
      end
    end
    if #entries < AT_ONCE then
      return topic or (switched_later and '' or source[2])
    end
    from = '(' .. entries[AT_ONCE][1]
  end
end

-- Remains of a life whose meta is gone must not be taken for this one's.
redis.call('DEL', unpack(KEYS, 2, 6))
local topic = copy_log()
redis.call('ZRANGESTORE', KEYS[3], KEYS[13], '-inf', last, 'BYSCORE')
redis.call('HSET', KEYS[1], 'epoch', string.format('%d', now) .. '-' .. ARGV[7], 'seq', last,
  'id', entry[2][4], 'floor', source[4], 'floor_id', source[5], 'owner', user, 'opener', '',
  'topic', topic, 'reply', source[3], 'created', now, 'active', now)
if source[6] then
  -- It may be younger than the copy: then the log there has nothing of the kind.
  redis.call('HSET', KEYS[1], 'aside', source[6])
end
if #gone > 0 then
  redis.call('HDEL', KEYS[15], unpack(gone))
end
if full then
  redis.call('HSET', KEYS[15], idle, 'archived')
end
redis.call('HSET', KEYS[15], 's:' .. session, 'owner')
redis.call('HINCRBY', KEYS[15], 'rev', 1)
redis.call('SET', KEYS[14], session .. '\n' .. ARGV[5], 'PX', ARGV[8])
keep_tokens(KEYS[16], tokens - 1, rate, burst)
keep_alive()
redis.call('PEXPIREAT', KEYS[15], string.format('%d', now + LIFE))
return {'ok', session, last}
