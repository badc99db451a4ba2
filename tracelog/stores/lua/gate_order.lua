-- In which order a call is decided, and how its state is kept.
local KEPT = 400 * 86400 -- seconds: a gate that nobody asks is forgotten, but no month of it too soon
local PHASES = { { 'critical', '@critical' }, { 'essential', 'own' }, { 'essential', 'loan' },
  { 'essential', '@essential' }, { 'privileged', 'own' }, { 'normal', 'own' }, { 'privileged', 'loan' },
  { 'normal', 'loan' } }

local function decide(plan, state, demands, now) -- returns what systems that asked have left, and have used
  local room, refused, remaining, filled = rooms(plan, state, now), 0, {}, {}
  for _, demand in ipairs(demands) do
    demand.left = demand[3]
    if demand.left > 0 then state.seen[demand[1]] = now end
  end
  for _, phase in ipairs(PHASES) do
    for _, demand in ipairs(demands) do
      if demand[2] == phase[1] and demand.left > 0 then
        demand.left = demand.left - serve(plan, state, room, demand, phase[2])
      end
    end
  end
  for _, demand in ipairs(demands) do
    if demand[2] ~= 'lease' then refused = refused + math.max(0, demand.left) end
  end
  for _, demand in ipairs(refused == 0 and demands or {}) do
    if demand[2] == 'lease' then
      take(plan, state, demand, math.min(demand[3], floor(room.own(demand[1]) / 8)), demand[1])
    end
  end
  for _, demand in ipairs(demands) do
    remaining[demand[1]], filled[demand[1]] = room.remaining(demand[1]), room.filled(demand[1])
  end
  return remaining, filled
end

local function save(state)
  local parts = {}
  for name, part in pairs(state) do
    parts[#parts + 1] = '"' .. name .. '":' .. (type(part) == 'table' and json(part) or string.format('%.0f', part))
  end
  local fields = { 'state', '{' .. table.concat(parts, ',') .. '}' }
  for number, counts in pairs(ring) do
    fields[#fields + 1], fields[#fields + 2] = field('b', number), json(counts)
  end
  redis.call('HSET', gate, unpack(fields))
  if later then redis.call('EXPIRE', gate, KEPT) end
end
