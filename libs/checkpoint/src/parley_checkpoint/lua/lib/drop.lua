-- Checkpoints that go, with their writes and with what only they had.

local function full_names(member, head)
  local namespace, names = split_member(member), {}
  for index = 3, #head do
    names[#names + 1] = namespace .. '\0' .. head[index]
  end
  return names
end

local function drop_writes(members)
  local fields, having = {}, {}
  for index, packed in ipairs(read_fields(KEYS[3], 'n', members)) do
    for _, task in ipairs(packed and cmsgpack.unpack(packed) or {}) do
      fields[#fields + 1] = members[index] .. '\0' .. task
    end
    having[#having + 1] = packed and members[index] or nil
  end
  delete_fields(KEYS[3], 'w', fields)
  delete_fields(KEYS[3], 'n', having)
end

-- What is the newest now, of namespaces that lost theirs.
local function find_newest(namespaces)
  local newest = {}
  for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
    local namespace, id = split_member(member)
    if namespaces[namespace] and (not newest[namespace] or newest[namespace] < id) then
      newest[namespace] = id
    end
  end
  for namespace in pairs(namespaces) do
    if newest[namespace] then
      redis.call('HSET', KEYS[2], 'l' .. namespace, newest[namespace])
    else
      redis.call('HDEL', KEYS[2], 'l' .. namespace)
    end
  end
end

local function namespaces_that_lost(members)
  local dropped, namespaces, lost = {}, {}, {}
  for _, member in ipairs(members) do
    local namespace = split_member(member)
    if not dropped[namespace] then
      dropped[namespace] = true
      namespaces[#namespaces + 1] = namespace
    end
    dropped[member] = true
  end
  for index, newest in ipairs(read_fields(KEYS[2], 'l', namespaces)) do
    if newest and dropped[namespaces[index] .. '\0' .. newest] then
      lost[namespaces[index]] = true
    end
  end
  return lost
end

local function delete_members(members)
  local fields = {}
  for _, member in ipairs(members) do
    fields[#fields + 1] = 'p' .. member
    fields[#fields + 1] = 'h' .. member
    fields[#fields + 1] = 't' .. member
  end
  delete_fields(KEYS[2], '', fields)
  in_chunks(members, AT_ONCE, function(chunk)
    redis.call('ZREM', KEYS[1], unpack(chunk))
  end)
end

local function drop(members)
  if #members == 0 then
    return
  end
  local names = {}
  for index, packed in ipairs(read_fields(KEYS[2], 'h', members)) do
    for _, name in ipairs(full_names(members[index], cmsgpack.unpack(packed))) do
      names[#names + 1] = name
    end
  end
  release_values(names)
  drop_writes(members)
  local lost = namespaces_that_lost(members)
  delete_members(members)
  if next(lost) then
    find_newest(lost)
  end
  if redis.call('EXISTS', KEYS[1]) == 0 then
    redis.call('UNLINK', KEYS[2], KEYS[3], KEYS[4])
  end
end
