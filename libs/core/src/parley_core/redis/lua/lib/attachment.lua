-- What a reader gets of a session. A position is proved if the epoch is the same, its seq is not
-- above the top, and the event stored there has the id that the reader gives: a failover that lost
-- the log's tail is told to everyone who saw that tail.

-- The oldest position of an epoch has no event in the log: 0, or where a clear began the epoch.
local function is_floor(at, floor, floor_id)
  return at.seq == floor and (at.seq == 0 or at.id == floor_id)
end

-- Up to `budget` bytes, and one event at least: pages must come to an end.
local function page_after(seq, budget)
  local events, size, from = {}, 0, seq + 1
  while true do
    local entries = redis.call('XRANGE', KEYS[2], from .. '-0', '+', 'COUNT', 64)
    for _, entry in ipairs(entries) do
      size = size + #entry[2][2]
      if size > budget and #events > 0 then
        return events, 1
      end
      events[#events + 1] = entry
    end
    if #entries < 64 then
      return events, 0
    end
    from = tonumber(string.match(entries[64][1], '^%d+')) + 1
  end
end

local function has_all_after(seq, top)
  if seq == top then
    return true
  end
  local first = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 1)[1]
  return first ~= nil and tonumber(string.match(first[1], '^%d+')) <= seq + 1
end

local function is_proved(at, epoch, top, top_id, floor, floor_id)
  if at.epoch ~= epoch or at.seq == nil or at.seq > top or not has_all_after(at.seq, top) then
    return false
  end
  if is_floor(at, floor, floor_id) then
    return true
  end
  if at.seq == top then
    return at.id == top_id
  end
  local entry = redis.call('XRANGE', KEYS[2], at.seq .. '-0', at.seq .. '-0')[1]
  return entry ~= nil and entry[2][4] == at.id
end

local function newest(count)
  local entries = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', count)
  local events = {}
  for index = #entries, 1, -1 do
    events[#events + 1] = entries[index]
  end
  return events, redis.call('XLEN', KEYS[2]) > #events and 1 or 0
end

-- at: {epoch, seq (number or nil), id}
-- Reply: epoch, top seq, top id, proved, more, events (as XRANGE gives them), turn, attempt,
-- status, live text, inputs that wait in the mailbox; false if the session is gone.
local function attachment(at, page, snapshot)
  local meta = redis.call('HMGET', KEYS[1], 'epoch', 'seq', 'id', 'floor', 'floor_id', 'turn', 'attempt', 'status')
  local epoch, top, top_id = meta[1], tonumber(meta[2]), meta[3]
  if not epoch then
    return false
  end
  local proved = is_proved(at, epoch, top, top_id, tonumber(meta[4]), meta[5])
  local events, more
  if proved then
    events, more = page_after(at.seq, page)
  else
    events, more = newest(snapshot)
  end
  return {epoch, top, top_id, proved and 1 or 0, more, events,
    meta[6] or '', tonumber(meta[7] or 0), meta[8] or '', redis.call('GET', KEYS[5]) or '',
    redis.call('LLEN', KEYS[4])}
end
