-- Checkpoints with their channel values and their writes.
--
-- KEYS 1 index, 2 data, 3 writes, 4 blobs of the thread (lib/layout)
-- ARGV 1 '1' if a checkpoint's life is limited and begins anew with each read, else '0'
--      2 '1' if values and writes are wanted too, else '0'
--      3.. for each: namespace, checkpoint id or '' for the newest: the one with the greatest id
-- Reply: {checkpoints, lists, elements} (lib/reading); of checkpoints for each {id, parent's id or
--        '', the checkpoint, values, writes} or nil if there is none
-- By: get_tuple, list. A repeat reads again.
-- include: layout
-- include: now
-- include: fields
-- include: lists
-- include: values
-- include: reading
local function records_of(values)
  local records = {}
  local index = 1
  while index < #values do
    records[#records + 1] = values[index + 1]
    index = index + (kind_of(values[index + 1]) == 'b' and 3 or 2)
  end
  return records
end

local function read(namespace, id)
  id = id ~= '' and id or redis.call('HGET', KEYS[2], 'l' .. namespace)
  local member = id and namespace .. '\0' .. id
  local found = member and redis.call('HMGET', KEYS[2], 'p' .. member, 'h' .. member) or {}
  if not found[1] then
    return false
  end
  if ARGV[1] == '1' then
    redis.call('HSET', KEYS[2], 't' .. member, now())
  end
  local head = cmsgpack.unpack(found[2])
  if ARGV[2] ~= '1' then
    return {id, head[1], found[1], {}, {}}
  end
  local names = {}
  for index = 3, #head do
    names[#names + 1] = head[index]
  end
  local values = values_of(namespace, names)
  note_lists(records_of(values))
  return {id, head[1], found[1], values, writes_of(member)}
end

local checkpoints = {}
for index = 3, #ARGV, 2 do
  checkpoints[#checkpoints + 1] = read(ARGV[index], ARGV[index + 1])
end
return {checkpoints, noted()}
