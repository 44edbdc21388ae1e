-- Registers a connection of a user with the process that holds it.
--
-- KEYS 1 online, 2 the process's connections
-- ARGV 1 connection, 2 user, 3 device, 4 process
-- Reply: 1 if it was not registered, else 0
-- By: edge, when it was taken for dead (a new connection is registered by open). A repeat changes
-- nothing. A user who was leaving stays there: whoever finds the time over looks here again.
-- include: now
redis.call('HSETNX', KEYS[2], ARGV[1], ARGV[2])
return redis.call('HSETNX', KEYS[1], ARGV[1],
  ARGV[3] .. '\n' .. ARGV[4] .. '\n' .. string.format('%d', now))
