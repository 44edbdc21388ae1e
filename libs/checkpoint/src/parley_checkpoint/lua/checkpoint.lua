-- One put of the checkpointer: a checkpoint, the channel values that are new with it, and the
-- pruning of older checkpoints, all or nothing.
--
-- KEYS 1 index, 2 data, 3 writes, 4 blobs of the thread (lib/layout), 5 the leases (fenced only)
-- ARGV 1 lease field, 2 token ('' and '' unfenced)
--      3 life of the thread in ms, 0 for ever
--      4 namespace, 5 checkpoint id
--      6 parent's id if values must be rebuilt from its writes (delta channels), else ''
--      7 run id or ''
--      8 '1' if it begins a turn where no run id tells turns apart, else '0'
--      9 the checkpoint, opaque
--      10 ms an older checkpoint lives, 0 for ever; 11 how many are kept, 0 all;
--      12 of every how many turns one is kept, 0 all (10-12: lib/prune)
--      13 count of names of values, 14.. the names, then for each new value: name, value
-- Reply: 'ok' | 'stale' not the token, nothing was changed
-- By: aput. A repeat, and a put of the same id with other content, replaces the first.
-- include: layout
-- include: fence
-- include: now
-- include: fields
-- include: drop
-- include: prune
if is_stale() then
  return 'stale'
end

local namespace, id, run = ARGV[4], ARGV[5], ARGV[7]
local member = namespace .. '\0' .. id
local name_count = tonumber(ARGV[13])
local first_value = 14 + name_count

-- A turn is the checkpoints of one run id in a row. Only a checkpoint that is the newest of its
-- namespace begins one: what arrives late belongs to the turn that is on.
local function turn_of_this(first)
  if first then
    return cmsgpack.unpack(first)[1]
  end
  local turn = tonumber(redis.call('HGET', KEYS[2], 'turn') or 0)
  local newest = newest_of(namespace)
  local begins = run ~= (redis.call('HGET', KEYS[2], 'run') or '') or (run == '' and ARGV[8] == '1')
  if turn == 0 or (begins and (not newest or newest <= member)) then
    turn = turn + 1
    redis.call('HSET', KEYS[2], 'turn', turn, 'run', run)
    return turn, true
  end
  return turn
end

local function store(turn)
  local names = {}
  for index = 14, first_value - 1 do
    names[#names + 1] = ARGV[index]
    redis.call('HINCRBY', KEYS[4], 'n' .. ARGV[index], 1)
  end
  for index = first_value, #ARGV, 2 do
    redis.call('HSET', KEYS[4], 'b' .. ARGV[index], ARGV[index + 1])
  end
  redis.call('ZADD', KEYS[1], 0, member)
  redis.call('HSET', KEYS[2],
    'p' .. member, ARGV[9],
    'h' .. member, cmsgpack.pack({turn, now, ARGV[6]}),
    'r' .. member, cmsgpack.pack(names))
end

local first = redis.call('HGET', KEYS[2], 'h' .. member)
local replaced = redis.call('HGET', KEYS[2], 'r' .. member)
local turn, is_new_turn = turn_of_this(first)
store(turn)
if replaced then
  release(cmsgpack.unpack(replaced))
end
prune_if_due(is_new_turn, tonumber(ARGV[10]), tonumber(ARGV[11]), tonumber(ARGV[12]))
keep_alive()
return 'ok'
