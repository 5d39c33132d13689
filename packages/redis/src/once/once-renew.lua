-- Prolongs a lease, also one that has run out and that nobody has taken.
--
-- KEYS  1 the record: see once-state.part.lua
-- ARGV  1 token   2 leaseMs   3 ttlMs   life of the record after this
-- REPLY 1 where the token still has the lease, else 0
-- EVENTS none
--
-- Safe as a ghost: a lease is prolonged once more.
-- @include once-state.part.lua

if state ~= 'p' or token ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'u', whole(now + tonumber(ARGV[2]) * 1000), 'm', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
