-- What a user's own list says of a session of somebody else: a hint, the truth is in the session.
--
-- KEYS 1 user
-- ARGV 1 session, 2 role, '' to take it off, 3 sessions of others that a list names at most, 4 '1' to
--      make it the current one as well
-- Reply: 1 if it is on the list now, else 0
-- By: edge, presence. A repeat changes nothing. Past the bound nothing is put on: whoever is in more
-- sessions opens them by name.
-- include: user
local field = 'g:' .. ARGV[1]
local function count()
  local found = 0
  for _, name in ipairs(redis.call('HKEYS', KEYS[1])) do
    found = found + (string.sub(name, 1, 2) == 'g:' and 1 or 0)
  end
  return found
end

if ARGV[2] == '' then
  redis.call('HDEL', KEYS[1], field)
  if redis.call('HGET', KEYS[1], 'group') == ARGV[1] then
    redis.call('HDEL', KEYS[1], 'group')
  end
  return 0
end
local is_listed = redis.call('HEXISTS', KEYS[1], field) == 1 or count() < tonumber(ARGV[3])
if is_listed then
  redis.call('HSET', KEYS[1], field, ARGV[2])
end
if ARGV[4] == '1' then
  redis.call('HSET', KEYS[1], 'group', ARGV[1])
end
redis.call('PEXPIRE', KEYS[1], USER_LIFE)
return is_listed and 1 or 0
