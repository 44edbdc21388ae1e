-- What made up the values of delta channels: writes of a checkpoint's ancestors, back to the nearest
-- one that has a value of the channel.
--
-- KEYS 1 index, 2 data, 3 writes, 4 blobs of the thread (lib/layout)
-- ARGV 1 namespace, 2 checkpoint id or '' for the newest, 3.. channels
-- Reply: {ancestors, lists, elements} (lib/reading); of ancestors, the nearest first, {values of the
--        channels that have one here and nowhere nearer, writes}
-- By: get_delta_channel_history. A repeat reads again.
-- include: layout
-- include: fields
-- include: lists
-- include: values
-- include: reading
local namespace = ARGV[1]
local wanted, left = {}, 0
for index = 3, #ARGV do
  wanted[ARGV[index]] = true
  left = left + 1
end

local function head_of(id)
  local packed = redis.call('HGET', KEYS[2], 'h' .. namespace .. '\0' .. id)
  return packed and cmsgpack.unpack(packed)
end

-- The values that end the search for their channels.
local function seeds_of(head)
  local seeds = {}
  for index = 3, #head do
    local channel = string.match(head[index], '^(.*)%z')
    local value = wanted[channel] and values_of(namespace, {head[index]})
    if value and value[2] ~= 'a' then
      wanted[channel] = nil
      left = left - 1
      note_list(list_of(value[2]))
      for _, part in ipairs(value) do
        seeds[#seeds + 1] = part
      end
    end
  end
  return seeds
end

local id = ARGV[2] ~= '' and ARGV[2] or redis.call('HGET', KEYS[2], 'l' .. namespace) or ''
local head = head_of(id)
local ancestors = {}
while head and head[1] ~= '' and left > 0 do
  id = head[1]
  head = head_of(id)
  if head then
    ancestors[#ancestors + 1] = {seeds_of(head), writes_of(namespace .. '\0' .. id)}
  end
end
return {ancestors, noted()}
