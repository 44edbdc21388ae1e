-- Numbers a log frame, writes it and tells it to the edges. XADD comes before the counters: an
-- error in the middle of a script is not rolled back, and a log without its counter refuses the
-- next XADD instead of numbering two events alike.
--   event: {epoch, seq, id, type, origin, frame (without its last brace), checkpoint or nil}
local function log_event(event, kept, to)
  local body = event.frame .. ',"seq":' .. event.seq .. ',"timestamp":"' .. stamp(now) .. '"}'
  local entry = {'XADD', KEYS[2], 'MAXLEN', '=', kept, event.seq .. '-0',
    'f', body, 'm', event.id, 't', event.type, 'o', event.origin}
  if event.checkpoint and event.checkpoint ~= '' then
    entry[#entry + 1] = 'c'
    entry[#entry + 1] = event.checkpoint
  end
  redis.call(unpack(entry))
  redis.call('HSET', KEYS[1], 'seq', event.seq, 'id', event.id, 'active', now)
  tell(to, 'log:' .. event.type, event.epoch, event.seq, event.origin, event.id, body)
end
