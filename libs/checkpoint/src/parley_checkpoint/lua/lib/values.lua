-- The records of channel values, which checkpoints share.

-- How many checkpoints have a value, and its record.
local function counted(packed)
  local colon = string.find(packed, ':', 1, true)
  return tonumber(string.sub(packed, 1, colon - 1)), string.sub(packed, colon + 1)
end

local function kind_of(record)
  return string.sub(record, 1, 1)
end

-- The list of a record that is one.
local function list_of(record)
  return kind_of(record) == 'l' and string.sub(record, 2) or nil
end
