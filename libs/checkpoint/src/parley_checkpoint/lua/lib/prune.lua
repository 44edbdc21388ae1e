-- Which checkpoints stay. A lasting namespace is one without ':' (the graph itself, or a subgraph
-- with a memory of its own); any other belongs to one task and ends with its turn.
--   1. Always: the newest of each lasting namespace, the newest of it before the current turn
--      (what a rollback goes back to), and in the current turn the newest of every namespace.
--   2. Of the current turn: all others too.
--   3. Of earlier turns: those younger than the given age; with an interval, of these only the
--      last of every interval-th turn in a lasting namespace.
--   4. Of 2 and 3 together with 1 at most the given number, the greatest ids first.
--   5. Always: the ancestors that a kept one cannot be read without (delta channels).
-- This changes with a new turn or when there are too many, so it is looked at only then.

local function entries()
  local members = redis.call('ZREVRANGE', KEYS[1], 0, -1)
  local heads = read_fields(KEYS[2], 'h', members)
  local found = {}
  for index, member in ipairs(members) do
    local nul = string.find(member, '\0', 1, true)
    local head = cmsgpack.unpack(heads[index])
    local namespace = string.sub(member, 1, nul - 1)
    found[index] = {
      member = member,
      namespace = namespace,
      id = string.sub(member, nul + 1),
      lasting = not string.find(namespace, ':', 1, true),
      turn = head[1],
      touched = head[2],
      needs = head[3] ~= '' and namespace .. '\0' .. head[3] or nil,
    }
  end
  return found
end

-- Rules 1 to 3; `found` has the newest of a namespace first.
local function choose(found, current, age, interval)
  local seen = {}
  local function is_first(kind, entry)
    local key = kind .. '\0' .. entry.namespace
    local is_it = not seen[key]
    seen[key] = true
    return is_it
  end
  for _, entry in ipairs(found) do
    local is_current = entry.turn == current
    local is_newest = is_first('newest', entry)
    local is_base = not is_current and is_first('base', entry)
    local is_last = is_first(entry.turn, entry)
    entry.always = (is_newest and is_current) or (entry.lasting and (is_newest or is_base))
    local is_sampled = interval == 0 or (entry.lasting and is_last and entry.turn % interval == 0)
    local is_young = age == 0 or entry.touched + age > now
    entry.stays = entry.always or is_current or (is_sampled and is_young)
  end
end

-- Rule 4.
local function limit(found, most)
  local count, others = 0, {}
  for _, entry in ipairs(found) do
    count = count + (entry.stays and 1 or 0)
    if entry.stays and not entry.always then
      others[#others + 1] = entry
    end
  end
  table.sort(others, function(one, other) return one.id < other.id end)
  for index = 1, math.min(count - most, #others) do
    others[index].stays = false
  end
end

-- Rule 5; a parent comes after its child, as its id is smaller.
local function keep_ancestors(found)
  local needed = {}
  for _, entry in ipairs(found) do
    entry.stays = entry.stays or needed[entry.member]
    if entry.stays and entry.needs then
      needed[entry.needs] = true
    end
  end
end

local function prune_if_due(is_new_turn, age, most, interval)
  local is_crowded = most > 0 and redis.call('ZCARD', KEYS[1]) > most
  if not is_crowded and not (is_new_turn and (age > 0 or interval > 0)) then
    return
  end
  local found = entries()
  choose(found, tonumber(redis.call('HGET', KEYS[2], 'turn')), age, interval)
  if most > 0 then
    limit(found, most)
  end
  keep_ancestors(found)
  for _, entry in ipairs(found) do
    if not entry.stays then
      drop(entry.member)
    end
  end
end
