-- A token bucket: a hash of the tokens left and the time at which they were counted.
local function tokens_in(hash, rate, burst)
  local bucket = redis.call('HMGET', hash, 'tokens', 'at')
  -- After a failover the clock may be behind.
  local elapsed = math.max(0, now - tonumber(bucket[2] or now))
  return math.min(burst, tonumber(bucket[1] or burst) + elapsed * rate / 1000)
end

local function keep_tokens(hash, tokens, rate, burst)
  redis.call('HSET', hash, 'tokens', tokens, 'at', now)
  redis.call('PEXPIRE', hash, math.ceil(burst * 1000 / rate) + 1000)
end
