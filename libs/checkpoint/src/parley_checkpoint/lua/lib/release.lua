-- Values and lists that go with the last one that has them.

-- One fewer has the list.
local function release_list(id)
  while id and redis.call('HINCRBY', KEYS[4], 'c' .. id, -1) <= 0 do
    local list = redis.call('HGET', KEYS[4], 'l' .. id)
    redis.call('HDEL', KEYS[4], 'l' .. id, 'c' .. id)
    delete_fields(KEYS[4], '', count(own_elements(list), -1))
    id = begins_as(list)
  end
end

-- `names` begin with their namespace and NUL; one that repeats is released as often.
local function release_values(names)
  local times, order = {}, {}
  for _, name in ipairs(names) do
    if not times[name] then
      times[name] = 0
      order[#order + 1] = name
    end
    times[name] = times[name] + 1
  end
  local fields, gone, large, lists = {}, {}, {}, {}
  for index, packed in ipairs(read_fields(KEYS[4], 'v', order)) do
    local name = order[index]
    local users, record = counted(packed)
    if users > times[name] then
      fields[#fields + 1] = 'v' .. name
      fields[#fields + 1] = users - times[name] .. ':' .. record
    else
      gone[#gone + 1] = name
      large[#large + 1] = kind_of(record) == 'b' and name or nil
      lists[#lists + 1] = list_of(record)
    end
  end
  write_fields(KEYS[4], fields)
  delete_fields(KEYS[4], 'v', gone)
  delete_fields(KEYS[4], 'b', large)
  for _, list in ipairs(lists) do
    release_list(list)
  end
end
