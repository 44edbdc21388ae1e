-- What a task wrote, kept with the checkpoint it ran on until the next checkpoint has it.
--
-- KEYS 1 index, 2 data, 3 writes, 4 blobs of the thread (lib/layout), 5 the leases (fenced only)
-- ARGV 1 lease field, 2 token ('' and '' unfenced)
--      3 life of the thread in ms, 0 for ever
--      4 namespace, 5 checkpoint id
--      6.. for each write: name (task and index), '1' if it replaces an earlier one of that name
--      or '0' if the first one stays, the write, opaque
-- Reply: 'ok' | 'stale' not the token, nothing was changed
-- By: aput_writes. A repeat changes nothing.
-- include: layout
-- include: fence
if is_stale() then
  return 'stale'
end

local member = ARGV[4] .. '\0' .. ARGV[5]
local packed = redis.call('HGET', KEYS[3], 'n' .. member)
local names = packed and cmsgpack.unpack(packed) or {}

for index = 6, #ARGV, 3 do
  local name, field = ARGV[index], 'w' .. member .. '\0' .. ARGV[index]
  if redis.call('HSETNX', KEYS[3], field, ARGV[index + 2]) == 1 then
    names[#names + 1] = name
  elseif ARGV[index + 1] == '1' then
    redis.call('HSET', KEYS[3], field, ARGV[index + 2])
  end
end
if #names > 0 then
  redis.call('HSET', KEYS[3], 'n' .. member, cmsgpack.pack(names))
end
keep_alive()
return 'ok'
