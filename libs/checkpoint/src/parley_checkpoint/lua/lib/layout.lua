-- How a thread's four keys are laid out. A member is namespace, NUL, checkpoint id; a name is
-- channel, NUL, version.
--   1 index   zset: each member; its score is its turn, plus UNSETTLED as long as it stays for a
--             reason that will pass (lib/retention)
--   2 data    hash: p<member> the checkpoint, opaque; h<member> {parent or '', the channels whose
--             values must be rebuilt from its ancestors' writes, names of its values}; t<member> ms
--             of its last put or read, where checkpoints age; l<namespace> the newest id of it;
--             turn, run: number and run id of the newest turn; delta: '1' once there was such a
--             channel; looked: ms of the last look at everything for its age
--   3 writes  hash: n<member> the tasks that wrote; w<member> NUL <task> what one wrote: for each
--             write its index (2 bytes), its length (4) and itself, opaque
--   4 blobs   hash: v<namespace> NUL <name> how many checkpoints have this value, ':', and a record:
--             'i' and the value, 'b' for one in b<namespace> NUL <name>, 'l' and the id of a list,
--             'a' for none; <id> an element of lists, opaque; l<id> a list: the list it begins as
--             (16 bytes, zeros for none), how many of that one's elements it keeps (4), and the ids
--             of the elements that follow; c<id> how many have this list or element. An id is a
--             hash of 16 bytes
-- h and n are packed with cmsgpack; numbers of fixed size have their high byte first.
local UNSETTLED = 4294967296

local function split_member(member)
  local nul = string.find(member, '\0', 1, true)
  return string.sub(member, 1, nul - 1), string.sub(member, nul + 1)
end
