-- Runs of running numbers as core/ended.py has them, { first, last, why } in order.
local MOST_RUNS = 64

local function runs_of(text)
  local runs = {}
  for first, last, why in string.gmatch(text, '(%d+)%-(%d+):?(%S*)') do
    runs[#runs + 1] = { tonumber(first), tonumber(last), why }
  end
  return runs
end

local function joined(runs, unnamed, from) -- neighbours in one; the first so many without their reasons
  local out = {}
  for i = from or 1, #runs do
    local run, before = runs[i], out[#out]
    local why = i <= unnamed and '' or run[3]
    if before and before[2] + 1 == run[1] and before[3] == why then before[2] = run[2] else
      out[#out + 1] = { run[1], run[2], why }
    end
  end
  return out
end

local function text_of(runs)
  table.sort(runs, function(a, b) return a[1] < b[1] end)
  runs = joined(runs, 0)
  if #runs > MOST_RUNS then runs = joined(runs, #runs - MOST_RUNS / 2) end
  local parts = {}
  for i = math.max(1, #runs - MOST_RUNS + 1), #runs do
    local run = runs[i]
    parts[#parts + 1] = string.format('%.0f-%.0f', run[1], run[2]) .. (run[3] == '' and '' or ':' .. run[3])
  end
  return table.concat(parts, ' ')
end

local function without(runs, others) -- the parts of runs that none of others touches
  local out, at = {}, 1
  for _, run in ipairs(runs) do
    local first, last = run[1], run[2]
    while at <= #others and others[at][1] <= last do
      local low, high = others[at][1], others[at][2]
      if high >= first then
        if low > first then out[#out + 1] = { first, low - 1, run[3] } end
        first = high + 1
      end
      if high > last then break end
      at = at + 1
    end
    if first <= last then out[#out + 1] = { first, last, run[3] } end
  end
  return out
end
