-- A processor asks for work: a batch whose processor went silent, else new entries. Each batch is a consumer of the
-- group, so that what belongs to it never changes, whoever works on it.
-- KEYS: queue, lines, watched. ARGV: group, name for a new batch, milliseconds of silence, most entries of the stream
-- and bytes a batch, 1 to take whatever there is, ttl. With 0 only a full batch is taken, or any if somebody watches.
-- Returns 1 if somebody watches, the name of the batch, and its entries; the latter two only with a batch.
local queue, group, ttl = KEYS[1], ARGV[1], ARGV[7]

local function want()
  redis.pcall('XGROUP', 'CREATE', queue, group, '0', 'MKSTREAM')
  redis.call('EXPIRE', queue, ttl)
  redis.call('HSET', KEYS[2], '@queue', 0)
  if redis.call('PTTL', KEYS[2]) < 0 then redis.call('EXPIRE', KEYS[2], ttl) end
  return 0
end

local held = redis.call('HGET', KEYS[2], '@queue') or want()
local watched, most = redis.call('EXISTS', KEYS[3]), tonumber(ARGV[4])
if watched == 0 and ARGV[6] == '0' and tonumber(held) < tonumber(ARGV[5]) then return { 0 } end

local function entries(name, from, count)
  local found = redis.pcall('XREADGROUP', 'GROUP', group, name, 'COUNT', count, 'STREAMS', queue, from)
  if found and found.err then -- the stream went alone
    want()
    return {}
  end
  return found and found[1] and found[1][2] or {}
end

redis.call('EXPIRE', queue, ttl)
local length = redis.pcall('XLEN', queue)
if ARGV[6] == '1' and type(length) == 'number' and length > 0 then
  for _, facts in ipairs(redis.pcall('XINFO', 'CONSUMERS', queue, group)) do
    local told = {}
    for i = 1, #facts, 2 do told[facts[i]] = facts[i + 1] end
    if told.idle > tonumber(ARGV[3]) then
      if told.pending > 0 then return { watched, told.name, entries(told.name, '0', most) } end
      redis.call('XGROUP', 'DELCONSUMER', queue, group, told.name)
    end
  end
end
if length == 0 then return { watched } end
local mean = math.max(1, tonumber(held) / length)
local found = entries(ARGV[2], '>', math.max(1, math.min(most, math.floor(ARGV[5] / mean))))
if #found > 0 then return { watched, ARGV[2], found } end
redis.pcall('XGROUP', 'DELCONSUMER', queue, group, ARGV[2])
return { watched }
