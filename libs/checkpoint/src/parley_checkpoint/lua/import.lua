-- A thread as a copy of another, in place of what it had.
--
-- KEYS 1 index, 2 data, 3 writes, 4 blobs of the thread (lib/layout)
-- ARGV 1 and 2 are ignored, 3 life of the thread in ms, 0 for ever
--      4 '' or the id of the last checkpoint to keep: in every namespace, later ones go
--      5-8 for each key the reply of `export`, '' for nil
-- Reply: 'ok'
-- By: copy_thread. A repeat copies again.
-- include: layout
-- include: fence
-- include: fields
-- include: lists
-- include: values
-- include: release
-- include: drop
-- include: entries
for index, key in ipairs(KEYS) do
  redis.call('UNLINK', key)
  if ARGV[4 + index] ~= '' then
    redis.call('RESTORE', key, 0, ARGV[4 + index])
  end
end
if ARGV[4] ~= '' then
  local found = entries(0)
  for _, entry in ipairs(found) do
    entry.stays = entry.id <= ARGV[4]
  end
  drop_the_rest(found)
end
keep_alive()
return 'ok'
