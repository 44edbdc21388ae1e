-- Where a user is, as one consistent view.
--
-- KEYS 1 user, 2 online, 3 leaving
-- ARGV 1 user
-- Reply: as lib/whereabouts
-- By: edge, presence. Reads only.
-- include: now
-- include: whereabouts
return reply_of(whereabouts(ARGV[1]))
