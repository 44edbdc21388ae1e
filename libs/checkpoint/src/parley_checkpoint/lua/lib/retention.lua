-- Which checkpoints stay. A lasting namespace is one without ':' (the graph itself, or a subgraph
-- with a memory of its own); any other belongs to one task and ends with its turn.
--   1. Always: the newest of each lasting namespace, the newest of it before the current turn
--      (what a rollback goes back to), and in the current turn the newest of every namespace.
--   2. Of the current turn: all others too.
--   3. Of earlier turns: those younger than the given age; with an interval, of these only the
--      last of every interval-th turn in a lasting namespace.
--   4. If these are more than the given number, so many of 2 and 3 go, the oldest first, that a
--      fifth of the number is free: so most puts need not look at this.
--   5. Always: the ancestors that a kept one cannot be read without (delta channels).
-- With a new turn only those are looked at that were kept for what passes (1, 2 and 5): others are
-- settled, and wait for their age or for rule 4. For their age all are looked at, ten times in it.

-- When those that may be too old were put or read last.
local function read_touched(found, age, at)
  if age > 0 then
    local members = {}
    for index, entry in ipairs(found) do
      members[index] = entry.member
    end
    for index, touched in ipairs(read_fields(KEYS[2], 't', members)) do
      found[index].is_old = tonumber(touched or 0) + age <= at
    end
  end
end

-- Rules 1 to 3.
local function choose(found, current, interval)
  local newest, base, last = {}, {}, {}
  for _, entry in ipairs(found) do
    local namespace, turn = entry.namespace, entry.turn
    local is_current, is_newest = turn == current, not newest[namespace]
    local is_base = not is_current and not base[namespace]
    last[namespace] = last[namespace] or {}
    local is_last = not last[namespace][turn]
    newest[namespace], last[namespace][turn] = true, true
    base[namespace] = base[namespace] or is_base
    local is_sampled = interval == 0 or (entry.lasting and is_last and turn % interval == 0)
    entry.always = (is_newest and is_current) or (entry.lasting and (is_newest or is_base))
    entry.is_passing = entry.always or is_current
    entry.stays = entry.is_passing or (is_sampled and not entry.is_old)
  end
end

-- Rule 4.
local function limit(found, most)
  local surplus = math.floor(most / 5) - most
  for _, entry in ipairs(found) do
    surplus = surplus + (entry.stays and 1 or 0)
  end
  for index = #found, 1, -1 do
    local entry = found[index]
    if surplus > 0 and entry.stays and not entry.always then
      entry.stays = false
      surplus = surplus - 1
    end
  end
end

local function settle(found)
  local scores = {}
  for _, entry in ipairs(found) do
    if entry.stays and not entry.is_passing and not entry.is_settled then
      scores[#scores + 1] = entry.turn
      scores[#scores + 1] = entry.member
    end
  end
  in_chunks(scores, AT_ONCE, function(chunk)
    redis.call('ZADD', KEYS[1], unpack(chunk))
  end)
end

local function is_age_due(age, at)
  return age > 0 and at >= tonumber(redis.call('HGET', KEYS[2], 'looked') or 0) + age / 10
end

-- With a new turn, or when there are too many.
local function retain(turn, is_crowded)
  local age, most, interval, at = tonumber(ARGV[11]), tonumber(ARGV[12]), tonumber(ARGV[13]), now()
  local looks_at_all = is_crowded or is_age_due(age, at)
  if not looks_at_all and interval == 0 then
    return
  end
  local found = entries(looks_at_all and 0 or UNSETTLED)
  read_touched(found, age, at)
  choose(found, turn, interval)
  if is_crowded then
    limit(found, most)
  end
  settle(found)
  keep_ancestors(found)
  drop_the_rest(found)
  if looks_at_all and age > 0 then
    redis.call('HSET', KEYS[2], 'looked', at)
  end
end
