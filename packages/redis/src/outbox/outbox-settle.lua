-- Outbox settle: lets an item go that was delivered, wherever it is by now, and remembers its key.
--
-- KEYS  see outbox-state.part.lua
-- ARGV  1 key   2 generation   3 rememberMs   4 keys that are remembered at most
-- REPLY 1 where it was kept, else 0
-- EVENTS none
--
-- Safe as a ghost: what was added since under the same key is of another generation.
-- @include outbox-state.part.lua

local generation, id, isDead = placeOf(ARGV[1])
if generation ~= ARGV[2] then return 0 end
if isDead then unbury(id) else dequeue(id) end
redis.call('HDEL', KEYS[3], ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', whole(now / 1000))
redis.call('ZADD', KEYS[4], whole(now / 1000 + tonumber(ARGV[3])), ARGV[1])
redis.call('ZREMRANGEBYRANK', KEYS[4], 0, -1 - tonumber(ARGV[4]))
redis.call('PEXPIRE', KEYS[4], ARGV[3])
return 1
