-- How a call begins: the clock goes on, and what is over leaves the window, the day and the month.
local later = false -- whether this call is the first of its minute

local function civil(day) -- its month as 202611, that month's first day, the next one's
  local year, first = 1970, 0
  while true do
    local leap = year % 4 == 0 and (year % 100 ~= 0 or year % 400 == 0)
    for month = 1, 12 do
      local short = month == 4 or month == 6 or month == 9 or month == 11
      local next = first + (month == 2 and (leap and 29 or 28) or short and 30 or 31)
      if day < next then return year * 100 + month, first, next end
      first = next
    end
    year = year + 1
  end
end

local function advance(state, now, seen_ms)
  if state.head == 0 then state.born = now end
  if state.head * MINUTE - now > DAY then -- the clock was wrong: every charge is taken for one of this minute
    for old = state.head - SPAN + 1, state.head do redis.call('HDEL', gate, field('b', old)) end
    state.head = floor(now / MINUTE)
    redis.call('HSET', gate, field('b', state.head), json(state.totals))
    for name, at in pairs(state.seen) do state.seen[name] = math.min(at, now) end
  end
  now = math.max(now, state.head * MINUTE)
  local minute, day = floor(now / MINUTE), floor(now / DAY)
  if minute > state.head then
    expire(state, minute)
    for name, at in pairs(state.seen) do if now - at >= seen_ms then state.seen[name] = nil end end
    state.head = minute
    later = true
  end
  if day ~= state.day then
    local month, begins, ends = civil(day)
    state.today = turn('d', state.day, day, state.today, DAYS_KEPT)
    if month ~= state.month then
      state.spent = turn('m', state.month, month, state.spent, MONTHS_KEPT)
      state.used = 0
      for _, n in pairs(state.spent) do state.used = state.used + n end
    end
    state.day, state.month, state.begins, state.ends = day, month, begins, ends
  end
  return now
end
