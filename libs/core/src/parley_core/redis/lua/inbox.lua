-- What a leased session waits for: the mailbox's head, and the turn if one is open. A session that
-- is gone waits for nothing but its release, which takes it off the partition's work.
--
-- KEYS 1 meta, 2 mail, 3 leases, 4 live
-- ARGV 1 session, 2 token
-- Reply: {'ok', head or nil, owner, topic, epoch, created, turn, attempt, counted, status, stop,
--        base, answers (lib/turn), the live text if a stop is set, members beside the owner}
--        | {'stale'} not the token
-- By: conversation. Reads only.
if redis.call('HGET', KEYS[3], ARGV[1]) ~= ARGV[2] then
  return {'stale'}
end
local meta = redis.call('HMGET', KEYS[1], 'owner', 'topic', 'epoch', 'created', 'turn', 'attempt',
  'counted', 'status', 'stop', 'base', 'answers', 'members')
if not meta[3] then
  return {'ok', false, '', '', '', 0, '', 0, 0, '', '', '', '', '', 0}
end
return {'ok', redis.call('LINDEX', KEYS[2], 0), meta[1], meta[2] or '', meta[3], tonumber(meta[4]),
  meta[5] or '', tonumber(meta[6] or 0), tonumber(meta[7] or 0), meta[8] or '', meta[9] or '',
  meta[10] or '', meta[11] or '', meta[9] and redis.call('GET', KEYS[4]) or '',
  tonumber(meta[12] or 0)}
