-- The end of one connection of a user: off `online`, its device seen just now, and the user leaving
-- if it was the last one.
--   keys: {online, leaving, user}

-- Device ids are a client's choice, so only the newest that left are remembered.
local DEVICES = 32

local function forget_oldest_devices(hash)
  local fields, left = redis.call('HGETALL', hash), {}
  for index = 1, #fields, 2 do
    if string.sub(fields[index], 1, 2) == 'd:' then
      left[#left + 1] = {fields[index], tonumber(fields[index + 1])}
    end
  end
  table.sort(left, function(a, b)
    return a[2] > b[2] or (a[2] == b[2] and a[1] < b[1])
  end)
  for index = DEVICES + 1, #left do
    redis.call('HDEL', hash, left[index][1])
  end
end

local function saw(hash, device)
  if redis.call('HSET', hash, 'd:' .. device, now) == 1 then
    forget_oldest_devices(hash)
  end
  redis.call('HSET', hash, 'last_seen', now)
  redis.call('PEXPIRE', hash, USER_LIFE)
end

-- What takes away comes last: Redis refuses only what adds, and an error is not rolled back.
local function depart(keys, user, connection, grace)
  local online, count = redis.call('HGET', keys.online, connection), redis.call('HLEN', keys.online)
  if online and count == 1 then
    redis.call('ZADD', keys.leaving, now + grace, user)
  elseif count == 0 and redis.call('HGET', keys.user, 'announced') == 'online' then
    -- Redis forgot the connection; those who watch still wait for its end.
    redis.call('ZADD', keys.leaving, 'NX', now + grace, user)
  end
  if online then
    saw(keys.user, string.match(online, '^[^\n]*'))
    redis.call('HDEL', keys.online, connection)
  end
end
