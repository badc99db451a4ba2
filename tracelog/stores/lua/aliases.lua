-- Aliases: what names mean to all servers; core/aliases.py tells the same in Python.
-- KEYS: the even and the odd window: name -> meaning, and "@" -> number of the window, names in it.
-- ARGV: length of a window and, for tests, the time instead of that of Redis, both in ms; names of a window at most;
-- the body; how many names it tells of, and each with its meaning; the names it asks for.
-- Returns the meaning of each name asked for, '' when nobody said.
local window, now, most, told = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[5])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local at = math.floor(now / window)
local here, before = KEYS[at % 2 + 1], KEYS[(at + 1) % 2 + 1]
local names, meant, first = { '@', ARGV[4] }, {}, 6 + 2 * told
for i = 6, first - 1, 2 do names[#names + 1], meant[ARGV[i]] = ARGV[i], ARGV[i + 1] end
for i = first, #ARGV do names[#names + 1] = ARGV[i] end

local function read(key, number)
  local found = redis.call('HMGET', key, unpack(names))
  return found[1] and tonumber(string.match(found[1], '^%d+')) == number and found or {}
end

local known, earlier = read(here, at), read(before, at - 1)
for i = 2, #names do meant[names[i]] = known[i] or earlier[i] or meant[names[i]] end
local answer, said, asked = {}, {}, #ARGV - first + 1
for part in string.gmatch((meant[ARGV[4]] or '') .. '\n', '(.-)\n') do said[#said + 1] = part end
local is_known = meant[ARGV[4]] and #said == asked
for i = 1, asked do answer[i] = is_known and said[i] or meant[ARGV[first + i - 1]] or '' end
if asked > 0 then meant[ARGV[4]] = table.concat(answer, '\n') end

local count, news, put = known[1] and tonumber(string.match(known[1], '%d+$')) or 0, { '@', '' }, {}
if not known[1] then redis.call('DEL', here) end
for i = 2, #names do
  local name = names[i]
  if meant[name] and (known[i] or put[name] or count < most) then
    if not known[i] and not put[name] then count = count + 1 end
    news[#news + 1], news[#news + 2], put[name] = name, meant[name], true
  end
end
news[2] = string.format('%.0f %.0f', at, count)
redis.call('HSET', here, unpack(news))
if not known[1] then redis.call('PEXPIRE', here, 2 * window) end
return answer
