-- The checkpoints as tables, the newest first.

-- What of them must be rebuilt from their parents' writes; few threads have any of that.
local function read_needs(found)
  if redis.call('HGET', KEYS[2], 'delta') ~= '1' then
    return
  end
  local members = {}
  for index, entry in ipairs(found) do
    members[index] = entry.member
  end
  for index, packed in ipairs(read_fields(KEYS[2], 'h', members)) do
    local entry, head = found[index], cmsgpack.unpack(packed)
    entry.parent, entry.needs, entry.has = entry.namespace .. '\0' .. head[1], head[2], {}
    for position = 3, #head do
      entry.has[string.match(head[position], '^(.*)%z')] = true
    end
  end
end

local function is_in_order(found)
  for index = 2, #found do
    if found[index - 1].id < found[index].id then
      return false
    end
  end
  return true
end

local function entries(lowest_score)
  local found, lasting = {}, {}
  local flat = redis.call('ZREVRANGEBYSCORE', KEYS[1], '+inf', lowest_score, 'WITHSCORES')
  for index = 1, #flat, 2 do
    local namespace, id = split_member(flat[index])
    if lasting[namespace] == nil then
      lasting[namespace] = not string.find(namespace, ':', 1, true)
    end
    local score = tonumber(flat[index + 1])
    found[#found + 1] = {
      member = flat[index],
      namespace = namespace,
      id = id,
      lasting = lasting[namespace],
      turn = score % UNSETTLED,
      is_settled = score < UNSETTLED,
    }
  end
  -- Of one namespace they are, unless one came late.
  if not is_in_order(found) then
    table.sort(found, function(one, other) return one.id > other.id end)
  end
  read_needs(found)
  return found
end

-- The ancestors that one which stays cannot be read without: for each of its channels back to the
-- nearest that has a value. What only stays as an ancestor has no such claim of its own: where
-- channels have their values at different times, none would ever go. A parent comes after its
-- child, as its id is smaller.
local function keep_ancestors(found)
  local wanted = {}
  for _, entry in ipairs(found) do
    local channels = wanted[entry.member] or {}
    for _, channel in ipairs(entry.stays and entry.needs or {}) do
      channels[channel] = true
    end
    entry.stays = entry.stays or next(channels) ~= nil
    for channel in pairs(channels) do
      if not entry.has[channel] then
        wanted[entry.parent] = wanted[entry.parent] or {}
        wanted[entry.parent][channel] = true
      end
    end
  end
end

local function drop_the_rest(found)
  local members = {}
  for _, entry in ipairs(found) do
    members[#members + 1] = not entry.stays and entry.member or nil
  end
  drop(members)
end
