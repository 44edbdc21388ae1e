-- The sessions that a user's list names: fields of those that expired, the field of the idle one that
-- was active longest ago, and how many live.
--   ARGV from `first` on: the sessions; KEYS from `start` on: meta and mail of each
local function look_at_listed(first, start)
  local gone, idle, idle_since, listed = {}, nil, nil, 0
  for index = first, #ARGV do
    local at = start + (index - first) * 2
    local meta = redis.call('HMGET', KEYS[at], 'owner', 'turn', 'active')
    if not meta[1] then
      gone[#gone + 1] = 's:' .. ARGV[index]
    else
      listed = listed + 1
      local since = tonumber(meta[3])
      if not meta[2] and redis.call('LLEN', KEYS[at + 1]) == 0 and (not idle or since < idle_since) then
        idle, idle_since = 's:' .. ARGV[index], since
      end
    end
  end
  return gone, idle, listed
end
