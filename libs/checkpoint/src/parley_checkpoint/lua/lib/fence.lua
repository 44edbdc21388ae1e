-- The scripts that a run calls begin with it: KEYS 5, ARGV 1 to 3.

-- With a lease named, its token must be the one that was given.
local function is_stale()
  return KEYS[5] ~= nil and redis.call('HGET', KEYS[5], ARGV[1]) ~= ARGV[2]
end

-- All keys of a thread die together; a key that was made just now gets its end here.
local function keep_alive()
  if ARGV[3] ~= '0' then
    for index = 1, 4 do
      redis.call('PEXPIRE', KEYS[index], ARGV[3])
    end
  end
end
