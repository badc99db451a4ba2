-- The rows of a batch enter the live view, and its counts the account: once, whoever does it and how often.
-- KEYS: backlog, live, order. ARGV: name of the batch, now in microseconds, ttl, C, C times name and number to be added
-- to the counts; then of each row its id, count, first and last moment, JSON. Returns 1, or 0 when it was done before.
local MOST, STEP, DAY = 10000, 1000, 86400
if redis.call('HSETNX', KEYS[1], '#' .. ARGV[1], 1) == 0 then return 0 end
redis.call('EXPIRE', KEYS[1], DAY)
local rows = 5 + 2 * tonumber(ARGV[4])
for i = 5, rows - 1, 2 do
  if ARGV[i + 1] ~= '0' then redis.call('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 1]) end
end
if #ARGV < rows then return 1 end

local version = math.max(tonumber(redis.call('HGET', KEYS[2], '@') or 0) + 1, tonumber(ARGV[2]))
for from = rows, #ARGV, 5 * STEP do
  local to, names, fields, order = math.min(#ARGV, from + 5 * STEP - 1), {}, {}, {}
  for i = from, to, 5 do names[#names + 1] = ARGV[i] end
  local olds = redis.call('HMGET', KEYS[2], unpack(names))
  for n, name in ipairs(names) do
    local i = from + 5 * (n - 1)
    local born, count, first, last = string.match(olds[n] or '', '^(%S+) (%S+) (%S+) (%S+)')
    if not first or tonumber(ARGV[i + 2]) < tonumber(first) then first = ARGV[i + 2] end
    if not last or tonumber(ARGV[i + 3]) > tonumber(last) then last = ARGV[i + 3] end
    fields[2 * n - 1], order[2 * n] = name, name
    fields[2 * n] = string.format('%s %.0f %s %s\n%s', born or string.format('%.0f', version),
      (count or 0) + ARGV[i + 1], first, last, ARGV[i + 4])
    order[2 * n - 1], version = string.format('%.0f', version), version + 1
  end
  redis.call('HSET', KEYS[2], '@', string.format('%.0f', version - 1), unpack(fields))
  redis.call('ZADD', KEYS[3], unpack(order))
end
for left = redis.call('ZCARD', KEYS[3]) - MOST, 1, -STEP do
  local gone = redis.call('ZRANGE', KEYS[3], 0, math.min(left, STEP) - 1)
  redis.call('ZREM', KEYS[3], unpack(gone))
  redis.call('HDEL', KEYS[2], unpack(gone))
end
redis.call('EXPIRE', KEYS[2], ARGV[3])
redis.call('EXPIRE', KEYS[3], ARGV[3])
return 1
