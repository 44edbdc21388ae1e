-- What a reply has of values, writes and lists.

-- Name, record and, where the record is 'b', the value in a row.
local function values_of(namespace, names)
  local found, prefix = {}, namespace .. '\0'
  for index, packed in ipairs(read_fields(KEYS[4], 'v' .. prefix, names)) do
    local _, record = counted(packed)
    found[#found + 1] = names[index]
    found[#found + 1] = record
    if kind_of(record) == 'b' then
      found[#found + 1] = redis.call('HGET', KEYS[4], 'b' .. prefix .. names[index])
    end
  end
  return found
end

-- Task and writes in a row.
local function writes_of(member)
  local packed = redis.call('HGET', KEYS[3], 'n' .. member)
  local found = {}
  local tasks = packed and cmsgpack.unpack(packed) or {}
  for index, writes in ipairs(read_fields(KEYS[3], 'w' .. member .. '\0', tasks)) do
    found[#found + 1] = tasks[index]
    found[#found + 1] = writes
  end
  return found
end

local lists, reach = {}, {}

local function kept_of(list)
  return (struct.unpack('>I4', list, ID + 1))
end

-- Follows a list to its beginning; `reach` has how many of its elements anyone needs at most.
local function note_list(id)
  local length = math.huge
  while id and (not reach[id] or reach[id] < length) do
    local list = lists[id] or redis.call('HGET', KEYS[4], 'l' .. id)
    lists[id], reach[id] = list, length
    id, length = begins_as(list), math.min(length, kept_of(list))
  end
end

local function note_lists(records)
  for _, record in ipairs(records) do
    note_list(list_of(record))
  end
end

-- All lists that were noted: id, list, count of its own elements that are read, in a row; and these
-- elements, in the same order, some thousand at a time.
local function noted()
  local found, parts = {}, {}
  for id, list in pairs(lists) do
    local own = (#list - HEAD) / ID
    local used = math.max(0, math.min(own, reach[id] - kept_of(list)))
    found[#found + 1] = id
    found[#found + 1] = list
    found[#found + 1] = used
    parts[#parts + 1] = string.sub(list, HEAD + 1, HEAD + used * ID)
  end
  local ids, elements = table.concat(parts), {}
  for start = 1, #ids, AT_ONCE * ID do
    local some = each_id(string.sub(ids, start, start + AT_ONCE * ID - 1))
    elements[#elements + 1] = redis.call('HMGET', KEYS[4], unpack(some))
  end
  return found, elements
end
