-- The gate's clock, as core/quota_ring.py describes it: minutes in fields b<minute>, earlier days in d<day> and
-- months in m<month>, each JSON of name → count; the rest of the state is one field.
local MINUTE, DAY, SPAN, DAYS_KEPT, MONTHS_KEPT, HEARD_MINUTES, MOST_SERVERS = 60000, 86400000, 61, 62, 200, 10, 256
local gate, floor = KEYS[1], math.floor

local function field(kind, number) return kind .. string.format('%.0f', number) end

local function add(counts, name, n)
  local total = (counts[name] or 0) + n
  counts[name] = total > 0 and total or nil
end

local function json(counts) -- by hand: engines differ in what an empty table is
  local parts = {}
  for name, n in pairs(counts) do parts[#parts + 1] = string.format('"%s":%.0f', name, n) end
  return '{' .. table.concat(parts, ',') .. '}'
end

local function turn(kind, old, new, counts, kept) -- the counts that a day or month begins with
  local known = {}
  if new > old then
    if old > 0 then redis.call('HSET', gate, field(kind, old), json(counts)) end
  else -- the clock was wrong: its own counts and those since
    known = cjson.decode(redis.call('HGET', gate, field(kind, new)) or '{}')
    for name, n in pairs(counts) do add(known, name, n) end
    redis.call('HDEL', gate, field(kind, new))
  end
  for _, name in ipairs(redis.call('HKEYS', gate)) do
    local number = tonumber(string.match(name, '^' .. kind .. '(%d+)$'))
    if number and number < new - kept then redis.call('HDEL', gate, name) end
  end
  return known
end

local function hear(state, server) -- how many servers have called within the last minutes
  local servers, count = state.servers or {}, 0 -- a state of earlier versions has none
  state.servers = servers
  for name, at in pairs(servers) do
    if at > state.head or state.head - at >= HEARD_MINUTES then servers[name] = nil else count = count + 1 end
  end
  if server == '' or not servers[server] and count >= MOST_SERVERS then return count end
  if not servers[server] then count = count + 1 end
  servers[server] = state.head
  return count
end
