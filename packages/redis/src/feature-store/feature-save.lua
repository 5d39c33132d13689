-- Feature save: compare and set of one record, with its entry in the trail and its notice, in one step.
--
-- KEYS  1 m  2 r  see feature-state.part.lua
--       3 list t  the trail, the latest first: "hash json"; see sha256.part.lua
-- ARGV  1 channel  2 PUBLISH or SPUBLISH  3 mark: unique to this write
--       4 feature  5 revision  6 origin  7 seal  8 text of the record
--       9 entry: its fields between `at` and `expiresAt`, as JSON without brackets; '' writes none
--       10 expiresInMs of the entry; '' is never   11 entries that the trail holds
--       12 the server's time when it was sent, as the sender knows it (ms); '' where it does not
--       13 a record that the sender has found here and cannot read; '' where there is none
--       14 what the entry has after `expiresAt`: a comma and JSON; '' for nothing
-- REPLY {now (ms), stamp before, stamp after, 'saved' | 'kept', the record that is there now}
-- EVENTS "1 <stamp before> <stamp after> <feature> <record>" of what was saved
--
-- Safe as a ghost: what runs again does not supersede itself, and what runs late was saved when it was sent.

-- @include feature-state.part.lua
-- @include sha256.part.lua
-- @include iso-time.part.lua

local before = stamp()
local packed = redis.call('HGET', KEYS[2], ARGV[4])
local revision, origin = tonumber(ARGV[5]), ARGV[6]

-- What is left of overrides is counted from when it was sent: a server that stood still must not prolong them. A clock that was
-- set since then is not believed.
local MAX_LATE_MS = 60000
local sent = tonumber(ARGV[12])
local savedMs = sent and sent <= now and sent > now - MAX_LATE_MS and math.floor(sent) or now

-- What the sender cannot read stands in nobody's way once nothing of it can be in force: overrides last 24 hours at the most.
local function isVoid()
  local saved = tonumber(string.match(packed, '^%d+ %x* (%d+) ') or '')
  return packed == ARGV[13] and saved ~= nil and now - saved > 86400000
end

if packed and not supersedes(revision, origin, packed) and not isVoid() then
  return {whole(now), before, before, 'kept', packed}
end

-- The entry of the trail: its hash is over the entry, with the hash of the one before in it.
local function chain(previous)
  local expiresAt = ARGV[10] == '' and '' or isoTime(savedMs + tonumber(ARGV[10]))
  local json = '["' .. previous .. '","' .. isoTime(savedMs) .. '",' .. ARGV[9] .. ',"' .. expiresAt .. '"' .. ARGV[14] .. ']'
  local hash = sha256(json)
  redis.call('LPUSH', KEYS[3], hash .. ' ' .. json)
  redis.call('LTRIM', KEYS[3], 0, tonumber(ARGV[11]) - 1)
  redis.call('PEXPIRE', KEYS[3], 2592000000)
  redis.call('HSET', KEYS[1], 'h', hash)
end

if ARGV[9] ~= '' then chain(redis.call('HGET', KEYS[1], 'h') or '') end
if not redis.call('HGET', KEYS[1], 'e') then redis.call('HSET', KEYS[1], 'e', ARGV[3]) end
redis.call('HINCRBY', KEYS[1], 'v', 1)
redis.call('HSET', KEYS[1], 's', ARGV[3])
packed = table.concat({ARGV[5], origin, whole(savedMs), ARGV[7], ARGV[8]}, ' ')
redis.call('HSET', KEYS[2], ARGV[4], packed)
redis.call('PEXPIRE', KEYS[1], KEEP_MS)
redis.call('PEXPIRE', KEYS[2], KEEP_MS)
local after = stamp()
redis.call(ARGV[2], ARGV[1], table.concat({'1', before, after, ARGV[4], packed}, ' '))
return {whole(now), before, after, 'saved', packed}
