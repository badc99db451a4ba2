-- A batch is done and leaves the queue. KEYS: queue, lines, backlog. ARGV: group, name of the batch, its bytes, its
-- entries of the stream. Returns 1, or 0 when another processor was faster.
local queue, group = KEYS[1], ARGV[1]
local acked = redis.pcall('XACK', queue, group, unpack(ARGV, 4))
if acked == 0 or type(acked) ~= 'number' then return 0 end
redis.call('XDEL', queue, unpack(ARGV, 4))
redis.call('XGROUP', 'DELCONSUMER', queue, group, ARGV[2])
redis.call('HDEL', KEYS[3], '#' .. ARGV[2])
redis.call('HINCRBY', KEYS[3], 'batches', 1)
local held = redis.call('HGET', KEYS[2], '@queue')
if held then
  local left = redis.call('XLEN', queue) == 0 and 0 or math.max(0, held - ARGV[3])
  redis.call('HSET', KEYS[2], '@queue', string.format('%.0f', left))
end
return 1
