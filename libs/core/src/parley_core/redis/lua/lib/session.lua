-- What all scripts of a session share. KEYS 1-10 are always the session's own:
--   1 meta, 2 log, 3 ids, 4 mail, 5 live, 6 seen, 7-10 its thread's checkpoints
local HOUR = 3600 * 1000
-- It is looked at once an hour, so that every use is followed by 7 days at least.
local LIFE = 7 * 24 * HOUR + HOUR

-- All keys of a session die together, 7 days after the last activity.
local function keep_alive()
  redis.call('HSET', KEYS[1], 'kept', now)
  local expires = string.format('%d', now + LIFE)
  for index = 1, 10 do
    redis.call('PEXPIREAT', KEYS[index], expires)
  end
end

-- The same for a script that may have made these keys anew; `kept`: when all were looked at last.
local function keep_new(kept, ...)
  kept = tonumber(kept)
  if not kept or now - kept >= HOUR or now < kept then
    return keep_alive()
  end
  local expires = string.format('%d', kept + LIFE)
  for _, index in ipairs({...}) do
    redis.call('PEXPIREAT', KEYS[index], expires)
  end
end

-- A live frame: one header line, then the frame's bytes.
local function tell(to, kind, epoch, seq, origin, id, body)
  redis.call(to.verb, to.channel,
    kind .. ' ' .. epoch .. ' ' .. seq .. ' ' .. origin .. ' ' .. id .. '\n' .. body)
end

local function turn_frame(turn, attempt, status)
  return '{"type":"turn","turn_id":' .. cjson.encode(turn) .. ',"attempt":' .. attempt
    .. ',"status":"' .. status .. '"}'
end
