-- What a task wrote, kept with the checkpoint it ran on until the next checkpoint has it.
--
-- KEYS 1 index, 2 data, 3 writes, 4 blobs of the thread (lib/layout), 5 the leases (fenced only)
-- ARGV 1 lease field, 2 token ('' and '' unfenced)
--      3 life of the thread in ms, 0 for ever
--      4 namespace, 5 checkpoint id, 6 task
--      7 its writes (lib/layout); one with an index below 0 replaces an earlier one of that index,
--        of others the first one stays
-- Reply: 'ok' | 'stale' not the token, nothing was changed
-- By: put_writes. A repeat changes nothing.
-- include: layout
-- include: fence
if is_stale() then
  return 'stale'
end

local member, task = ARGV[4] .. '\0' .. ARGV[5], ARGV[6]
local field = 'w' .. member .. '\0' .. task

local function remember_task()
  local packed = redis.call('HGET', KEYS[3], 'n' .. member)
  local tasks = packed and cmsgpack.unpack(packed) or {}
  tasks[#tasks + 1] = task
  redis.call('HSET', KEYS[3], 'n' .. member, cmsgpack.pack(tasks))
end

local function add_to(found, order, packed, is_first)
  local position = 1
  while position <= #packed do
    local index, length = struct.unpack('>i2I4', packed, position)
    if is_first or index < 0 or not found[index] then
      order[#order + 1] = not found[index] and index or nil
      found[index] = string.sub(packed, position, position + 5 + length)
    end
    position = position + 6 + length
  end
end

local function merged(first, second)
  local found, order, writes = {}, {}, {}
  add_to(found, order, first, true)
  add_to(found, order, second, false)
  for position, index in ipairs(order) do
    writes[position] = found[index]
  end
  return table.concat(writes)
end

if redis.call('HSETNX', KEYS[3], field, ARGV[7]) == 1 then
  remember_task()
else
  redis.call('HSET', KEYS[3], field, merged(redis.call('HGET', KEYS[3], field), ARGV[7]))
end
keep_alive()
return 'ok'
