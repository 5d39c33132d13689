-- Round: a half-open round: who may probe, and what the probes come to. The same rules as `ledger-round.ts`.
--
-- A round is a hash b: e epoch, p epoch it grew from, K S F V N rules (N leases per node), t lease (ms), s f x successes,
-- failures and lost, g last grant (us), l:<lease> = "<expiry (us)> <node>", d:<lease> = 1 for what never comes back,
-- n:<node> = leases of that node that are out or reported. Where a round has ended with leases out, u is until when they live
-- (us), and nothing else is there.

local MAX_WANT = 1000

-- Writes fields of a round.
local function hset(round, ...)
  touched[round.key] = true
  isWritten = true
  redis.call('HSET', round.key, ...)
end

local function setRound(round, name, value)
  round[name] = value
  hset(round, name, int(value))
end

local function count(round, node, by)
  round.nodes[node] = (round.nodes[node] or 0) + by
  hset(round, 'n:' .. node, int(round.nodes[node]))
end

local function putLease(round, name, lease)
  round.leases[name] = lease
  hset(round, 'l:' .. name, int(lease.expires) .. ' ' .. lease.node)
end

local function endLease(round, name)
  round.leases[name] = nil
  round.done[name] = true
  round.out = round.out - 1
  redis.call('HDEL', round.key, 'l:' .. name)
  hset(round, 'd:' .. name, 1)
end

local function readRound(key)
  local fields = redis.call('HGETALL', key)
  if #fields == 0 then return false end
  local round = {key = key, leases = {}, done = {}, nodes = {}, out = 0}
  for index = 1, #fields, 2 do
    local kind, name = string.match(fields[index], '^([ldn]):(.*)$')
    local value = fields[index + 1]
    if kind == 'l' then
      local expires, node = string.match(value, '^(%d+) (.*)$')
      round.leases[name] = {expires = num(expires), node = node}
      round.out = round.out + 1
    elseif kind == 'd' then round.done[name] = true
    elseif kind == 'n' then round.nodes[name] = num(value)
    else round[fields[index]] = num(value) end
  end
  return round
end

-- The round of the ruling that stands; nil where there is none.
local function roundOf(place, entry)
  if entry.state ~= 'H' then return nil end
  if rounds[place.id] == nil then rounds[place.id] = readRound(place.round) end
  local round = rounds[place.id]
  return round and round.e == entry.epoch and round or nil
end

-- Time for which leases live that were out when their round ended (us); 0 or less for none.
local function outLeft(key)
  return math.min(num(redis.call('HGET', key, 'u') or '0'), now + meta.lt * 1000) - now
end

-- Time for which leases of a round live that a claim begins (ms).
local function leaseOf(op)
  return math.max(1, whole(op.leaseTtl, MAX_LEASE_MS))
end

-- Begins a round: KEYS of the place have been deleted by the transition.
local function beginRound(place, epoch, parent, op)
  local round = {key = place.round, leases = {}, done = {}, nodes = {}, out = 0}
  local fields = {'e', epoch, 'p', parent, 't', leaseOf(op), 's', 0, 'f', 0, 'x', 0, 'g', 0}
  for _, rule in ipairs({{'K', op.K, 1}, {'S', op.S, 1}, {'F', op.F, 1}, {'V', op.V, 0}, {'N', op.N, 1}}) do
    fields[#fields + 1] = rule[1]
    fields[#fields + 1] = math.max(rule[3], rule[2])
  end
  for index = 1, #fields, 2 do
    round[fields[index]] = fields[index + 1]
    fields[index + 1] = int(fields[index + 1])
  end
  hset(round, unpack(fields))
  rounds[place.id] = round
  return round
end

-- Counts the leases whose time is over as lost. The server's clock may have stepped back.
local function reap(round)
  local latest = now + round.t * 1000
  if round.g > now then setRound(round, 'g', now) end
  local lost = {}
  for name, lease in pairs(round.leases) do
    if lease.expires <= now then lost[#lost + 1] = name
    elseif lease.expires > latest then putLease(round, name, {expires = latest, node = lease.node}) end
  end
  for _, name in ipairs(lost) do
    setRound(round, 'x', round.x + 1)
    count(round, round.leases[name].node, -1)
    endLease(round, name)
  end
end

local function freeLeases(round)
  local budget = round.S + round.F - 1 - round.s - round.f
  return math.max(0, math.min(round.K, budget) - round.out)
end

local function hasItsShare(round, node)
  return (round.nodes[node] or 0) >= round.N and now < round.g + round.t * 1000
end

local function issue(round, name, node)
  if round.done[name] or freeLeases(round) == 0 or hasItsShare(round, node) then return false end
  putLease(round, name, {expires = now + round.t * 1000, node = node})
  round.out = round.out + 1
  count(round, node, 1)
  setRound(round, 'g', now)
  return true
end

-- Time until something may be granted to `node` (us).
local function waitFor(round, node)
  local wait = math.huge
  for _, lease in pairs(round.leases) do wait = math.min(wait, lease.expires - now) end
  if hasItsShare(round, node) then wait = math.min(wait, round.g + round.t * 1000 - now) end
  return wait == math.huge and 0 or wait
end

-- Grants what may be granted of a claim: names and the time of the first to end (us).
local function grant(round, op, node)
  local names, first = {}, math.huge
  for number = 1, math.min(op.want, MAX_WANT) do
    local name = op.leaseBase .. '.' .. int(number)
    if round.leases[name] or issue(round, name, node) then
      names[#names + 1] = name
      first = math.min(first, round.leases[name].expires)
    end
  end
  return names, first
end

-- Takes a lease out of the round, and says whose it was; nil where it is not out, or its time is over.
local function takeLease(round, name)
  local lease = round.leases[name]
  if not lease or lease.expires <= now then return nil end
  endLease(round, name)
  return lease.node
end
