-- Tells those who watch a user whether the user came or went, if that is news.
--
-- KEYS 1 user, 2 online, 3 leaving
-- ARGV 1 user, 2 publish verb, 3 watch channel
-- Reply: as lib/whereabouts; nil if it was announced before
-- By: presence. A repeat publishes nothing.
-- include: now
-- include: stamp
-- include: user
-- include: whereabouts
local function devices_of(connections)
  local names, known = {}, {}
  for index = 2, #connections, 2 do
    local device = string.match(connections[index], '^[^\n]*')
    if not known[device] then
      known[device] = true
      names[#names + 1] = cjson.encode(device)
    end
  end
  table.sort(names)
  return '[' .. table.concat(names, ',') .. ']'
end

local found = whereabouts(ARGV[1])
local state = found.online and 'online' or 'offline'
local is_news = (found.announced or 'offline') ~= state
if is_news then
  redis.call('HSET', KEYS[1], 'announced', state)
end
-- A user without a connection is done with leaving when the time is over; with one, offline sees to it.
if not found.online and found.due then
  redis.call('ZREM', KEYS[3], ARGV[1])
end
if not is_news then
  return false
end
redis.call('PEXPIRE', KEYS[1], USER_LIFE)
local seen = found.online and now or tonumber(found.last_seen or now)
redis.call(ARGV[2], ARGV[3], '{"type":"presence","user_id":' .. cjson.encode(ARGV[1])
  .. ',"state":"' .. state .. '","devices":' .. devices_of(found.connections)
  .. ',"last_seen":"' .. stamp(seen) .. '"}')
return reply_of(found)
