-- SHA-256 of a text, in hexadecimal: servers offer SHA-1 only, and a chain of that proves little.
--
-- Source: Secure Hash Standard, FIPS PUB 180-4, NIST, 2015, https://doi.org/10.6028/NIST.FIPS.180-4. Deviation: none.
-- Cost: linear; about 0.1 milliseconds per 64 bytes.

local ROUNDS = {
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
  0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
  0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
  0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
  0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
  0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
  0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
  0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
}

local function paddedText(text)
  local bits = #text * 8
  local length = string.char(0, 0, 0, 0, bit.rshift(bits, 24), bit.band(bit.rshift(bits, 16), 255),
    bit.band(bit.rshift(bits, 8), 255), bit.band(bits, 255))
  return text .. string.char(128) .. string.rep(string.char(0), (55 - #text) % 64) .. length
end

local function schedule(text, from)
  local bxor, ror, rshift, lshift = bit.bxor, bit.ror, bit.rshift, bit.lshift
  local words = {}
  for index = 1, 16 do
    local a, b, c, d = string.byte(text, from + index * 4 - 4, from + index * 4 - 1)
    words[index] = bit.bor(lshift(a, 24), lshift(b, 16), lshift(c, 8), d)
  end
  for index = 17, 64 do
    local x, y = words[index - 15], words[index - 2]
    local low = bxor(ror(x, 7), ror(x, 18), rshift(x, 3))
    local high = bxor(ror(y, 17), ror(y, 19), rshift(y, 10))
    words[index] = bit.tobit(words[index - 16] + low + words[index - 7] + high)
  end
  return words
end

local function compress(state, words)
  local bxor, band, ror, tobit = bit.bxor, bit.band, bit.ror, bit.tobit
  local a, b, c, d, e, f, g, h = unpack(state)
  for index = 1, 64 do
    local mixed = bxor(ror(e, 6), ror(e, 11), ror(e, 25)) + bxor(band(e, f), band(bit.bnot(e), g))
    local first = h + mixed + ROUNDS[index] + words[index]
    local second = bxor(ror(a, 2), ror(a, 13), ror(a, 22)) + bxor(band(a, b), band(a, c), band(b, c))
    a, b, c, d, e, f, g, h = tobit(first + second), a, b, c, tobit(d + first), e, f, g
  end
  local sums = {a, b, c, d, e, f, g, h}
  for index = 1, 8 do state[index] = tobit(state[index] + sums[index]) end
end

local function sha256(text)
  local state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19}
  local padded = paddedText(text)
  for from = 1, #padded, 64 do compress(state, schedule(padded, from)) end
  for index = 1, 8 do state[index] = bit.tohex(state[index]) end
  return table.concat(state)
end
