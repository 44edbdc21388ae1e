-- Channel values are shared by checkpoints; the last one that has a value takes it along.
local function release(names)
  for _, name in ipairs(names) do
    if redis.call('HINCRBY', KEYS[4], 'n' .. name, -1) <= 0 then
      redis.call('HDEL', KEYS[4], 'n' .. name, 'b' .. name)
    end
  end
end

local function drop(member)
  local names = redis.call('HGET', KEYS[2], 'r' .. member)
  if names then
    release(cmsgpack.unpack(names))
  end
  delete_fields(KEYS[3], 'w' .. member .. '\0', write_names(member))
  redis.call('HDEL', KEYS[3], 'n' .. member)
  redis.call('HDEL', KEYS[2], 'p' .. member, 'h' .. member, 'r' .. member)
  redis.call('ZREM', KEYS[1], member)
end
