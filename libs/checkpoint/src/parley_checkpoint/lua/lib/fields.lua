-- Many fields of a hash at once; Lua can pass some thousand arguments to one call.
local AT_ONCE = 1000

local function in_chunks(list, size, use)
  if #list <= size then
    return #list > 0 and use(list)
  end
  for start = 1, #list, size do
    use({unpack(list, start, math.min(start + size - 1, #list))})
  end
end

-- The fields' values in order, false where there is none. Each field is a prefix and a name.
local function read_fields(key, prefix, names)
  local fields = {}
  for index, name in ipairs(names) do
    fields[index] = prefix .. name
  end
  if #fields > 0 and #fields <= AT_ONCE then
    return redis.call('HMGET', key, unpack(fields))
  end
  local values = {}
  in_chunks(fields, AT_ONCE, function(chunk)
    for _, value in ipairs(redis.call('HMGET', key, unpack(chunk))) do
      values[#values + 1] = value
    end
  end)
  return values
end

-- Takes field, value, field, value and so on.
local function write_fields(key, fields_and_values)
  if #fields_and_values > 0 and #fields_and_values <= 2 * AT_ONCE then
    return redis.call('HSET', key, unpack(fields_and_values))
  end
  in_chunks(fields_and_values, 2 * AT_ONCE, function(chunk)
    redis.call('HSET', key, unpack(chunk))
  end)
end

local function delete_fields(key, prefix, names)
  if #names == 0 then
    return
  end
  local fields = {}
  for index, name in ipairs(names) do
    fields[index] = prefix .. name
  end
  in_chunks(fields, AT_ONCE, function(chunk)
    redis.call('HDEL', key, unpack(chunk))
  end)
end
