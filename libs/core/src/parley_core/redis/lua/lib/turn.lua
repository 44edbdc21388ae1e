-- The turn that is open, as meta has it. What a turn asked and was told lives as long as it does:
--   asks     JSON: the interrupts that it asked with last; each question has one of its own
--   answers  JSON: interrupt -> the answer's own JSON

-- A turn that is not open yet may be stopped already; `begin` takes this over.
local function stop_before(turn)
  return 's:' .. turn
end

-- A question that waits for its answer: the one that is named, or any for ''.
local function unanswered(asks, answers, wanted)
  local told = cjson.decode(answers or '{}')
  for _, interrupt in ipairs(cjson.decode(asks or '[]')) do
    if not told[interrupt] and (wanted == '' or wanted == interrupt) then
      return interrupt
    end
  end
end

-- What goes on with a turn that asked: as mail it is its turn's, not its own.
local function resume_mail(turn)
  return turn .. '\n{"kind":"answer","message_id":' .. cjson.encode(turn)
    .. ',"user_id":"","device_id":""}'
end
