-- Circuit sync: poll, heartbeat and ticket in one. The same rules as `sync` in `memory-ledger.ts`.
--
-- KEYS  1 m  2 v  3 z   see turn.part.lua        4 zset n   presence: node -> last seen (ms)
-- ARGV  1 channel  2 PUBLISH or SPUBLISH  3 node  4 incarnation  5 since  6 limit  7 presence 1|0  8 nodeTtlMs, 0 for a node that leaves
--       9 leaseTtlMs  10 nonce  11 shards  12 minor
-- REPLY {1, incarnation, now (us), clock, nodes, more 1|0, pollMs, shards, least reader minor, ruling, ruling, ...}
--       ruling id,epoch,state,remaining ms,span ms,reopenings,free[,k=v]*
-- EVENTS what earlier scripts have not published yet: see circuit-step.lua
--
-- Safe as a ghost: it says again that the node is there, and at most holds back leases a little longer.

-- @include turn.part.lua

local MIN_POLL_MS, MAX_POLL_MS = 2000, 10000
local isPresent, nodeTtl, leaseTtl = ARGV[7] == '1', num(ARGV[8]), num(ARGV[9])

local function noticeNewServer()
  local server = (isPresent or meta.i == '') and serverId() or ''
  local isOther = isPresent and server ~= '' and server ~= meta.run
  if meta.i == '' or isOther then
    beginIncarnation(ARGV[10], server, leaseTtl)
  elseif ARGV[4] ~= '-' and ARGV[4] ~= meta.i then
    prolongHold(leaseTtl)
  end
end

local function noteSender()
  if meta.S == 0 then setMeta('S', num(ARGV[11])) end
  setMeta('f', math.max(meta.f, num(ARGV[12])))
  setMeta('r', math.max(meta.r, READER_MINOR))
  if not isPresent then return end
  setMeta('lt', math.max(meta.lt, whole(leaseTtl, MAX_LEASE_MS)))
  local nowMs = math.floor(now / 1000)
  if nodeTtl <= 0 then -- it leaves, and says nothing of the others
    redis.call('ZADD', KEYS[4], 0, ARGV[3])
    redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', 0)
    return
  end
  redis.call('ZADD', KEYS[4], int(nowMs), ARGV[3])
  redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', int(nowMs - nodeTtl))
  redis.call('ZREMRANGEBYSCORE', KEYS[4], '(' .. int(nowMs), '+inf')
  redis.call('PEXPIRE', KEYS[4], int(math.ceil(nodeTtl)))
end

noticeNewServer()
noteSender()
local since = num(ARGV[5])
if ARGV[4] ~= meta.i or since > meta.c then since = 0 end
local nodes = redis.call('ZCARD', KEYS[4])
local ids, versions, hasMore = changesSince(since, math.max(1, num(ARGV[6])))
local rulings = tellAll(ids)
finish(nodes, isPresent)
local result = header()
if hasMore then result[4] = int(versions[#versions]) end
local pollMs = math.min(math.max(nodes, MIN_POLL_MS), MAX_POLL_MS)
for _, part in ipairs({nodes, hasMore and 1 or 0, pollMs, int(meta.S), int(meta.r)}) do result[#result + 1] = part end
for _, ruling in ipairs(rulings) do result[#result + 1] = ruling end
return result
