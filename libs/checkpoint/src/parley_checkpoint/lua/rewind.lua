-- Back to a checkpoint: all that came after it goes, in every namespace.
--
-- KEYS 1 index, 2 data, 3 writes, 4 blobs of the thread (lib/layout), 5 the leases (fenced only)
-- ARGV 1 lease field, 2 token ('' and '' unfenced)
--      3 life of the thread in ms, 0 for ever
--      4 the checkpoint's id; '' if nothing stays
-- Reply: 'ok' | 'stale' not the token, nothing was changed
-- By: rewind. A repeat changes nothing.
-- include: layout
-- include: fence
-- include: fields
-- include: lists
-- include: values
-- include: release
-- include: drop
-- include: entries
if is_stale() then
  return 'stale'
end
local found = entries(0)
for _, entry in ipairs(found) do
  entry.stays = entry.id <= ARGV[4]
end
drop_the_rest(found)
keep_alive()
return 'ok'
