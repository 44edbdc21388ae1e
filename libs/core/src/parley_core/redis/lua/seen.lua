-- A device has everything up to a seq. An older value never replaces a newer one, and nothing above
-- the top is believed.
--
-- The owner's devices are kept under their names, those of others under user and device: two people's
-- devices may have one name.
--
-- KEYS 1 meta, 2 seen
-- ARGV 1 device, 2 seq, 3 devices that are remembered of each user, 4 user
-- Reply: {'ok', the seq that counts for the device (not stored if there are too many), or nothing if
--        the session is gone} | {'refused', code, sentence}
-- By: edge. A repeat changes nothing.
-- include: roles
local user = ARGV[4]
local meta = redis.call('HMGET', KEYS[1], 'seq', 'owner', 'm:' .. user)
local top, role = tonumber(meta[1]), role_of(meta[2], meta[3], user)
if not top then
  return {'ok'}
end
if not role then
  return {'refused', 'FORBIDDEN', 'You are not in this session.'}
end
-- A newline is in no name.
local prefix = role == 'owner' and '' or user .. '\n'
local field, seq = prefix .. ARGV[1], math.min(tonumber(ARGV[2]), top)
local stored = tonumber(redis.call('HGET', KEYS[2], field))
if stored and stored >= seq then
  return {'ok', stored}
end

local function count()
  local found = 0
  for _, name in ipairs(redis.call('HKEYS', KEYS[2])) do
    local of = string.match(name, '^.*\n') or ''
    found = found + (of == prefix and 1 or 0)
  end
  return found
end

if stored or count() < tonumber(ARGV[3]) then
  redis.call('HSET', KEYS[2], field, seq)
  redis.call('PEXPIRE', KEYS[2], math.max(1, redis.call('PTTL', KEYS[1])))
end
return {'ok', seq}
