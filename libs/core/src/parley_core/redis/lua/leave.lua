-- The end of a connection; with its last one the user begins to leave.
--
-- KEYS 1 online, 2 the process's connections, 3 leaving, 4 user
-- ARGV 1 connection, 2 user, 3 grace time in ms
-- Reply: how many connections the user still has
-- By: edge. A repeat changes nothing: neither the due time nor when the user was last seen.
-- include: now
-- include: user
-- include: depart
depart({online = KEYS[1], leaving = KEYS[3], user = KEYS[4]}, ARGV[2], ARGV[1], tonumber(ARGV[3]))
redis.call('HDEL', KEYS[2], ARGV[1])
return redis.call('HLEN', KEYS[1])
