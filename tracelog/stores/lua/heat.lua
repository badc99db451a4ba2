-- Heat: what several servers have met of forms; core/heat.py tells the same in Python.
-- KEYS: the even and the odd window: form -> "count system,system", and "@" -> number of the window, forms in it.
-- ARGV: length of a window and, for tests, the time instead of that of Redis, both in ms; then form, count and systems
-- of each. Returns "count system,system" for each form.
local FORMS, SYSTEMS = 4096, 16
local window, now = tonumber(ARGV[1]), tonumber(ARGV[2])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local gone, names = now % window, { '@' }
local at = (now - gone) / window
local here, before = KEYS[at % 2 + 1], KEYS[(at + 1) % 2 + 1]
for i = 3, #ARGV, 3 do names[#names + 1] = ARGV[i] end

local function read(key, number)
  local found = redis.call('HMGET', key, unpack(names))
  local is_it = found[1] and tonumber(string.match(found[1], '^%d+')) == number
  return is_it and found or {}
end

local function plus(text, n, systems)
  local met, list, known = string.match(text or '0 ', '^%d+'), {}, {}
  for system in string.gmatch(string.sub(text or '0 ', #met + 2) .. ',' .. systems, '[^,]+') do
    if not known[system] and #list < SYSTEMS then known[system], list[#list + 1] = true, system end
  end
  return string.format('%.0f ', met + n) .. table.concat(list, ',')
end

local known, earlier, news, totals = read(here, at), read(before, at - 1), { '@', '' }, {}
local room = FORMS - (known[1] and string.match(known[1], '%d+$') or 0)
if not known[1] then redis.call('DEL', here) end
for i = 2, #names do
  local total = plus(known[i], ARGV[3 * i - 2], ARGV[3 * i - 1])
  local met, systems = string.match(earlier[i] or '0 ', '^(%d+) (.*)$')
  if known[i] or room > 0 then news[#news + 1], news[#news + 2] = names[i], total end
  if not known[i] and room > 0 then room = room - 1 end
  totals[i - 1] = plus(total, math.floor(met * (window - gone) / window), systems)
end
news[2] = string.format('%.0f %.0f', at, FORMS - room)
redis.call('HSET', here, unpack(news))
if not known[1] then redis.call('PEXPIRE', here, 2 * window) end
return totals
