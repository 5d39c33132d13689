-- Takes the lease of a key, or tells what has become of it.
--
-- KEYS  1 the record: see once-state.part.lua
-- ARGV  1 holder      who asks: the same again where the reply was lost
--       2 leaseMs     3 ttlMs   life of the record after this
-- REPLY {'mine', token, tries}        the lease is the holder's; the token is higher than any before
--       {'busy', left (ms), token}    another one has it
--       {'d' | 'n' | 'f', r, token}   it was done, or has failed for good
-- EVENTS none
--
-- Safe as a ghost: at worst a lease that nobody uses, until it runs out.
-- @include once-state.part.lua

if settled then return {state, record[7] or '', token} end

if state == 'p' then
  -- Never longer than the lease was: the server's clock may have stepped back.
  local left = math.min(tonumber(record[5]) - now, tonumber(record[6]) * 1000)
  if left > 0 and record[4] ~= ARGV[1] then return {'busy', math.ceil(left / 1000), token} end
  if left > 0 then
    redis.call('HSET', KEYS[1], 'u', whole(now + tonumber(ARGV[2]) * 1000), 'm', ARGV[2])
    redis.call('PEXPIRE', KEYS[1], ARGV[3])
    return {'mine', token, tries}
  end
end

token = whole(math.max(now, tonumber(token) + 1))
redis.call('HSET', KEYS[1], 's', 'p', 't', token, 'a', whole(tries + 1), 'h', ARGV[1],
  'u', whole(now + tonumber(ARGV[2]) * 1000), 'm', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return {'mine', token, tries + 1}
