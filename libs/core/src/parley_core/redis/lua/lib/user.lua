-- A user's hash lives as long as a session after the last use of it, because it lists the sessions.
local USER_LIFE = 7 * 24 * 3600 * 1000
