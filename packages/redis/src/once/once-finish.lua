-- Records what a try has come to, if its token is still the last one.
--
-- KEYS  1 the record: see once-state.part.lua
-- ARGV  1 token   2 what it came to: d, n, f, or i to make the key free again   3 r   4 ttlMs   life of the record after this
-- REPLY {'ok'}                        recorded, now or before
--       {'d' | 'n' | 'f', r, token}   another try came to this
--       {'lost', '', token}           another try has the lease
-- EVENTS none
--
-- Safe as a ghost: an outcome is recorded once; under an old token nothing is.
-- @include once-state.part.lua

if token == ARGV[1] and (state == 'p' or state == ARGV[2]) then
  redis.call('HSET', KEYS[1], 's', ARGV[2], 'r', ARGV[3])
  redis.call('HDEL', KEYS[1], 'h', 'u', 'm')
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
  return {'ok'}
end
if settled then return {state, record[7] or '', token} end
return {'lost', '', token}
