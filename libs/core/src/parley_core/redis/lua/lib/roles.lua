-- What somebody is in a session: 'owner', 'member', 'viewer', or nil for who is not in it.
--   owner: of the session; stored: what meta has as 'm:<user>'
local function role_of(owner, stored, user)
  return owner == user and 'owner' or stored or nil
end

local function may_write(role)
  return role == 'owner' or role == 'member'
end
