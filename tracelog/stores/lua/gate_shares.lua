-- What every pool has left, as core/quota.py describes it: own(), lendable() and remaining().
local function paced(plan, state, now) -- the shares, smaller where the month has too little left for its hours
  if plan.pace == 0 then return plan.shares end
  local limit, shares = 0, {}
  for _, share in pairs(plan.shares) do limit = limit + share end
  local left = math.max(0, plan.writes - state.used)
  local hour = floor(left * plan.pace * 3600000 / math.max(3600000, state.ends * DAY - now))
  if hour >= limit then return plan.shares end
  for pool, share in pairs(plan.shares) do shares[pool] = floor(share * hour / limit) end
  return shares
end

local function rooms(plan, state, now)
  local self, shares = {}, paced(plan, state, now)
  function self.own(system)
    local lent = plan.overdraft and state.totals['<' .. system] or 0
    return (shares[system] or 0) - (state.totals[system] or 0) + lent
  end
  function self.lendable(pool, to)
    local seen = state.seen[pool]
    if seen and now - seen < plan.active_ms then return 0 end
    local most = seen and 100 - plan.wake or 100
    if to == 'other' then most = math.min(most, plan.lent) end
    return floor(shares[pool] * most / 100) - (state.totals[pool] or 0)
  end
  function self.filled(system) -- in percent
    local share, held = shares[system] or 0, state.totals[system] or 0
    if share == 0 then -- it can only borrow: what counts is how full all pools are
      held = 0
      for _, pool in ipairs(plan.systems) do
        share, held = share + shares[pool], held + (state.totals[pool] or 0)
      end
    end
    return share == 0 and 100 or floor(held * 100 / share)
  end
  function self.remaining(system)
    local sum = math.max(0, self.own(system))
    for _, pool in ipairs(plan.systems) do
      if pool ~= system then sum = sum + math.max(0, self.lendable(pool, system)) end
    end
    return math.max(0, math.min(sum, plan.normal - state.used))
  end
  return self
end
