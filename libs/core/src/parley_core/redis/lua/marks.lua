-- Where a session can be looked back to: the log entries that have a checkpoint, newest first.
--
-- KEYS 1 log
-- ARGV 1 the greatest seq that counts, '' for any
-- Reply: {seq, checkpoint id, seq, checkpoint id, ...}
-- By: conversation. Reads only.
local AT_ONCE = 64
local marks, from = {}, ARGV[1] == '' and '+' or ARGV[1] .. '-0'
while true do
  local entries = redis.call('XREVRANGE', KEYS[1], from, '-', 'COUNT', AT_ONCE)
  for _, entry in ipairs(entries) do
    if entry[2][10] then
      marks[#marks + 1] = tonumber(string.match(entry[1], '^%d+'))
      marks[#marks + 1] = entry[2][10]
    end
  end
  if #entries < AT_ONCE then
    return marks
  end
  from = '(' .. entries[AT_ONCE][1]
end
