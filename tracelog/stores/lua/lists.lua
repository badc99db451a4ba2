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

local function remember(now) -- keeps what was noted; returns whether the lists are to be looked through
  if #grown == 0 then return false end
  local old = redis.call('HMGET', KEYS[5], '@', unpack(grown))
  local due = math.abs(now - tonumber(old[1] or 0)) >= TIDY
  local fields = due and { '@', now } or {}
  for i, id in ipairs(grown) do
    local line, before = growth[id], old[i + 1] or ''
    local pattern = '^(%S+) (%S+) (%d+) (%d+) ?(%S*)'
    local first, last, n, errors, systems = string.match(line.new and '' or before, pattern)
    if not last or tonumber(last) < tonumber(line.score) then last = line.score end
    fields[#fields + 1] = id
    fields[#fields + 1] = string.format('%s %s %.0f %.0f %s', first or line.score, last, (n or 0) + line.n,
      (errors or 0) + line.errors, named(systems or '', line.systems))
  end
  redis.call('HSET', KEYS[5], unpack(fields))
  return due
end
