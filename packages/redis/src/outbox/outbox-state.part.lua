-- What is kept of an outbox. KEYS of every script, in this order:
--   1 s  stream of what waits or is taken, one consumer group `g`: k key, i item as JSON, a attempts before this entry
--   2 d  stream of the dead: k key, i item, a attempts, w why
--   3 k  hash: key -> "generation id" of its entry in s, or "generation id d" of that in d
--   4 r  sorted set: keys that were settled -> the time (ms) until which they are known
--   5 m  hash: n  time (us) before which nothing is taken, w length (ms) of that   l  longest lease asked for (ms)
--             p  time (ms) of the last look for consumers that are gone
--
-- s, d and k have no time to live while something is kept: work is not forgotten. They are gone when nothing is.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local META_TTL_MS = 86400000

local function whole(number)
  return string.format('%.0f', number)
end

-- Where the item with a key is: generation, id, and whether it is dead. nil where it is not kept.
local function placeOf(key)
  local text = redis.call('HGET', KEYS[3], key)
  if not text then return nil end
  local generation, id, mark = string.match(text, '^(%S+) (%S+) ?(d?)$')
  return generation, id, mark == 'd'
end

local function fieldsOf(row)
  local fields = {}
  for index = 1, #row, 2 do fields[row[index]] = row[index + 1] end
  return fields
end

-- The entry of a stream with that id; nil where there is none.
local function entryOf(stream, id)
  local rows = redis.call('XRANGE', stream, id, id)
  return rows[1] and fieldsOf(rows[1][2])
end

-- Puts an item at the end of what waits. A generation that is not given begins: the id is not enough, since a stream that was
-- gone in between may give the same one again within its millisecond.
local function enqueue(key, item, attempts, generation)
  if redis.call('EXISTS', KEYS[1]) == 0 then redis.call('XGROUP', 'CREATE', KEYS[1], 'g', '0', 'MKSTREAM') end
  local id = redis.call('XADD', KEYS[1], '*', 'k', key, 'i', item, 'a', attempts)
  redis.call('HSET', KEYS[3], key, (generation or id .. '.' .. time[2]) .. ' ' .. id)
end

-- Takes an entry out of what waits. The stream goes with its last entry, and its group with it.
local function dequeue(id)
  redis.call('XACK', KEYS[1], 'g', id)
  redis.call('XDEL', KEYS[1], id)
  if redis.call('XLEN', KEYS[1]) == 0 then redis.call('DEL', KEYS[1]) end
end

local function unbury(id)
  redis.call('XDEL', KEYS[2], id)
  if redis.call('XLEN', KEYS[2]) == 0 then redis.call('DEL', KEYS[2]) end
end

-- How often an entry was taken, and who has it: nil where nobody has.
local function takingOf(id)
  if redis.call('EXISTS', KEYS[1]) == 0 then return nil end
  local row = redis.call('XPENDING', KEYS[1], 'g', id, id, 1)[1]
  if not row then return nil end
  return row[2], tonumber(row[4])
end

-- Nothing is taken for so long from now on.
local function pauseFor(ms)
  local till = now + ms * 1000
  local before = tonumber(redis.call('HGET', KEYS[5], 'n') or '0')
  if till > before then redis.call('HSET', KEYS[5], 'n', whole(till), 'w', whole(math.ceil(ms))) end
  redis.call('PEXPIRE', KEYS[5], META_TTL_MS)
end
