-- Outbox bury: puts an item with the dead.
--
-- KEYS  see outbox-state.part.lua
-- ARGV  1 id   2 taker   3 why
-- REPLY 1 where the taker had it, else 0
-- EVENTS none
--
-- Safe as a ghost: who has it no more changes nothing.
-- @include outbox-state.part.lua

local taker, takings = takingOf(ARGV[1])
local fields = taker == ARGV[2] and entryOf(KEYS[1], ARGV[1])
if not fields then return 0 end
local attempts = whole(tonumber(fields.a) + takings)
local id = redis.call('XADD', KEYS[2], '*', 'k', fields.k, 'i', fields.i, 'a', attempts, 'w', ARGV[3])
redis.call('HSET', KEYS[3], fields.k, (placeOf(fields.k) or ARGV[1]) .. ' ' .. id .. ' d')
dequeue(ARGV[1])
return 1
