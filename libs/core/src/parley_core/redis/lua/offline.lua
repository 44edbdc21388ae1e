-- Looks again at users of one partition whose grace time is over. Those who are back are no longer
-- leaving; the others stay until announce has told it, so that no crash in between loses the news.
--
-- KEYS 1 leaving, then online of each user in ARGV
-- ARGV users that the caller read from KEYS 1
-- Reply: {user ...} who are offline
-- By: presence. A repeat returns the same until they are announced or come back.
-- include: now
local offline = {}
for index, user in ipairs(ARGV) do
  local due = tonumber(redis.call('ZSCORE', KEYS[1], user))
  if due and due <= now then
    if redis.call('EXISTS', KEYS[index + 1]) == 1 then
      redis.call('ZREM', KEYS[1], user)
    else
      offline[#offline + 1] = user
    end
  end
end
return offline
