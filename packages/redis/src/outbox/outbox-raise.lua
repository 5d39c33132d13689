-- Outbox raise: takes an item from the dead: to let it wait again, with no attempt made, or to let it go for good.
--
-- KEYS  see outbox-state.part.lua
-- ARGV  1 key   2 revive | discard
-- REPLY 1 where it was dead, else 0
-- EVENTS none
--
-- Safe as a ghost: what is not dead any more is left alone. What has died again since is raised again, at worst.
-- @include outbox-state.part.lua

local _, id, isDead = placeOf(ARGV[1])
local fields = isDead and entryOf(KEYS[2], id)
if not fields then return 0 end
if ARGV[2] == 'revive' then enqueue(ARGV[1], fields.i, '0') else redis.call('HDEL', KEYS[3], ARGV[1]) end
unbury(id)
return 1
