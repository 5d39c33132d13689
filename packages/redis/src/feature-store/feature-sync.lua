-- Feature sync: whether anything has changed, and all that there is where it has.
--
-- KEYS  1 m  2 r  see feature-state.part.lua
-- ARGV  1 the stamp that is known; '' where none is
-- REPLY {now (ms), stamp}                       nothing has changed
--       {now (ms), stamp, {feature, record, ..}}
-- EVENTS none
--
-- Reads only, but for the lives of its keys, which it prolongs where it may. Safe as a ghost.

-- @include feature-state.part.lua

for _, key in ipairs({KEYS[1], KEYS[2]}) do
  local left = redis.call('PTTL', key)
  if left ~= -2 and left < KEEP_MS / 2 then redis.pcall('PEXPIRE', key, KEEP_MS) end
end
local current = stamp()
if current == ARGV[1] then return {whole(now), current} end
return {whole(now), current, redis.call('HGETALL', KEYS[2])}
