-- Where a session can be looked back to: the log entries that have a checkpoint, newest first, a page
-- at a time, because a log may hold megabytes of frames.
--
-- KEYS 1 log
-- ARGV 1 the greatest seq that counts, '' for any; 2 entries to look at
-- Reply: {where the next page begins or '' after the last, seq, checkpoint id, seq, checkpoint id, ...}
-- By: conversation. Reads only.
local from = ARGV[1] == '' and '+' or ARGV[1] .. '-0'
local entries = redis.call('XREVRANGE', KEYS[1], from, '-', 'COUNT', ARGV[2])
local reply = {''}
for _, entry in ipairs(entries) do
  if entry[2][10] then
    reply[#reply + 1] = tonumber(string.match(entry[1], '^%d+'))
    reply[#reply + 1] = entry[2][10]
  end
end
if #entries == tonumber(ARGV[2]) then
  reply[1] = tostring(tonumber(string.match(entries[#entries][1], '^%d+')) - 1)
end
return reply
