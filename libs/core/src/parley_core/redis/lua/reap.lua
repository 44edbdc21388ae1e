-- Takes connections of a dead process away, in one partition; users without another begin to leave.
--
-- KEYS 1 the process's connections, 2 leaving, then online and user hash of each user in ARGV
-- ARGV 1 grace time in ms, then connection, user of each that the caller read from KEYS 1
-- Reply: how many were still there
-- By: presence, operator, local supervisor, between condemn and bury. A repeat finds none.
-- include: now
-- include: user
-- include: depart
local reaped = 0
for index = 2, #ARGV, 2 do
  local connection, user = ARGV[index], ARGV[index + 1]
  if redis.call('HEXISTS', KEYS[1], connection) == 1 then
    depart({online = KEYS[index + 1], leaving = KEYS[2], user = KEYS[index + 2]}, user, connection,
      tonumber(ARGV[1]))
    redis.call('HDEL', KEYS[1], connection)
    reaped = reaped + 1
  end
end
return reaped
