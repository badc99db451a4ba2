-- Keeps the lines of traces, and lets what was stored wait for a processor, as one JSON array for each call. A processor
-- wants it where `@queue` stands in the lines (take.lua): the bytes that wait. What both cost is one command.
-- KEYS: 5 lines, 7 queue, 8 backlog.
local MOST = 67108864 -- bytes that wait

local function enqueue(bodies, held) -- returns the bytes that wait now, if these changed
  if not held or #bodies == 0 then return end
  local text = '[' .. table.concat(bodies, ',') .. ']'
  if tonumber(held) + #text <= MOST then
    local id = redis.call('XADD', KEYS[7], 'NOMKSTREAM', '*', 'e', text, 'n', #bodies)
    if id then return string.format('%.0f', held + #text) end
  elseif redis.call('EXISTS', KEYS[7]) == 1 then
    redis.call('HINCRBY', KEYS[8], 'cut', #bodies)
    return
  end
  redis.call('HDEL', KEYS[5], '@queue') -- no processor has looked for a day
end

local function remember(now, bodies, slot, call) -- returns whether the lists are to be looked
  -- through (nil: nothing was noted), and whether this call was done before
  if #grown + #bodies == 0 then return nil end
  local old = redis.call('HMGET', KEYS[5], '@', '@queue', slot or '@', unpack(grown))
  if call and old[3] == call then return nil, true end -- it comes again, after its answer was lost
  local due = math.abs(now - tonumber(old[1] or 0)) >= TIDY
  local fields = due and { '@', now } or {}
  local function put(name, value) fields[#fields + 1], fields[#fields + 2] = name, value end
  if call then put(slot, call) end
  local held = enqueue(bodies, old[2])
  if held then put('@queue', held) end
  for i, id in ipairs(grown) do
    local line, before = growth[id], old[i + 3] or ''
    local pattern = '^(%S+) (%S+) (%d+) (%d+) ?(%S*)'
    local first, last, n, errors, systems = string.match(line.new and '' or before, pattern)
    if not last or tonumber(last) < tonumber(line.score) then last = line.score end
    put(id, string.format('%s %s %.0f %.0f %s', first or line.score, last, (n or 0) + line.n,
      (errors or 0) + line.errors, named(systems or '', line.systems)))
  end
  redis.call('HSET', KEYS[5], unpack(fields))
  return due
end
