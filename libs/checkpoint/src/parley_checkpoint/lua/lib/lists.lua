-- Lists and their elements, each known by a hash and kept as long as anything has it: a list has
-- its own elements and the list it begins as.
local ID, HEAD = 16, 20
local NO_LIST = string.rep('\0', ID)

local function begins_as(list)
  local parent = string.sub(list, 1, ID)
  return parent ~= NO_LIST and parent or nil
end

-- Cuts a text into ids.
local function each_id(text)
  local ids = {}
  for start = 1, #text, AT_ONCE * ID do
    local count = math.min(AT_ONCE, (#text - start + 1) / ID)
    local cut = {struct.unpack(string.rep('c16', count), text, start)}
    if start == 1 and #text <= AT_ONCE * ID then
      cut[count + 1] = nil
      return cut
    end
    for index = 1, count do
      ids[#ids + 1] = cut[index]
    end
  end
  return ids
end

local function own_elements(list)
  return each_id(string.sub(list, HEAD + 1))
end

-- Adds to how many have each of the ids, which may repeat. Answers those that nobody has any more.
local function count(ids, step)
  local counts, fields, gone = {}, {}, {}
  for index, was in ipairs(read_fields(KEYS[4], 'c', ids)) do
    local id = ids[index]
    counts[id] = (counts[id] or tonumber(was or 0)) + step
  end
  for id, users in pairs(counts) do
    if users > 0 then
      fields[#fields + 1] = 'c' .. id
      fields[#fields + 1] = users
    else
      gone[#gone + 1] = id
    end
  end
  write_fields(KEYS[4], fields)
  delete_fields(KEYS[4], 'c', gone)
  return gone
end

-- One more has the list. `elements` are the fields and values of those that may be new.
local function hold_list(id, list, elements)
  if redis.call('HSETNX', KEYS[4], 'l' .. id, list) == 0 then
    redis.call('HINCRBY', KEYS[4], 'c' .. id, 1)
    return
  end
  local ids = own_elements(list)
  ids[#ids + 1] = begins_as(list)
  ids[#ids + 1] = id
  count(ids, 1)
  write_fields(KEYS[4], elements)
end
