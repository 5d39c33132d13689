-- Circuit hold: an operator's wish, which stands above all proposals. The same rules as `hold` in `memory-ledger.ts`.
--
-- KEYS  1 m  2 v  3 z   see turn.part.lua
--       4 hash b:<id>   5 zset q:<id>   deleted by every change
--       6 list o        what operators did, the latest first: "now (us) owner state id forMs reason node epoch"; under a prefix
--                       of its own, so that only operators may be allowed to write it
-- ARGV  1 channel  2 PUBLISH or SPUBLISH  3 id  4 state F|D|A|C (A auto, C closed)  5 forMs  6 basis  7 owner  8 reason
--       9 processes that share  10 node
-- REPLY {1, incarnation, now (us), clock, ruling}
-- EVENTS one message at the most: see circuit-step.lua

-- @include turn.part.lua

local MAX_HOLD_MS, MAX_AUDITED, AUDIT_TTL_MS = 604800000, 1000, 2592000000
local place = {id = ARGV[3], round = KEYS[4], ballots = KEYS[5]}
local state, floor = ARGV[4], math.min(math.max(0, num(ARGV[6])), MAX_EPOCH)
local entry = ruled(place.id)

local function notes(why)
  return notesOf('by', ARGV[7], 'why', why, 'for', ARGV[8])
end

local function held()
  local span = math.max(1, whole(num(ARGV[5]), MAX_HOLD_MS))
  local level = state == 'F' and entry.level or 0
  return {state = state, till = now + span * 1000, span = span, level = level, notes = notes('held')}
end

-- What comes of it; nil where nothing does.
local function change()
  if state == 'F' or state == 'D' then return held() end
  if state == 'C' then return {state = 'C', notes = notes('released')} end
  if state ~= 'A' then error('no such state') end
  if entry.state == 'F' then return {state = 'O', till = now, level = entry.level, notes = notes('released')} end
  if entry.state == 'D' then return {state = 'C', notes = notes('released')} end
  return nil
end

-- Written down before it is done: who must not write there changes nothing.
local coming = change()
local epoch = coming and nextVersion(math.max(floor, entry.epoch)) or entry.epoch
local words = {int(now), ARGV[7], state, place.id, ARGV[5], ARGV[8], ARGV[10], int(epoch)}
redis.call('LPUSH', KEYS[6], table.concat(words, ' '))
redis.call('LTRIM', KEYS[6], 0, MAX_AUDITED - 1)
redis.call('PEXPIRE', KEYS[6], AUDIT_TTL_MS)
if coming then rule(place, floor, coming) end
finish(num(ARGV[9]), false)
local result = header()
result[#result + 1] = told(place.id)
return result
