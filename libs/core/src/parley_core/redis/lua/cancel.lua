-- Asks the open turn to stop, and tells its worker.
--
-- KEYS 1 meta
-- ARGV 1 session, 2 turn or '' for the open one, 3 wake channel
-- Reply: {'ok', turn} | {'ended'} no such turn is open
-- By: edge. A repeat tells the worker again; a stop that is set stays as it is.
local open = redis.call('HGET', KEYS[1], 'turn')
if not open or (ARGV[2] ~= '' and ARGV[2] ~= open) then
  return {'ended'}
end
redis.call('HSETNX', KEYS[1], 'stop', 'cancel')
redis.call('PUBLISH', ARGV[3], 'stop ' .. ARGV[1] .. ' ' .. open)
return {'ok', open}
