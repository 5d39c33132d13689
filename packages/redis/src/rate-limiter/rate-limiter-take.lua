-- Takes a batch of tokens for a node from a rate that a fleet shares, and takes back what it did not use.
-- GCRA on the server's time: one number, the instant at which all that was handed out is worked off.
--
-- KEYS  1 hash   tat (us), em (us per token), burst, and per node `n:<node>` = "<ticket> <granted> <granted at (us)>"
--       2 zset   presence: node -> last seen (ms)
-- ARGV  1 node         who asks
--       2 ticket       number of this request: 1, 2, 3, ... of this node; a repeated one is answered as before
--       3 want         tokens to take, 0 or more
--       4 least        take so many or none, at most `want`
--       5 back         tokens given back
--       6 backFrom     when the oldest of them was granted (us); they do not count if that is longer ago than 2 leases
--       7 debt         tokens that were used without asking, while there was nobody to ask
--       8 em           us per token          9 burst        tokens at once, from rest
--      10 leaseMs      life of a batch
--      11 nodeTtlMs    a node is forgotten after so long    12 keyTtlMs
-- REPLY {granted, now (us, as text), wait (us until `least` tokens are there, or one more where some were granted),
--        nodes, 1 where the rate was another one before, 1 where the ticket was a repeated one}
-- EVENTS none
--
-- Safe as a ghost: a ticket is honoured once; an older one than the last gives nothing, takes nothing.

local node, ticket = ARGV[1], tonumber(ARGV[2])
local want, least = tonumber(ARGV[3]), tonumber(ARGV[4])
local back, backFrom, debt = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local em, burst = tonumber(ARGV[8]), tonumber(ARGV[9])
local leaseUs, nodeTtlMs, keyTtlMs = tonumber(ARGV[10]) * 1000, tonumber(ARGV[11]), ARGV[12]

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local nowMs = math.floor(now / 1000)
local state = redis.call('HMGET', KEYS[1], 'tat', 'em', 'burst', 'n:' .. node)
local lastTicket, lastGranted, lastAt = string.match(state[4] or '', '^(%d+) (%d+) (%d+)$')

if lastTicket and ticket <= tonumber(lastTicket) then
  local granted = ticket == tonumber(lastTicket) and tonumber(lastGranted) or 0
  return {granted, lastAt, 0, redis.call('ZCARD', KEYS[2]), 0, 1}
end

-- Where the arrival time stands, in this rate's terms. It is never more than a whole burst ahead: not after a change of the
-- rate, and not after the server's clock has stepped back.
local top = now + burst * em
local tat = tonumber(state[1] or '') or now
local before = tonumber(state[2] or '') or em
local changed = 0
if before ~= em or (tonumber(state[3] or '') or burst) ~= burst then changed = 1 end
if before ~= em and tat > now then tat = now + (tat - now) / before * em end
if tat > top then tat = top end

if back > 0 and backFrom <= now and now - backFrom <= 2 * leaseUs then tat = tat - back * em end
if tat < now then tat = now end
if debt > 0 then tat = math.min(tat + debt * em, top) end

-- Nodes not seen for long are forgotten, and so are those seen in a future from which the clock has stepped back.
redis.call('ZADD', KEYS[2], nowMs, node)
local function forget(from, to)
  for _, gone in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], from, to, 'LIMIT', 0, 100)) do
    redis.call('ZREM', KEYS[2], gone)
    redis.call('HDEL', KEYS[1], 'n:' .. gone)
  end
end
forget('-inf', nowMs - nodeTtlMs)
forget(nowMs + nodeTtlMs, '+inf')
local nodes = redis.call('ZCARD', KEYS[2])

local there = math.min(burst, math.floor((top - tat) / em + 1e-6))
-- One node gets no more than its fair share of a burst at once.
local granted = math.min(want, there, math.max(1, least, math.floor(burst / nodes)))
if granted < least then granted = 0 end
tat = tat + granted * em
local missing = granted > 0 and 1 or math.max(1, least)
local wait = math.max(0, math.ceil(tat + missing * em - top))

redis.call('HSET', KEYS[1], 'tat', string.format('%.17g', tat), 'em', ARGV[8], 'burst', ARGV[9],
  'n:' .. node, string.format('%.0f %.0f %.0f', ticket, granted, now))
redis.call('PEXPIRE', KEYS[1], keyTtlMs)
redis.call('PEXPIRE', KEYS[2], keyTtlMs)
return {granted, string.format('%.0f', now), wait, nodes, changed, 0}
