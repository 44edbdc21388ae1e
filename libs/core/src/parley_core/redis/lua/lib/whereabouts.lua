-- Where a user is. Somebody without a connection is online until the grace time is over: whoever
-- asks and whoever watches see the same.
--   KEYS 1 user, 2 online, 3 leaving
local function whereabouts(user)
  local connections, hash = redis.call('HGETALL', KEYS[2]), redis.call('HGETALL', KEYS[1])
  local due = tonumber(redis.call('ZSCORE', KEYS[3], user))
  local found = {connections = connections, due = due, left = {},
    online = #connections > 0 or (due ~= nil and due > now)}
  for index = 1, #hash, 2 do
    local field, value = hash[index], hash[index + 1]
    if string.sub(field, 1, 2) == 'd:' then
      found.left[#found.left + 1] = string.sub(field, 3)
      found.left[#found.left + 1] = value
    elseif field == 'last_seen' or field == 'announced' then
      found[field] = value
    end
  end
  return found
end

-- {now, due, last seen, {connection, value ...}, {device, left at ...}}; 0 stands for none.
local function reply_of(found)
  return {now, found.due or 0, tonumber(found.last_seen or 0), found.connections, found.left}
end
