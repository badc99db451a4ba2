-- The window: what leaves it when time goes on, what is charged to it, what returns.
local ring = {} -- the minutes this call touches

local function bucket(number)
  ring[number] = ring[number] or cjson.decode(redis.call('HGET', gate, field('b', number)) or '{}')
  return ring[number]
end

local function expire(state, to)
  local gone = {}
  for old = state.head - SPAN + 1, math.min(state.head, to - SPAN) do gone[#gone + 1] = field('b', old) end
  if #gone == 0 then return end
  for _, counts in ipairs(redis.call('HMGET', gate, unpack(gone))) do
    for name, n in pairs(cjson.decode(counts or '{}')) do add(state.totals, name, -n) end
  end
  redis.call('HDEL', gate, unpack(gone))
end

local function names(pool, system)
  if pool == '@essential' then return { pool, '!' .. system } end
  if pool == system or string.sub(pool, 1, 1) == '@' then return { pool } end
  return { pool, '<' .. pool, '>' .. system }
end

local function charge(state, pool, system, n)
  local counts = bucket(state.head)
  for _, name in ipairs(names(pool, system)) do add(state.totals, name, n) add(counts, name, n) end
  add(state.spent, system, n)
  add(state.today, system, n)
  state.used = state.used + n
end

local function refund(state, pool, at, n, system)
  if at <= state.head - SPAN or at > state.head then return end
  local counts, all = bucket(at), names(pool, system)
  for _, name in ipairs(all) do n = math.min(n, counts[name] or 0) end
  if n <= 0 then return end
  for _, name in ipairs(all) do add(counts, name, -n) add(state.totals, name, -n) end
  if at * MINUTE >= state.begins * DAY then
    local back = math.min(n, state.spent[system] or 0)
    add(state.spent, system, -back)
    state.used = state.used - back
  end
  if at * MINUTE >= state.day * DAY then add(state.today, system, -n) end
end
