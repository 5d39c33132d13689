-- Outbox postpone: puts an item behind the others, and pauses for all.
--
-- KEYS  see outbox-state.part.lua
-- ARGV  1 id   2 taker   3 pauseMs
-- REPLY 1 where the taker had it, else 0
-- EVENTS none
--
-- Safe as a ghost: who has it no more changes nothing.
-- @include outbox-state.part.lua

local taker, takings = takingOf(ARGV[1])
local fields = taker == ARGV[2] and entryOf(KEYS[1], ARGV[1])
if not fields then return 0 end
enqueue(fields.k, fields.i, whole(tonumber(fields.a) + takings), (placeOf(fields.k)))
dequeue(ARGV[1])
if tonumber(ARGV[3]) > 0 then pauseFor(tonumber(ARGV[3])) end
return 1
