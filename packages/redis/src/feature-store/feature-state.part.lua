-- What the scripts of features share: the time, the stamp of what is kept, and the order of records.
--
-- KEYS  1 hash m  e  who wrote first since there was nothing: the epoch
--                 v  number of writes in it   s  mark of the last one   h  hash of the last entry of the trail
--       2 hash r  the records by feature: "revision origin savedMs seal text"; origin in UTF-16, hexadecimal
--
-- The stamp, "e.v.s.n" with n features, is another one after each write, also where writes were lost: '-' of nothing.

local KEEP_MS = 604800000
local time = redis.call('TIME')
local now = math.floor(tonumber(time[1]) * 1000 + tonumber(time[2]) / 1000)

local function whole(number)
  return string.format('%.0f', number)
end

local function stamp()
  local mark = redis.call('HMGET', KEYS[1], 'e', 'v', 's')
  local count = redis.call('HLEN', KEYS[2])
  if not mark[1] and count == 0 then return '-' end
  return table.concat({mark[1] or '', mark[2] or '', mark[3] or '', count}, '.')
end

-- Revision and origin of a record; nil of what is none.
local function order(packed)
  local revision, origin = string.match(packed or '', '^(%d+) (%x*) %d+ %S* ')
  if not revision or #revision > 16 then return nil end
  return tonumber(revision), origin
end

-- Whether a record takes the place of another: by revision, then by origin. The same as `supersedes` in feature-record.ts.
local function supersedes(revision, origin, packed)
  local known, by = order(packed)
  if not known then return true end
  if revision ~= known then return revision > known end
  return origin > by
end
