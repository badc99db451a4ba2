-- Charges what can be granted: take() from one pool, serve() from a kind of source. Grants are collected as JSON.
local grants = {}

local function take(plan, state, demand, want, pool)
  local system, cls = demand[1], demand[2]
  local ceiling = cls == 'critical' and plan.hard or cls == 'essential' and plan.full or plan.normal
  local n = math.min(want, ceiling - state.used)
  if n <= 0 then return 0 end
  charge(state, pool, system, n)
  grants[#grants + 1] = string.format('["%s","%s",%.0f,"%s",%.0f]', system, cls, n, pool, state.head)
  return n
end

local function borrow(plan, state, room, demand, want)
  local taken, lenders, offer = 0, {}, {}
  for place, pool in ipairs(plan.systems) do
    if pool ~= demand[1] then
      lenders[#lenders + 1], offer[pool] = pool, room.lendable(pool, demand[1]) - place / 1000 -- equal offers in order
    end
  end
  table.sort(lenders, function(a, b) return offer[a] > offer[b] end)
  for _, pool in ipairs(lenders) do
    taken = taken + take(plan, state, demand, math.min(want - taken, room.lendable(pool, demand[1])), pool)
  end
  return taken
end

local function serve(plan, state, room, demand, source)
  local want = demand.left
  if source == 'loan' then return borrow(plan, state, room, demand, want) end
  if source == 'own' then return take(plan, state, demand, math.min(want, room.own(demand[1])), demand[1]) end
  local left = plan[string.sub(source, 2)] - (state.totals[source] or 0)
  if source == '@essential' then
    local most = demand[1] == 'other' and plan.others or plan.essential
    for name in pairs(state.seen) do
      if name ~= demand[1] and name ~= 'other' then most = math.min(most, plan.one) end
    end
    left = math.min(left, most - (state.totals['!' .. demand[1]] or 0))
  end
  return take(plan, state, demand, math.min(want, left), source)
end
