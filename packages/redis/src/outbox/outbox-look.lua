-- Outbox look: what is kept, and how safe it is there.
--
-- KEYS  see outbox-state.part.lua
-- ARGV  1 number of the dead to show   2 1 to ask for the server's settings, else 0
-- REPLY {in s, taken, dead, {{key, attempts, why, item}, ...}, settings, age of the first in s (ms), -1 where there is none}
-- EVENTS none
--
-- Safe as a ghost: it changes nothing.
-- @include outbox-state.part.lua

local kept = redis.call('XLEN', KEYS[1])
local taken = kept > 0 and redis.call('XPENDING', KEYS[1], 'g')[1] or 0
local dead = {}
if tonumber(ARGV[1]) > 0 then
  for _, row in ipairs(redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', ARGV[1])) do
    local fields = fieldsOf(row[2])
    dead[#dead + 1] = {fields.k, fields.a, fields.w, fields.i}
  end
end
local settings = ARGV[2] == '1' and redis.call('INFO', 'memory') .. redis.call('INFO', 'persistence') or ''
local first = kept > 0 and redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
local age = -1
if first then
  local generation = placeOf(fieldsOf(first[2]).k) or first[1]
  age = math.max(0, math.floor(now / 1000 - tonumber(string.match(generation, '^%d+'))))
end
return {kept, taken, redis.call('XLEN', KEYS[2]), dead, settings, whole(age)}
