-- Outbox take: gives the oldest item that waits, or whose taker let its lease run out, to a taker.
--
-- KEYS  see outbox-state.part.lua
-- ARGV  1 taker      a consumer of the group, who has nothing that he knows of
--       2 leaseMs    3 gapMs   time until the next taking
-- REPLY {'entry', id, key, attempt, item, generation, attempts in a row that came to no end, age (ms)}
--       {'wait', left (ms)}   {'none'}
-- EVENTS none
--
-- Safe as a ghost, and to be asked again: a taker who has an item gets the same one, and no attempt is counted.
-- @include outbox-state.part.lua

local DAY_MS, PRUNE_MS = 86400000, 60000
local taker, leaseMs, gapMs = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
if redis.call('EXISTS', KEYS[1]) == 0 then return {'none'} end

local function given(id, fields)
  local _, takings = takingOf(id)
  local generation = placeOf(fields.k) or id
  local age = math.max(0, math.floor(now / 1000 - tonumber(string.match(generation, '^%d+'))))
  return {'entry', id, fields.k, tonumber(fields.a) + takings, fields.i, generation, takings - 1, whole(age)}
end

local own = redis.call('XPENDING', KEYS[1], 'g', '-', '+', 1, taker)[1]
if own then
  local fields = entryOf(KEYS[1], own[1])
  if fields then return given(own[1], fields) end
  redis.call('XACK', KEYS[1], 'g', own[1])
end

-- Never longer than the pause was: the server's clock may have stepped back.
local meta = redis.call('HMGET', KEYS[5], 'n', 'w', 'l', 'p')
local left = math.min(tonumber(meta[1] or '0') - now, tonumber(meta[2] or '0') * 1000)
if left > 0 then return {'wait', math.ceil(left / 1000)} end

-- A lease is as long as the longest that anybody asks for: takers need not agree.
local longest = math.max(leaseMs, tonumber(meta[3] or '0'))

local function reclaimed()
  local cursor = '0-0'
  repeat
    local reply = redis.call('XAUTOCLAIM', KEYS[1], 'g', taker, whole(longest), cursor, 'COUNT', 1)
    cursor = reply[1]
    if reply[2][1] then return reply[2][1] end
  until cursor == '0-0'
  return nil
end

local function fresh()
  local reply = redis.call('XREADGROUP', 'GROUP', 'g', taker, 'COUNT', 1, 'STREAMS', KEYS[1], '>')
  return reply and reply[1] and reply[1][2][1]
end

-- Consumers of processes that are gone, once a minute.
local function prune()
  if math.abs(now / 1000 - tonumber(meta[4] or '0')) < PRUNE_MS then return end
  redis.call('HSET', KEYS[5], 'p', whole(now / 1000))
  for _, row in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], 'g')) do
    local consumer = fieldsOf(row)
    if consumer.pending == 0 and consumer.idle > DAY_MS then
      redis.call('XGROUP', 'DELCONSUMER', KEYS[1], 'g', consumer.name)
    end
  end
end

-- First what needs no memory: a server that is full must be able to hand out what it has.
local row = reclaimed() or fresh()
redis.call('HSET', KEYS[5], 'l', whole(longest))
redis.call('PEXPIRE', KEYS[5], META_TTL_MS)
prune()
if not row then return {'none'} end
if gapMs > 0 then pauseFor(gapMs) end
return given(row[1], fieldsOf(row[2]))
