-- Only the newest checkpoint of each namespace stays, and what it cannot be read without.
--
-- KEYS 1 index, 2 data, 3 writes, 4 blobs of the thread (lib/layout)
-- Reply: 'ok'
-- By: prune. A repeat changes nothing.
-- include: layout
-- include: fields
-- include: lists
-- include: values
-- include: release
-- include: drop
-- include: entries
local found, seen = entries(0), {}
for _, entry in ipairs(found) do
  entry.stays = not seen[entry.namespace]
  seen[entry.namespace] = true
end
keep_ancestors(found)
drop_the_rest(found)
return 'ok'
