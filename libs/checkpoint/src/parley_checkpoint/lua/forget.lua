-- Named checkpoints go, whatever needs them.
--
-- KEYS 1 index, 2 data, 3 writes, 4 blobs of the thread (lib/layout)
-- ARGV 1.. members (lib/layout); those that are not there are passed over
-- Reply: 'ok'
-- By: delete_for_runs. A repeat changes nothing.
-- include: layout
-- include: fields
-- include: lists
-- include: values
-- include: release
-- include: drop
local members = {}
for _, member in ipairs(ARGV) do
  members[#members + 1] = redis.call('ZSCORE', KEYS[1], member) and member or nil
end
drop(members)
return 'ok'
