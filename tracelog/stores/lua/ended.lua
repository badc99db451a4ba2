-- What a source's entries ended as, each counted once: core/ended.py over the runs of runs.lua.

local function measure(sizes, runs, sign)
  for _, run in ipairs(runs) do
    if run[3] ~= '' then sizes[run[3]] = (sizes[run[3]] or 0) + sign * (run[2] - run[1] + 1) end
  end
  return sizes
end

local function both(one, two)
  for _, run in ipairs(two) do one[#one + 1] = run end
  return one
end

local function refuse_runs(text, said) -- text with said where it is new, and how many that is by reason
  local known = runs_of(text)
  local fresh = without(runs_of(said), known)
  return text_of(both(known, fresh)), measure({}, fresh, 1)
end

local function store_runs(text, said) -- text with said stored, and how many of it were counted as refused
  local first, last = string.match(text, '^(%d+)%-(%d+)$')
  local from, to = string.match(said, '^(%d+)%-(%d+)$')
  if from and text == '' then return said, {} end
  if from and first and tonumber(from) == last + 1 then return first .. '-' .. to, {} end
  local known, said_runs = runs_of(text), runs_of(said)
  local left = without(known, said_runs)
  return text_of(both(left, said_runs)), measure(measure({}, known, 1), left, -1)
end

local function field_of(why, name) -- of the hash of outcomes
  local outcome, reason = string.match(why, '^([^/]*)/(.*)$')
  return outcome .. ' ' .. reason .. ' ' .. name
end
