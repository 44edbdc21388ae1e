-- A turn that does not end by itself (failed, cancelled, rolled back): what is said of it into the
-- log, its input off the mailbox, the turn closed, whatever stop is set.
--
-- KEYS 1-10 the session's (lib/session), 11 leases, 12 leased, 13 ready
-- ARGV 1-16 as in lib/finish
-- Reply: {'ok', seq} | {'stale'} not the token | {'ended'} neither open nor the mailbox's head
-- By: conversation. A repeat returns the first reply.
-- include: now
-- include: session
-- include: stamp
-- include: log
-- include: turn
-- include: open_turn
-- include: finish
local meta = read_meta()
local first = first_reply(meta)
if first then
  return first
end
if not meta.epoch or redis.call('HGET', KEYS[11], ARGV[1]) ~= ARGV[2] then
  return {'stale'}
end
if not head_is(ARGV[3]) and not meta.is_open then
  return {'ended'}
end
return finish(meta)
