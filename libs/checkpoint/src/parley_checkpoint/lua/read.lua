-- Checkpoints with their channel values and their writes.
--
-- KEYS 1 index, 2 data, 3 writes, 4 blobs of the thread (lib/layout)
-- ARGV 1 '1' if a checkpoint's life is limited and begins anew with each read, else '0'
--      2.. for each: namespace, checkpoint id or '' for the newest: the one with the greatest id
-- Reply: for each {id, the checkpoint, {value or nil for each name of the put, in its order},
--        {write, ...}} or nil if there is none
-- By: aget_tuple, alist. A repeat reads again.
-- include: layout
-- include: now
-- include: fields
local function read(namespace, id)
  local member = id ~= '' and namespace .. '\0' .. id or newest_of(namespace)
  local checkpoint = member and redis.call('HGET', KEYS[2], 'p' .. member)
  if not checkpoint then
    return false
  end
  if ARGV[1] == '1' then
    local head = cmsgpack.unpack(redis.call('HGET', KEYS[2], 'h' .. member))
    redis.call('HSET', KEYS[2], 'h' .. member, cmsgpack.pack({head[1], now, head[3]}))
  end
  local names = cmsgpack.unpack(redis.call('HGET', KEYS[2], 'r' .. member))
  return {
    string.sub(member, #namespace + 2),
    checkpoint,
    read_fields(KEYS[4], 'b', names),
    read_fields(KEYS[3], 'w' .. member .. '\0', write_names(member)),
  }
end

local found = {}
for index = 2, #ARGV, 2 do
  found[#found + 1] = read(ARGV[index], ARGV[index + 1])
end
return found
