-- Outbox add: keeps an item, unless its key is known or there is no room.
--
-- KEYS  see outbox-state.part.lua
-- ARGV  1 key   2 item, as JSON   3 maxItems
-- REPLY 'kept' | 'known' | 'full'
-- EVENTS none
--
-- Safe as a ghost: a key that is kept, or was settled lately, is known.
-- @include outbox-state.part.lua

local knownUntil = tonumber(redis.call('ZSCORE', KEYS[4], ARGV[1]) or '0')
if redis.call('HEXISTS', KEYS[3], ARGV[1]) == 1 or knownUntil > now / 1000 then return 'known' end
if redis.call('XLEN', KEYS[1]) + redis.call('XLEN', KEYS[2]) >= tonumber(ARGV[3]) then return 'full' end
enqueue(ARGV[1], ARGV[2], '0')
return 'kept'
