-- One trace with a quota: keep() as in trace.lua, and KEYS[k + 2] counts what the trace has used; T over its quota,
-- Z over its bytes, E an echo, N an own row of which only the count is kept. What keep() is told is a class letter for
-- each entry, then a print for each; the last of ARGV is
-- "normal extra critical window_ms bytes echo_burst echo_window_ms own ordinary_bytes now_ms". stores/trace_quota.py.
local EACH, WIDTH = 3, 16
local CRITICAL, ESSENTIAL, OWN, PRIVILEGED, OWN_COUNT = 99, 101, 111, 112, 119 -- c, e, o, p, w
local most = {}
for number in string.gmatch(ARGV[#ARGV], '%d+') do most[#most + 1] = tonumber(number) end
local half = math.floor(most[2] / 2)
local spare = { [ESSENTIAL] = most[2], [PRIVILEGED] = half, [OWN] = half }
local moment

local function now()
  if not moment then
    local time = redis.call('TIME')
    moment = time[1] * 1000 + math.floor(time[2] / 1000)
  end
  return moment
end

local function room(used, class) -- the counter that has room for one more
  if class == OWN and used.o < most[8] then return 'o' end
  if used.c == 1 or class == CRITICAL then
    return used.n + used.x < most[3] - (class == PRIVILEGED and most[2] or 0) and 'n'
  end
  if used.n < most[1] then return 'n' end
  return used.x < (spare[class] or 0) and 'x'
end

local function admit(used, class, size)
  local noted = (class == OWN or class == OWN_COUNT) and used.b > 0 and 'N'
  if class == OWN_COUNT then return noted or 'T' end
  local counter = room(used, class)
  if not used.t then used.t = now() end
  if not counter and now() - used.t >= most[4] then
    used.n, used.x, used.o, used.t = 0, 0, 0, now()
    counter = room(used, class)
  end
  if not counter then return noted or 'T' end
  local whole = class == ESSENTIAL or class == CRITICAL or class == OWN
  if most[5] > 0 and used.b + size > most[whole and 5 or 9] then return noted or 'Z' end
  used[counter], used.b = used[counter] + 1, used.b + size
  if class == CRITICAL then used.c = 1 end
  return 'A'
end
