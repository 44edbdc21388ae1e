-- What comes after a reader's position, or the newest events if the position is not proved, and
-- the live turn: one consistent view.
--
-- KEYS 1-10 the session's (lib/session)
-- ARGV 1 epoch, 2 seq or '', 3 id of the reader's position; 4 bytes a page, 5 events of a snapshot
-- Reply: as lib/attachment; nil if the session is gone
-- By: edge. Reads only: a repeat may give a newer view.
-- include: attachment
return attachment({epoch = ARGV[1], seq = tonumber(ARGV[2]), id = ARGV[3]}, tonumber(ARGV[4]), ARGV[5])
