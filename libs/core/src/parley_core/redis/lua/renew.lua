-- Keeps a lease.
--
-- KEYS 1 meta, 2 leases, 3 leased
-- ARGV 1 session, 2 token, 3 life of a lease in ms
-- Reply: {'ok', the turn's stop or ''} | {'stale'} not the token
-- By: conversation. A repeat keeps it a little longer.
-- include: now
if redis.call('HGET', KEYS[2], ARGV[1]) ~= ARGV[2] then
  return {'stale'}
end
redis.call('ZADD', KEYS[3], now + tonumber(ARGV[3]), ARGV[1])
return {'ok', redis.call('HGET', KEYS[1], 'stop') or ''}
