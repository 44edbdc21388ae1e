-- How a thread's four keys are laid out. A member is namespace, NUL, checkpoint id.
--   1 index   zset: each member with score 0, so that they sort by namespace, then by age
--   2 data    hash: p<member> the checkpoint, opaque; h<member> {turn, ms of the last put or read,
--             parent it cannot be read without or ''}; r<member> names of its channel values;
--             turn, run: number and run id of the newest turn
--   3 writes  hash: n<member> names of its writes; w<member> NUL <name> a write, opaque
--   4 blobs   hash: b<name> a channel value, opaque; n<name> how many checkpoints have it
-- Lists in fields are packed with cmsgpack.

local function newest_of(namespace)
  return redis.call('ZREVRANGEBYLEX', KEYS[1],
    '(' .. namespace .. '\1', '[' .. namespace .. '\0', 'LIMIT', 0, 1)[1]
end

local function write_names(member)
  local packed = redis.call('HGET', KEYS[3], 'n' .. member)
  return packed and cmsgpack.unpack(packed) or {}
end
