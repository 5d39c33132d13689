-- Circuit hold: an operator's wish, which stands above all proposals. The same rules as `hold` in `memory-ledger.ts`.
--
-- KEYS  1 m  2 v  3 z   see turn.part.lua
--       4 hash b:<id>   5 zset q:<id>   deleted by every change
--       6 list o        what operators did, the latest first: "now (us) owner state id forMs reason node epoch"; under a prefix
--                       of its own, so that only operators may be allowed to write it
-- ARGV  1 channel  2 PUBLISH or SPUBLISH  3 incarnation  4 ticket (us)  5 node  6 processes that share
--       7 id  8 state F|D|A|C (A auto, C closed)  9 forMs  10 basis  11 owner  12 reason
-- REPLY {1, incarnation, now (us), clock, done|fenced|stale, ruling}
-- EVENTS one message at the most: see circuit-step.lua
--
-- Safe as a ghost: what runs again is refused by the ticket, or fenced by the epoch that it led to itself.

-- @include turn.part.lua

local MAX_HOLD_MS, MAX_AUDITED, AUDIT_TTL_MS = 604800000, 1000, 2592000000
local node, fleet = ARGV[5], num(ARGV[6])
local place = {id = ARGV[7], round = KEYS[4], ballots = KEYS[5]}
local state, floor = ARGV[8], math.min(math.max(0, num(ARGV[10])), MAX_EPOCH)
local entry

local function notes(why)
  return notesOf('by', ARGV[11], 'why', why, 'for', ARGV[12])
end

local function held()
  local span = math.max(1, whole(num(ARGV[9]), MAX_HOLD_MS))
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
local function hold()
  if not isTicketGood(ARGV[3], num(ARGV[4])) then return 'stale' end
  entry = ruled(place.id)
  if num(ARGV[10]) < entry.epoch then return 'fenced' end
  local coming = change()
  local epoch = coming and nextVersion(math.max(floor, entry.epoch)) or entry.epoch
  local words = {int(now), ARGV[11], state, place.id, ARGV[9], ARGV[12], node, int(epoch)}
  redis.call('LPUSH', KEYS[6], table.concat(words, ' '))
  redis.call('LTRIM', KEYS[6], 0, MAX_AUDITED - 1)
  redis.call('PEXPIRE', KEYS[6], AUDIT_TTL_MS)
  if coming then rule(place, floor, coming) end
  return 'done'
end

noticeOtherServer(node, 0)
local code = hold()
finish(fleet, false)
local result = header()
result[#result + 1] = code
result[#result + 1] = told(place.id)
return result
