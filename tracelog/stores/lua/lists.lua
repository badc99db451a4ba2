-- Traces by their last write, and of each a line that outlives it by a day: "first last entries errors systems",
-- both moments those of writes. KEYS: 1 recent, 2 errors, 5 lines, 6 pins; pinned traces stay listed.
local SWEPT, TIDY, SYSTEMS = 2000, 60000, 32 -- traces dropped a call; ms between looks for old ones; names of a trace
local grown, growth = {}, {}

local function grow(id, score, n, errors, systems, new) -- new: this call made the trace
  local line = growth[id]
  if not line then
    line = { score = score, n = 0, errors = 0, systems = {} }
    grown[#grown + 1], growth[id] = id, line
  end
  line.n, line.errors, line.new = line.n + n, line.errors + errors, line.new or new
  for _, name in ipairs(systems) do line.systems[#line.systems + 1] = name end
end

local function named(known, names)
  for _, name in ipairs(names) do
    local _, commas = string.gsub(known, ',', '')
    if known == '' then known = name
    elseif commas < SYSTEMS - 1 and not string.find(',' .. known .. ',', ',' .. name .. ',', 1, true) then
      known = known .. ',' .. name
    end
  end
  return known
end
