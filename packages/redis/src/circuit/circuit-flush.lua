-- Circuit flush: adds up what nodes have seen, and opens a circuit by the fleet's own ratio. The same rules as
-- `ledger-flush.ts`.
--
-- KEYS  1 m  2 v  3 z   see turn.part.lua; then for each item
--       hash w:<id>   e epoch, k bucket (ms), c buckets, <bucket>s <bucket>f sums, n:<node> = "<last bucket with failures, or
--                     -1> <sequence> <reported (us)>"
--       hash b:<id>   zset q:<id>   deleted when the circuit opens
-- ARGV  1 channel  2 PUBLISH or SPUBLISH  3 incarnation  4 ticket (us)  5 node  6 processes that share  7 sequence
--       8.. one text per item, words apart by spaces, further words ignored:
--       id basis successes failures ageMs bucketMs bucketCount minimumCalls failureRatio quorum openForMs fingerprint
-- REPLY {1, incarnation, now (us), clock, then for each item: "<code> <successes> <failures>", ruling or ''}
--       codes  counted | done | fenced | stale | failed
-- EVENTS one message at the most: see circuit-step.lua
--
-- Safe as a ghost: a sequence is counted once, and nothing without a ticket.

-- @include turn.part.lua

local node, fleet, sequence = ARGV[5], num(ARGV[6]), num(ARGV[7])

local function readItem(words)
  local item = {id = words[1], basis = num(words[2]), s = math.max(0, num(words[3])), f = math.max(0, num(words[4]))}
  item.age, item.bucketMs, item.buckets = math.max(0, num(words[5])), num(words[6]), num(words[7])
  item.least, item.ratio, item.quorum = num(words[8]), num(words[9]), num(words[10])
  item.openFor, item.fingerprint = num(words[11]), words[12] or '-'
  return item
end

local function readWindow(key, item)
  local fields = redis.call('HGETALL', key)
  local window = {key = key, buckets = {}, reporters = {}}
  for index = 1, #fields, 2 do
    local name, value = fields[index], fields[index + 1]
    local bucket, kind = string.match(name, '^(%-?%d+)([sf])$')
    local reporter = string.match(name, '^n:(.*)$')
    if bucket then
      window.buckets[bucket] = window.buckets[bucket] or {s = 0, f = 0}
      window.buckets[bucket][kind] = num(value)
    elseif reporter then
      local failedIn, last, at = string.match(value, '^(%-?%d+) (%d+) (%d+)$')
      window.reporters[reporter] = {failedIn = num(failedIn), sequence = num(last), at = num(at)}
    else window[name] = num(value) end
  end
  if window.e == item.basis then return window end
  redis.call('DEL', key)
  local begun = {key = key, e = item.basis, buckets = {}, reporters = {}}
  begun.k, begun.c = math.max(1, whole(item.bucketMs, MAX_SPAN_MS)), math.max(1, item.buckets)
  redis.call('HSET', key, 'e', int(begun.e), 'k', int(begun.k), 'c', int(begun.c))
  return begun
end

local function bucketAt(window, us)
  return math.floor(us / (window.k * 1000))
end

local function isInside(window, bucket)
  local current = bucketAt(window, now)
  return bucket > current - window.c and bucket <= current
end

local function keepReporter(window, name, reporter)
  window.reporters[name] = reporter
  local text = int(reporter.failedIn) .. ' ' .. int(reporter.sequence) .. ' ' .. int(reporter.at)
  redis.call('HSET', window.key, 'n:' .. name, text)
end

local function dropOld(window)
  local gone = {}
  for bucket in pairs(window.buckets) do
    if not isInside(window, num(bucket)) then gone[#gone + 1] = bucket end
  end
  for _, bucket in ipairs(gone) do
    window.buckets[bucket] = nil
    redis.call('HDEL', window.key, bucket .. 's', bucket .. 'f')
  end
  local oldest, silent = now - math.max(window.k * window.c, TICKET_TTL_MS) * 1000, {}
  for name, reporter in pairs(window.reporters) do
    if reporter.failedIn >= 0 and not isInside(window, reporter.failedIn) then
      reporter.failedIn = -1
      keepReporter(window, name, reporter)
    end
    if reporter.failedIn < 0 and reporter.at < oldest then silent[#silent + 1] = name end
  end
  for _, name in ipairs(silent) do
    window.reporters[name] = nil
    redis.call('HDEL', window.key, 'n:' .. name)
  end
end

-- Circuits that items of this flush were counted for: further ones belong to them.
local counted = {}

local function add(window, item)
  local reporter = window.reporters[node] or {failedIn = -1, sequence = -1, at = now}
  if sequence <= reporter.sequence and not counted[item.id] then return end
  counted[item.id] = true
  local bucket = bucketAt(window, now - item.age * 1000)
  local failedIn = reporter.failedIn
  if isInside(window, bucket) then
    local name = int(bucket)
    window.buckets[name] = window.buckets[name] or {s = 0, f = 0}
    for _, kind in ipairs({'s', 'f'}) do
      window.buckets[name][kind] = window.buckets[name][kind] + item[kind]
      redis.call('HINCRBY', window.key, name .. kind, int(item[kind]))
    end
    if item.f > 0 then failedIn = math.max(failedIn, bucket) end
  end
  keepReporter(window, node, {failedIn = failedIn, sequence = sequence, at = now})
end

local function failingNodes(window)
  local names = {}
  for name, reporter in pairs(window.reporters) do
    if reporter.failedIn >= 0 then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

local function sums(window)
  local s, f = 0, 0
  for _, sum in pairs(window.buckets) do s, f = s + sum.s, f + sum.f end
  return s, f
end

local function isTripped(item, s, f, nodes)
  local isReached = f > 0 and s + f >= item.least and f / (s + f) >= item.ratio
  return isReached and nodes >= item.quorum
end

local function answer(code, s, f)
  return code .. ' ' .. int(s) .. ' ' .. int(f)
end

local function countItem(place, item)
  local entry = ruled(item.id)
  if item.basis ~= entry.epoch or entry.state ~= 'C' then return answer('fenced', 0, 0), told(item.id) end
  local window = readWindow(place.window, item)
  dropOld(window)
  add(window, item)
  redis.call('PEXPIRE', window.key, int(math.max(window.k * (window.c + 2), TICKET_TTL_MS)))
  local s, f = sums(window)
  local failing = failingNodes(window)
  if not isTripped(item, s, f, #failing) then return answer('counted', s, f), '' end
  local till, span = openFor(item.openFor)
  local notes = notesOf('by', namesNote(failing), 'why', 'failure-ratio', 'cf', item.fingerprint)
  rule(place, item.basis, {state = 'O', till = till, span = span, notes = notes})
  redis.call('DEL', window.key)
  return answer('done', s, f), told(item.id)
end

local function flush(index, hasTicket)
  if not hasTicket then return answer('stale', 0, 0), '' end
  local words = {}
  for word in string.gmatch(ARGV[index + 7], '%S+') do words[#words + 1] = word end
  local first = 1 + 3 * index
  local place = {id = words[1], window = KEYS[first], round = KEYS[first + 1], ballots = KEYS[first + 2]}
  local isDone, code, ruling = pcall(function() return countItem(place, readItem(words)) end)
  if isDone then return code, ruling end
  entries[place.id] = nil
  return answer('failed', 0, 0), ''
end

local hasTicket = isTicketGood(ARGV[3], num(ARGV[4]))
local reply = {}
for index = 1, #ARGV - 7 do
  local code, ruling = flush(index, hasTicket)
  reply[#reply + 1] = code
  reply[#reply + 1] = ruling
end
finish(fleet, false)
local result = header()
for _, part in ipairs(reply) do result[#result + 1] = part end
return result
