-- A turn's own end: its answer into the log, its input off the mailbox, the turn closed, the
-- answer published, the lease released if asked.
--
-- KEYS 1-10 the session's (lib/session), 11 leases, 12 leased, 13 ready
-- ARGV 1-16 as in lib/finish
-- Reply: {'ok', seq} | {'stale'} not the token | {'stopped'} a stop is set: close instead
--        | {'ended'} the turn's input is not the mailbox's head
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
if meta.stop ~= '' then
  return {'stopped'}
end
if not head_is(ARGV[3]) then
  return {'ended'}
end
return finish(meta)
