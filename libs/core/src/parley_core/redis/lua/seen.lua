-- A device has everything up to a seq. An older value never replaces a newer one, and nothing above
-- the top is believed.
--
-- KEYS 1 meta, 2 seen
-- ARGV 1 device, 2 seq, 3 devices that are remembered at most
-- Reply: the seq that counts for the device (not stored if there are too many), or nil if the
--        session is gone
-- By: edge. A repeat changes nothing.
local top = tonumber(redis.call('HGET', KEYS[1], 'seq'))
if not top then
  return false
end
local seq = math.min(tonumber(ARGV[2]), top)
local stored = tonumber(redis.call('HGET', KEYS[2], ARGV[1]))
if stored and stored >= seq then
  return stored
end
if stored or redis.call('HLEN', KEYS[2]) < tonumber(ARGV[3]) then
  redis.call('HSET', KEYS[2], ARGV[1], seq)
  redis.call('PEXPIRE', KEYS[2], math.max(1, redis.call('PTTL', KEYS[1])))
end
return seq
