local function drop(gone)
  local pinned, left = redis.call('HMGET', KEYS[6], unpack(gone)), {}
  for i, id in ipairs(gone) do
    if not pinned[i] then left[#left + 1] = id end
  end
  if #left == 0 then return end
  for i = 1, 2 do redis.call('ZREM', KEYS[i], unpack(left)) end
  redis.call('HDEL', KEYS[5], unpack(left))
end

local function list(cut, cap, ttl, kept, written, failed, due) -- kept: seconds a line outlives its trace
  local lives, gone = ttl + kept, {}
  if #written > 0 then redis.call('ZADD', KEYS[1], 'GT', unpack(written)) end
  if #failed > 0 then
    redis.call('ZADD', KEYS[2], 'GT', unpack(failed))
    redis.call('EXPIRE', KEYS[2], lives)
  end
  local surplus = redis.call('ZCARD', KEYS[1]) - cap
  if surplus > 0 then
    gone = redis.call('ZRANGE', KEYS[1], 0, math.min(surplus, SWEPT) - 1)
  elseif due then
    gone = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', cut - 1000 * kept, 'LIMIT', 0, SWEPT)
  end
  if #gone > 0 then drop(gone) end
  if due then
    for _, i in ipairs({ 1, 2, 5 }) do redis.call('EXPIRE', KEYS[i], lives) end
  end
end
