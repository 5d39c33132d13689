-- The record of a key, one hash:
--   s  state: p pending, i idle (tried, and free again), d done, n done with a result that could not be kept, f failed
--   t  fencing token, of the last try    a  tries so far    h  holder    u  end of its lease (us)    m  length of it (ms)
--   r  result or failure, as JSON; why there is no result
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local record = redis.call('HMGET', KEYS[1], 's', 't', 'a', 'h', 'u', 'm', 'r')
local state, token, tries = record[1] or 'i', record[2] or '0', tonumber(record[3] or '0')
local settled = state == 'd' or state == 'n' or state == 'f'

local function whole(number)
  return string.format('%.0f', number)
end
