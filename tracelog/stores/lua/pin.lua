-- KEYS: pins. ARGV: trace, until, bytes, now, most pins, most bytes of all, ttl of the key. A pin counts until its
-- time is over. Returns 'most' or 'bytes' for the bound in the way, else nothing.
local now, count, size, over = tonumber(ARGV[4]), 1, tonumber(ARGV[3]), {}
local pins = redis.call('HGETALL', KEYS[1])
for i = 1, #pins, 2 do
  local till, bytes = string.match(pins[i + 1], '^(%S+) (%S+)')
  if tonumber(till) <= now - 1000 * tonumber(ARGV[7]) then over[#over + 1] = pins[i]
  elseif tonumber(till) > now and pins[i] ~= ARGV[1] then
    count, size = count + 1, size + tonumber(bytes)
  end
end
if #over > 0 then redis.call('HDEL', KEYS[1], unpack(over)) end
if count > tonumber(ARGV[5]) then return 'most' end
if size > tonumber(ARGV[6]) then return 'bytes' end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ' ' .. ARGV[3] .. ' ' .. ARGV[4])
redis.call('EXPIRE', KEYS[1], math.ceil((ARGV[2] - now) / 1000) + ARGV[7])
return ''
