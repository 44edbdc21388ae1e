-- A user's list has been told what it was owed since some time; what is younger stays owed.
--
-- KEYS 1 owed (lib/owed)
-- ARGV 1 '<session>\n<user>', 2 the debt's score that was paid
-- Reply: nothing
-- By: edge, presence. A repeat changes nothing.
local score = redis.call('ZSCORE', KEYS[1], ARGV[1])
if score and tonumber(score) == tonumber(ARGV[2]) then
  redis.call('ZREM', KEYS[1], ARGV[1])
end
return false
