-- Iso time: milliseconds since 1970 as ISO 8601, UTC, the same as `Date.prototype.toISOString`, for the years 0 to 9999.
--
-- Source: chrono-Compatible Low-Level Date Algorithms, "civil_from_days", H. Hinnant, 2013,
-- https://howardhinnant.github.io/date_algorithms.html. Deviation: none.

local function isoTime(ms)
  local floor = math.floor
  local days = floor(ms / 86400000)
  local left = ms - days * 86400000
  local day = days + 719468
  local era = floor(day / 146097)
  local ofEra = day - era * 146097
  local year = floor((ofEra - floor(ofEra / 1460) + floor(ofEra / 36524) - floor(ofEra / 146096)) / 365)
  local ofYear = ofEra - (365 * year + floor(year / 4) - floor(year / 100))
  local shifted = floor((5 * ofYear + 2) / 153)
  local month = shifted < 10 and shifted + 3 or shifted - 9
  local date = {year + era * 400 + (month <= 2 and 1 or 0), month, ofYear - floor((153 * shifted + 2) / 5) + 1}
  local clock = {floor(left / 3600000), floor(left / 60000) % 60, floor(left / 1000) % 60, left % 1000}
  return string.format('%04d-%02d-%02d', unpack(date)) .. 'T' .. string.format('%02d:%02d:%02d.%03dZ', unpack(clock))
end
