-- Circuit step: takes proposals of one node, and says what became of each. The same rules as `ledger-step.ts`.
--
-- KEYS  1 m  2 v  3 z   see turn.part.lua; then for each proposal
--       hash b:<id>   the half-open round, see round.part.lua        zset q:<id>   ballots: "<epoch> <node>" -> end (us)
-- ARGV  1 channel  2 PUBLISH or SPUBLISH  3 incarnation  4 ticket (us)  5 node  6 processes that share
--       7.. one text per proposal, words apart by spaces, further words ignored:
--       T id basis openForMs evidenceAgeMs maxEvidenceMs quorum ballotTtlMs why fingerprint
--       C id basis openMs backoffRatio maxOpenMs want leaseTtlMs leaseBase K S F V leasesPerNode
--       R id basis openMs backoffRatio maxOpenMs lease 1|0 retryAfterMs rampMs
--       X id basis lease
--       L id basis evidenceAgeMs successes neededSuccesses rampMs
--       S id basis leaseTtlMs state remainingMs spanMs reopenings [k=v ...]
--       B id basis hotMs
-- REPLY {1, incarnation, now (us), clock, then for each proposal: code with its words, ruling or ''}
--       codes  stale | fenced | seed-first | already | old-evidence | voted <ballots> | done | granted <ms> <lease> ... |
--              wait <ms> <early|hold|full> | lease-gone | noted | failed <message>
--       ruling id,epoch,state,remaining ms,span ms,reopenings,free[,k=v]*
-- EVENTS one message at the most: 1 <incarnation> <previous> <clock> <ruling>;<ruling>;... of at most 32 rulings
--
-- Safe as a ghost: what runs again is refused by the ticket, fenced by the epoch, or names a lease that is known.

-- @include turn.part.lua
-- @include round.part.lua

local MAX_REOPENINGS, MAX_HOT_MS, MIN_BALLOTS_TTL_MS = 1000000, 60000, 60000
local node, fleet = ARGV[5], num(ARGV[6])

-- ----- trip -----

-- Notes the ballot of this node, and returns the nodes whose ballots at this epoch are good.
local function vote(op, ballotTtl)
  local last = now + whole(ballotTtl, MAX_SPAN_MS) * 1000
  local prefix = int(op.basis) .. ' '
  redis.call('ZREMRANGEBYSCORE', op.ballots, '-inf', int(now))
  redis.call('ZADD', op.ballots, int(last), prefix .. node)
  redis.call('PEXPIRE', op.ballots, int(math.max(2 * whole(ballotTtl, MAX_SPAN_MS), MIN_BALLOTS_TTL_MS)))
  local voters = {}
  for _, ballot in ipairs(redis.call('ZRANGEBYSCORE', op.ballots, '-inf', int(last))) do
    if string.sub(ballot, 1, #prefix) == prefix then voters[#voters + 1] = string.sub(ballot, #prefix + 1) end
  end
  return voters
end

local function trip(op, words)
  local entry = ruled(op.id)
  if op.basis == entry.epoch and entry.state ~= 'C' then return 'already' end
  local age, quorum = math.max(0, num(words[5])), num(words[7])
  if now - age * 1000 < op.basis or age > num(words[6]) then return 'old-evidence' end
  local voters = quorum > 1 and vote(op, num(words[8])) or {node}
  if #voters < quorum then return 'voted ' .. int(#voters) end
  local till, span = openFor(num(words[4]))
  rule(op, op.basis, {state = 'O', till = till, span = span, notes = notesOf('by', namesNote(voters), 'why', words[9], 'cf', words[10])})
  return 'done'
end

-- ----- claim -----

-- Opens again. By multiplication: powers are not the same everywhere.
local function reopen(op, words, retryAfter, notes)
  local level = ruled(op.id).level + 1
  local ms, ratio, most = num(words[4]), num(words[5]), num(words[6])
  local steps, done = ratio > 1 and level or 0, 0
  while done < steps and ms < most do
    ms = ms * ratio
    done = done + 1
  end
  local till, span = openFor(math.min(most, math.max(ms, retryAfter)))
  rule(op, 0, {state = 'O', till = till, span = span, level = level, notes = notes})
  return 'done'
end

-- Keeps the hint how many leases are free, and tells all when it becomes nothing, or something.
local function tellFree(op, round)
  local entry, free = ruled(op.id), freeLeases(round)
  if (free == 0) == (entry.free == 0) then keep(op.id, copy(entry, {free = free}))
  else amend(op.id, copy(entry, {free = free})) end
end

local function begin(op, wanted)
  local entry = ruled(op.id)
  local why = string.match(' ' .. entry.notes, ' why=(%S+)') or '-'
  local notes = notesOf('by', node, 'why', why, 'lt', int(leaseOf(wanted)))
  local begun = rule(op, entry.epoch, {state = 'H', span = entry.span, level = entry.level, notes = notes})
  local round = beginRound(op, begun.epoch, entry.epoch, wanted)
  setMeta('lt', math.max(meta.lt, round.t))
  return round
end

local function claim(op, words)
  local wanted = {want = num(words[7]), leaseTtl = num(words[8]), leaseBase = words[9] or error('no lease')}
  wanted.K, wanted.S, wanted.F, wanted.V, wanted.N = num(words[10]), num(words[11]), num(words[12]), num(words[13]), num(words[14])
  local entry = ruled(op.id)
  if entry.state ~= 'O' and entry.state ~= 'H' then return 'already' end
  local hold = holdLeft()
  if hold > 0 then return 'wait ' .. int(ceilMs(hold)) .. ' hold' end
  if entry.state == 'O' and now < entry.till then return 'wait ' .. int(ceilMs(entry.till - now)) .. ' early' end
  local round = roundOf(op, entry)
  local out = round and 0 or outLeft(op.round)
  if out > 0 then return 'wait ' .. int(ceilMs(out)) .. ' full' end
  round = round or begin(op, wanted)
  reap(round)
  if round.x > round.V then return reopen(op, words, 0, 'why=lost-probes') end
  local names, first = grant(round, wanted, node)
  tellFree(op, round)
  if #names == 0 then return 'wait ' .. int(ceilMs(waitFor(round, node))) .. ' full' end
  return 'granted ' .. int(math.floor((first - now) / 1000)) .. ' ' .. table.concat(names, ' ')
end

-- ----- report, release -----

-- The end of a ramp, and its span; 0 for none.
local function ramp(ms)
  local till, span = openFor(ms)
  return span > 0 and till or 0, span
end

local function close(op, rampMs, by)
  local till, span = ramp(rampMs)
  rule(op, 0, {state = 'C', till = till, span = span, notes = notesOf('by', by, 'why', 'recovered')})
  return 'done'
end

local function report(op, words, round, by)
  local kind = words[8] == '1' and 's' or 'f'
  setRound(round, kind, round[kind] + 1)
  if round.s >= round.S then return close(op, num(words[10]), by) end
  if round.f >= round.F then return reopen(op, words, num(words[9]), notesOf('by', by, 'why', 'probes')) end
  tellFree(op, round)
  return 'noted'
end

local function settle(op, words)
  local entry = ruled(op.id)
  if op.basis ~= entry.epoch or entry.state ~= 'H' then return 'fenced' end
  local round = roundOf(op, entry)
  local by = round and takeLease(round, words[op.kind == 'R' and 7 or 4])
  if not by then return 'lease-gone' end
  if op.kind == 'R' then return report(op, words, round, by) end
  count(round, by, -1)
  tellFree(op, round)
  return 'noted'
end

-- ----- local close, seed, bell -----

local function closeLocally(op, words)
  local entry = ruled(op.id)
  if entry.state ~= 'O' then return 'already' end
  local seen = now - math.max(0, num(words[4])) * 1000
  if seen < entry.till or num(words[5]) < num(words[6]) then return 'old-evidence' end
  return close(op, num(words[7]), node)
end

local function seed(op, words)
  if op.basis <= ruled(op.id).epoch then return 'already' end
  local state, level = words[5], whole(num(words[8]), MAX_REOPENINGS)
  if state == 'H' then
    local till, span = openFor(whole(num(words[4]), MAX_LEASE_MS))
    rule(op, op.basis, {state = 'O', till = till, span = span, level = level, notes = 'why=seeded'})
    return 'done'
  end
  local span = whole(num(words[7]), MAX_SPAN_MS)
  local remaining = math.min(math.max(-MAX_SPAN_MS, math.ceil(num(words[6]))), span)
  local entry = newEntry({epoch = op.basis, state = state, span = span, level = level})
  if state ~= 'C' or remaining > 0 then entry.till = now + remaining * 1000 end
  readNotes(entry, table.concat(words, ' ', 9))
  entry.hot = 0
  put(op, entry, tick(op.basis))
  return 'done'
end

local function ring(op, words)
  local entry, time = ruled(op.id), whole(num(words[4]), MAX_HOT_MS) * 1000
  if entry.state ~= 'C' or (entry.hot - now) * 2 >= time then return 'already' end
  amend(op.id, copy(entry, {hot = now + time}))
  return 'done'
end

-- ----- all of them -----

local byKind = {T = trip, C = claim, L = closeLocally, B = ring}

local function fence(op)
  local entry = ruled(op.id)
  if op.basis < entry.epoch then
    local round = op.kind == 'C' and roundOf(op, entry)
    if not (round and round.p == op.basis) then return 'fenced' end
  end
  return op.basis > entry.epoch and op.kind ~= 'T' and 'seed-first' or nil
end

local function decide(op, words, hasTicket)
  if not (op.basis >= 0 and op.basis <= MAX_EPOCH) then error('no epoch') end
  if op.kind == 'R' or op.kind == 'X' then return settle(op, words) end
  if not hasTicket then return 'stale' end
  if op.kind == 'S' then return seed(op, words) end
  local take = byKind[op.kind] or error('no such proposal')
  return fence(op) or take(op, words)
end

local function readOp(index)
  local words = {}
  for word in string.gmatch(ARGV[index + 6], '%S+') do words[#words + 1] = word end
  local op = {kind = words[1], id = words[2], basis = num(words[3])}
  op.round, op.ballots = KEYS[2 + 2 * index], KEYS[3 + 2 * index]
  return op, words
end

local function propose(index, hasTicket)
  local op, words = readOp(index)
  local isDone, code = pcall(decide, op, words, hasTicket)
  if isDone and code == 'stale' then return code, '' end
  local isTold, ruling = pcall(told, op.id)
  if isDone and isTold then return code, ruling end
  entries[op.id], rounds[op.id] = nil, nil
  local why = isDone and ruling or code
  return 'failed ' .. (type(why) == 'table' and tostring(why.err) or tostring(why)), ''
end

local function noticeNewServer()
  local longest, hasClaim = 0, false
  for index = 7, #ARGV do
    local leaseTtl = string.match(ARGV[index], '^C %S+ %S+ %S+ %S+ %S+ %S+ (%S+)')
    if leaseTtl then
      hasClaim = true
      longest = math.max(longest, tonumber(leaseTtl) or 0)
    end
  end
  if hasClaim then noticeOtherServer(node, longest) end
end

noticeNewServer()
local hasTicket = isTicketGood(ARGV[3], num(ARGV[4]))
local reply = {}
for index = 1, #ARGV - 6 do
  local isDone, code, ruling = pcall(propose, index, hasTicket)
  reply[#reply + 1] = isDone and code or 'failed ' .. tostring(code)
  reply[#reply + 1] = isDone and ruling or ''
end
finish(fleet, false)
local result = header()
for _, part in ipairs(reply) do result[#result + 1] = part end
return result
