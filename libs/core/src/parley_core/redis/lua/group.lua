-- Who is in a session, and when the agent answers there.
--
-- KEYS 1 meta
-- Reply: {owner, reply mode, user, role, user, role ...}; nil if the session is gone
-- By: edge. Reads only.
local meta = redis.call('HGETALL', KEYS[1])
local reply, owner, mode = {false, false}, nil, nil
for index = 1, #meta, 2 do
  local field, value = meta[index], meta[index + 1]
  if field == 'owner' then
    owner = value
  elseif field == 'reply' then
    mode = value
  elseif string.sub(field, 1, 2) == 'm:' then
    reply[#reply + 1] = string.sub(field, 3)
    reply[#reply + 1] = value
  end
end
if not owner then
  return false
end
reply[1], reply[2] = owner, mode or 'always'
return reply
