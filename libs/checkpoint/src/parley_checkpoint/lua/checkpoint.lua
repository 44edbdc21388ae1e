-- One put of the checkpointer: a checkpoint, the channel values that are new with it, and the
-- pruning of older checkpoints, all or nothing.
--
-- KEYS 1 index, 2 data, 3 writes, 4 blobs of the thread (lib/layout), 5 the leases (fenced only)
-- ARGV 1 lease field, 2 token ('' and '' unfenced)
--      3 life of the thread in ms, 0 for ever
--      4 namespace, 5 checkpoint id, 6 its parent's id or ''
--      7 channels whose values must be rebuilt from the parent's writes (delta channels), packed
--      8 run id or ''
--      9 '1' if it begins a turn where no run id tells turns apart, else '0'
--      10 the checkpoint, opaque
--      11 ms an older checkpoint lives, 0 for ever; 12 how many are kept, 0 all;
--      13 of every how many turns one is kept, 0 all (11-13: lib/retention)
--      14 count of new lists, then for each: id, id of a list that must be there because the new
--         one and its elements build on it or '', the list (lib/layout), count of elements, then
--         for each its id and itself, opaque
--      then the count of names of values that are not new, and these names; the same for
--      channels without a value: of these only those are kept that are known to have one,
--      then for each new value: name, record (lib/layout), the value where the record is 'b'
-- Reply: 'ok' | 'stale' not the token | 'missing' a list that must be there is not; with the last
--        two nothing was changed
-- By: put. A repeat, and a put of the same id with other content, replaces the first.
-- include: layout
-- include: fence
-- include: now
-- include: fields
-- include: lists
-- include: values
if is_stale() then
  return 'stale'
end

-- Most puts let go of nothing: the functions for it are made when they are needed, as making them
-- takes as long as all else here.
local function let_go(member, old_head, lists, retention)
-- include: release
-- include: drop
-- include: entries
-- include: retention
  if old_head then
    release_values(full_names(member, cmsgpack.unpack(old_head)))
  end
  for _, list in ipairs(lists) do
    release_list(list)
  end
  if retention then
    retain(unpack(retention))
  end
end

local namespace, id, run = ARGV[4], ARGV[5], ARGV[8]
local member = namespace .. '\0' .. id

local NO_CHANNELS = '\144'

local cursor = 13
local function take()
  cursor = cursor + 1
  return ARGV[cursor]
end

-- By id; nothing if one builds on a list that is gone.
local function take_lists()
  local lists = {}
  for _ = 1, take() do
    local list, builds_on = take(), take()
    if builds_on ~= '' and redis.call('HEXISTS', KEYS[4], 'l' .. builds_on) == 0 then
      return nil
    end
    local content, elements = take(), {}
    for _ = 1, take() do
      elements[#elements + 1] = take()
      elements[#elements + 1] = take()
    end
    lists[list] = {content, elements}
  end
  return lists
end

local function take_names()
  local names = {}
  for _ = 1, take() do
    names[#names + 1] = take()
  end
  return names
end

-- Puts a new value in the place of one with its name. Answers the record, nothing if there is no
-- value and was none, and the list that the old one had.
local function replace(name, old, lists)
  local record, large = take(), take()
  if kind_of(record) == 'b' then
    redis.call('HSET', KEYS[4], 'b' .. name, large)
  elseif old and kind_of(old) == 'b' then
    redis.call('HDEL', KEYS[4], 'b' .. name)
  end
  local list = list_of(record)
  if list then
    hold_list(list, lists[list][1], lists[list][2])
  end
  return (old or record ~= 'a') and record or nil, old and list_of(old)
end

-- One more has each of the values. Answers the names of those that there are, and the lists of
-- those that were replaced.
local function hold_values(lists)
  local names = take_names()
  local valued = #names
  for _, name in ipairs(take_names()) do
    names[#names + 1] = name
  end
  local kept = #names
  for index = cursor + 1, #ARGV, 3 do
    names[#names + 1] = ARGV[index]
  end
  local fields, held, replaced = {}, {}, {}
  local prefix = namespace .. '\0'
  for index, packed in ipairs(read_fields(KEYS[4], 'v' .. prefix, names)) do
    -- A value that is not new and not there may be on its way.
    local users, record = 0, index <= valued and 'a' or nil
    if packed then
      users, record = counted(packed)
    end
    if index > kept then
      record, replaced[#replaced + 1] = replace(prefix .. take(), record, lists)
    end
    if record then
      held[#held + 1] = names[index]
      fields[#fields + 1] = 'v' .. prefix .. names[index]
      fields[#fields + 1] = users + 1 .. ':' .. record
    end
  end
  write_fields(KEYS[4], fields)
  return held, replaced
end

local function head_of(names)
  return cmsgpack.pack({ARGV[6], cmsgpack.unpack(ARGV[7]), unpack(names)})
end

-- A turn is the checkpoints of one run id in a row. Only a checkpoint that is the newest of its
-- namespace begins one: what arrives late belongs to the turn that is on.
local function turn_of_this(turn, last_run, newest)
  turn = tonumber(turn or 0)
  local begins = run ~= (last_run or '') or (run == '' and ARGV[9] == '1')
  if turn == 0 or (begins and (not newest or newest <= id)) then
    redis.call('HSET', KEYS[2], 'turn', turn + 1, 'run', run)
    return turn + 1, true
  end
  return turn, false
end

local lists = take_lists()
if not lists then
  return 'missing'
end
local before = redis.call('HMGET', KEYS[2], 'turn', 'run', 'l' .. namespace, 'h' .. member)
local newest, old_head = before[3], before[4]
local turn, begins = tonumber(before[1]), false
if not old_head then
  turn, begins = turn_of_this(turn, before[2], newest)
  redis.call('ZADD', KEYS[1], UNSETTLED + turn, member)
end
local names, replaced = hold_values(lists)
local fields = {'p' .. member, ARGV[10], 'h' .. member, head_of(names)}
local function set(field, value)
  fields[#fields + 1] = field
  fields[#fields + 1] = value
end
if not newest or newest < id then
  set('l' .. namespace, id)
end
if ARGV[11] ~= '0' then
  set('t' .. member, now())
end
if ARGV[7] ~= NO_CHANNELS then
  set('delta', 1)
end
write_fields(KEYS[2], fields)

local is_crowded = ARGV[12] ~= '0' and redis.call('ZCARD', KEYS[1]) > tonumber(ARGV[12])
local is_to_prune = is_crowded or (begins and (ARGV[11] ~= '0' or ARGV[13] ~= '0'))
if old_head or #replaced > 0 or is_to_prune then
  let_go(member, old_head, replaced, is_to_prune and {turn, is_crowded})
end
keep_alive()
return 'ok'
