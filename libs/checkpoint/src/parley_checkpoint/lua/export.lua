-- A thread as one can give it to `import`.
--
-- KEYS 1 index, 2 data, 3 writes, 4 blobs of the thread (lib/layout)
-- Reply: for each key what DUMP says, nil for one that is not there
-- By: copy_thread. A repeat reads again.
local dumps = {}
for index, key in ipairs(KEYS) do
  dumps[index] = redis.call('DUMP', key)
end
return dumps
