-- Level vote: puts one vote and returns all that count.
--
-- KEYS  1 hash v  the votes by node: "castMs level"
-- ARGV  1 node  2 level; '' only reads  3 age of the vote (ms)  4 ttlMs of a vote
-- REPLY {node, age (ms), level, ..}
-- EVENTS none
--
-- Safe as a ghost: at worst a vote is as old again as it was.

local time = redis.call('TIME')
local now = math.floor(tonumber(time[1]) * 1000 + tonumber(time[2]) / 1000)
local ttlMs = tonumber(ARGV[4])

if ARGV[2] ~= '' then
  redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f %s', now - tonumber(ARGV[3]), ARGV[2]))
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
end

local votes, over = {}, {}
local all = redis.call('HGETALL', KEYS[1])
for index = 1, #all, 2 do
  local castMs, level = string.match(all[index + 1], '^(%d+) (%S+)$')
  local age = castMs and math.max(0, now - tonumber(castMs)) or ttlMs
  if age < ttlMs then
    for _, word in ipairs({all[index], string.format('%.0f', age), level}) do votes[#votes + 1] = word end
  else
    over[#over + 1] = all[index]
  end
end
for _, node in ipairs(over) do redis.pcall('HDEL', KEYS[1], node) end
return votes
