-- Many fields of a hash at once; Lua can pass some thousand arguments to one call.
local AT_ONCE = 1000

local function in_chunks(prefix, names, use)
  for start = 1, #names, AT_ONCE do
    local fields = {}
    for index = start, math.min(start + AT_ONCE - 1, #names) do
      fields[#fields + 1] = prefix .. names[index]
    end
    use(fields)
  end
end

-- The fields' values in order, false where there is none.
local function read_fields(key, prefix, names)
  local values = {}
  in_chunks(prefix, names, function(fields)
    for _, value in ipairs(redis.call('HMGET', key, unpack(fields))) do
      values[#values + 1] = value
    end
  end)
  return values
end

local function delete_fields(key, prefix, names)
  in_chunks(prefix, names, function(fields)
    redis.call('HDEL', key, unpack(fields))
  end)
end
