-- Turn: what every script does: reads and changes rulings at one instant of the server's time, and publishes at the end.
-- The same rules as `ledger-turn.ts` in @holdfast/core/fleet, which this is compared with.
--
-- KEYS  1 hash   m   i incarnation, run run_id of the server, c clock of the shard, hold no lease before (us), lt longest lease
--                    (ms), S shards, f highest writer minor, r least reader minor, lp last published (us), pv version from
--                    which on changes are not published, d longest time that a ruling was asked to stand (ms)
--       2 hash   v   id -> "epoch state until(us) span(ms) reopenings free [k=v ...]"; state C O H F D
--       3 zset   z   id scored by the version of its last change
-- ARGV  1 channel    2 PUBLISH or SPUBLISH
--
-- Numbers are printed with %.0f: microseconds have more digits than other formats keep. '-' stands for an empty text.

local WIRE_MAJOR, READER_MINOR = 1, 1
local MAX_EPOCH, MAX_SPAN_MS, MAX_LEASE_MS = 9e15, 1296000000, 60000
local TICKET_TTL_MS, MAX_TOLD, PACE_US_PER_NODE = 15000, 32, 14
local MIN_KEY_TTL_MS, MAX_KEY_TTL_MS = 86400000, 2592000000

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])

local function int(number)
  return string.format('%.0f', number + 0)
end

local function num(text)
  return tonumber(text) or error('not a number: ' .. tostring(text))
end

-- Rounds a duration up to whole milliseconds, from 0 to `most`.
local function whole(ms, most)
  return math.min(math.max(0, math.ceil(ms)), most)
end

local function ceilMs(us)
  return math.ceil(us / 1000) + 0
end

-- ----- what is known of the shard -----

local metaNames = {'i', 'run', 'c', 'hold', 'lt', 'S', 'f', 'r', 'lp', 'pv', 'd'}
local texts = {i = true, run = true}
local meta, metaChanges = {}, {}
for index, value in ipairs(redis.call('HMGET', KEYS[1], unpack(metaNames))) do
  local name = metaNames[index]
  if texts[name] then meta[name] = value or ''
  elseif name == 'pv' then meta[name] = tonumber(value or '')
  else meta[name] = tonumber(value or '') or 0 end
end
local clockBefore, hasChanged, isWritten = meta.c, false, false

local function setMeta(name, value)
  if meta[name] == value then return end
  meta[name] = value
  metaChanges[name] = true
end

local function serverId()
  local info = redis.pcall('INFO', 'server')
  return type(info) == 'string' and string.match(info, 'run_id:(%w+)') or ''
end

local function beginIncarnation(nonce, server, leaseMs)
  setMeta('i', nonce .. '-' .. int(now))
  setMeta('run', server)
  setMeta('lt', math.max(meta.lt, whole(leaseMs, MAX_LEASE_MS)))
  setMeta('hold', now + meta.lt * 1000)
  if meta.c == 0 then setMeta('c', now) end
end

-- A server that is not the one of before, as after a failover: it knows of leases and tickets only what was copied in time.
local function noticeOtherServer(nonce, leaseMs)
  if meta.i == '' then return end
  local server = serverId()
  if server ~= '' and server ~= meta.run then beginIncarnation(nonce, server, leaseMs) end
end

local function isTicketGood(incarnation, ticket)
  local age = now - ticket
  return incarnation ~= '-' and incarnation == meta.i and age >= 0 and age <= TICKET_TTL_MS * 1000
end

-- A node has come that knew an earlier incarnation: its leases may live, whoever began this one.
local function prolongHold(leaseMs)
  local lease = whole(leaseMs, MAX_LEASE_MS)
  setMeta('lt', math.max(meta.lt, lease))
  setMeta('hold', math.max(meta.hold, now + lease * 1000))
end

-- Time for which no lease is granted (us); the server's clock may have stepped back.
local function holdLeft()
  setMeta('hold', math.min(meta.hold, now + meta.lt * 1000))
  return meta.hold - now
end

-- ----- rulings -----

-- What has been read, by id; and the keys of rounds that are written, which live as long as the rulings.
local entries, rounds, touched = {}, {}, {}

local function readNotes(entry, text)
  local kept = {}
  for token in string.gmatch(text, '%S+') do
    local hot = string.match(token, '^hot=(%d+)$')
    if hot then entry.hot = tonumber(hot) else kept[#kept + 1] = token end
  end
  entry.notes = table.concat(kept, ' ')
end

local function newEntry(change)
  local entry = {epoch = 0, state = 'C', till = 0, span = 0, level = 0, free = 0, notes = '', hot = 0}
  for name, value in pairs(change) do entry[name] = value end
  return entry
end

local function readEntry(text)
  local epoch, state, till, span, level, free, notes =
    string.match(text, '^(%d+) (%S+) (%-?%d+) (%d+) (%d+) (%d+)(.*)$')
  if not epoch then error('a ruling that cannot be read') end
  local entry = newEntry({state = state, epoch = tonumber(epoch), till = tonumber(till), span = tonumber(span)})
  entry.level, entry.free = tonumber(level), tonumber(free)
  readNotes(entry, notes)
  return entry
end

local function writeEntry(entry)
  local text = int(entry.epoch) .. ' ' .. entry.state .. ' ' .. int(entry.till) .. ' ' .. int(entry.span)
    .. ' ' .. int(entry.level) .. ' ' .. int(entry.free)
  if entry.notes ~= '' then text = text .. ' ' .. entry.notes end
  if entry.hot > 0 then text = text .. ' hot=' .. int(entry.hot) end
  return text
end

-- Keeps a ruling, and tells nobody.
local function keep(id, entry)
  redis.call('HSET', KEYS[2], id, writeEntry(entry))
  entries[id] = entry
  isWritten = true
end

local function stored(id)
  if entries[id] == nil then
    local text = redis.call('HGET', KEYS[2], id)
    entries[id] = text and readEntry(text)
  end
  return entries[id]
end

local function copy(entry, change)
  local result = {}
  for name, value in pairs(entry) do result[name] = value end
  for name, value in pairs(change) do result[name] = value end
  return result
end

-- The ruling as it is now: never longer than its span, also when the clock has stepped back; a hold that is over is what
-- follows it.
local function ruled(id)
  local entry = stored(id)
  if not entry then return newEntry({}) end
  local latest = now + entry.span * 1000
  if entry.till > latest then
    entry = copy(entry, {till = latest})
    keep(id, entry)
  end
  if entry.till > now then return entry end
  if entry.state == 'F' then return copy(entry, {state = 'O'}) end
  if entry.state == 'D' then return copy(entry, {state = 'C', till = 0, span = 0}) end
  return entry
end

local function nextVersion(floor)
  return math.max(meta.c + 1, now, floor + 1)
end

local function tick(floor)
  setMeta('c', nextVersion(floor))
  hasChanged = true
  return meta.c
end

-- Changes a ruling at its epoch, and tells all.
local function amend(id, entry)
  local version = tick(entry.epoch)
  keep(id, entry)
  redis.call('ZADD', KEYS[3], int(version), id)
end

-- Until when leases live that are out of a round, or were when one before it ended (us); 0 for none.
local function outUntil(key)
  local fields, last = redis.call('HGETALL', key), 0
  for index = 1, #fields, 2 do
    local name, value = fields[index], fields[index + 1]
    local expires = name == 'u' and value or string.match(name, '^l:') and string.match(value, '^%d+')
    if expires then last = math.max(last, num(expires)) end
  end
  return last
end

-- Puts a ruling in the place of another: its round and its ballots are over; until when its leases live is kept.
local function put(place, entry, version)
  keep(place.id, entry)
  redis.call('ZADD', KEYS[3], int(version), place.id)
  local isRead, out = pcall(outUntil, place.round)
  redis.call('DEL', place.round, place.ballots)
  rounds[place.id] = nil
  if isRead and out > now then
    redis.call('HSET', place.round, 'u', int(out))
    touched[place.round] = true
  end
  if entry.span > meta.d then setMeta('d', entry.span) end
  return entry
end

-- Makes a transition, at an epoch above `floor`.
local function rule(place, floor, change)
  local before = stored(place.id)
  local entry = newEntry(change)
  entry.epoch = tick(math.max(floor, before and before.epoch or 0))
  return put(place, entry, entry.epoch)
end

-- Notes of names and values, those left out that are empty.
local function notesOf(...)
  local given, kept = {...}, {}
  for index = 1, #given, 2 do
    if given[index + 1] ~= '-' then kept[#kept + 1] = given[index] .. '=' .. given[index + 1] end
  end
  return table.concat(kept, ' ')
end

-- At most 8 names as one note.
local function namesNote(names)
  return table.concat(names, '+', 1, math.min(#names, 8))
end

local function openFor(openMs)
  local span = whole(openMs, MAX_SPAN_MS)
  return now + span * 1000, span
end

-- The ruling as it is told: id,epoch,state,remaining ms,span ms,reopenings,free[,k=v]*
local function told(id)
  local entry = ruled(id)
  local left = ceilMs(entry.till - now)
  if entry.state == 'H' or (entry.state == 'C' and left < 0) then left = 0 end
  local words = {id, int(entry.epoch), entry.state, int(left), int(entry.span), int(entry.level), int(entry.free)}
  if entry.notes ~= '' then words[#words + 1] = string.gsub(entry.notes, ' ', ',') end
  if entry.hot > now then words[#words + 1] = 'hot=' .. int(ceilMs(entry.hot - now)) end
  return table.concat(words, ',')
end

-- At most `limit` changes since a version, the oldest first: ids, versions, and whether there are more.
local function changesSince(version, limit)
  local rows = redis.call('ZRANGEBYSCORE', KEYS[3], '(' .. int(version), '+inf', 'WITHSCORES', 'LIMIT', 0, limit + 1)
  local ids, versions = {}, {}
  for index = 1, math.min(#rows, 2 * limit), 2 do
    ids[#ids + 1] = rows[index]
    versions[#versions + 1] = tonumber(rows[index + 1])
  end
  return ids, versions, #rows > 2 * limit
end

-- The rulings of `ids`; what cannot be read is left out.
local function tellAll(ids)
  local all = {}
  for _, id in ipairs(ids) do
    local isRead, text = pcall(told, id)
    if isRead then all[#all + 1] = text end
  end
  return all
end

-- ----- the end of a turn -----

-- What is to be published now; nil for nothing, or not yet.
local function message(fleet)
  local previous = meta.pv or (hasChanged and clockBefore or nil)
  if not previous then return nil end
  local since = now - meta.lp
  if since >= 0 and since < fleet * PACE_US_PER_NODE then
    setMeta('pv', previous)
    return nil
  end
  local ids, versions, hasMore = changesSince(previous, MAX_TOLD)
  local clock = hasMore and versions[#versions] or meta.c
  if hasMore then setMeta('pv', clock) else setMeta('pv', nil) end
  setMeta('lp', now)
  local incarnation = meta.i == '' and '-' or meta.i
  return WIRE_MAJOR .. ' ' .. incarnation .. ' ' .. int(previous) .. ' ' .. int(clock) .. ' ' .. table.concat(tellAll(ids), ';')
end

local function writeMeta()
  local fields = {}
  for name in pairs(metaChanges) do
    local value = meta[name]
    fields[#fields + 1] = name
    fields[#fields + 1] = value == nil and '' or texts[name] and value or int(value)
  end
  if #fields > 0 then
    redis.call('HSET', KEYS[1], unpack(fields))
    isWritten = true
  end
end

-- Writes what is known of the shard, gives every key its time to live, and publishes last.
local function finish(fleet, isRefreshed)
  local text = message(fleet)
  writeMeta()
  if isWritten or isRefreshed then
    local ttl = int(math.min(math.max(MIN_KEY_TTL_MS, 2 * meta.d), MAX_KEY_TTL_MS))
    for index = 1, 3 do redis.call('PEXPIRE', KEYS[index], ttl) end
    for key in pairs(touched) do redis.call('PEXPIRE', key, ttl) end
  end
  if text then redis.pcall(ARGV[2], ARGV[1], text) end
end

-- What every reply begins with.
local function header()
  return {WIRE_MAJOR, meta.i == '' and '-' or meta.i, int(now), int(meta.c)}
end
